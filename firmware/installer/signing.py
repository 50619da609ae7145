"""What is packed and signed: a bundle, or a draft of one that waits for whoever has the key.

A draft is the zip of a bundle with its manifest, without magic, key and signature; no handset takes it.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from contract.results import OutcomeCode
from firmware.base.durable import sync_folder
from provisioning.archive import Archive, write_archive
from provisioning.bundle import MANIFEST, MAX_BUNDLE_BYTES, key_words, open_bundle, size_limit, write_bundle
from provisioning.errors import ProvisioningError, refuse
from provisioning.manifest import Manifest, manifest_text, read_manifest
from provisioning.section import sentences_of
from provisioning.trust import Kind, Trust, may_sign

_ZIP_MARK: Final = b"PK\x03\x04"
BUNDLE_SUFFIX: Final = ".wecall"
DRAFT_SUFFIX: Final = ".draft"


@dataclass(frozen=True, slots=True)
class Packed:
    """What was in a bundle or a draft.

    Attributes:
        manifest: what it says about itself.
        contents: the rest, by name.
        signer: the public key that signed it; None for a draft.
    """

    manifest: Manifest
    contents: Mapping[str, bytes]
    signer: bytes | None


def write_signed(path: Path, contents: Mapping[str, bytes | Path], manifest: Manifest, key: Ed25519PrivateKey) -> None:
    """Write a bundle, whole or not at all.

    Raises:
        BundleRefusedError: no handset would take it.
        OSError: something cannot be read or written.
    """
    with _whole_or_not_at_all(path) as target:
        write_bundle(contents, manifest, key, target)


def write_draft(path: Path, contents: Mapping[str, bytes | Path], manifest: Manifest) -> None:
    """Write a draft, whole or not at all.

    Raises:
        OSError: something cannot be read or written.
    """
    packed = {MANIFEST: manifest_text(manifest), **contents}
    with _whole_or_not_at_all(path) as target:
        write_archive(packed, target)


def read_packed(path: Path) -> Packed:
    """Read a draft, or a bundle whose signature holds, whoever signed it.

    Raises:
        BundleRefusedError: it is neither, or is damaged.
        ProvisioningError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP_MARK)) != _ZIP_MARK:
                bundle = open_bundle(file, None)
                contents = {name: bundle.read(name) for name in bundle.names if name != MANIFEST}
                return Packed(bundle.manifest, contents, bundle.signer)
            archive = Archive(file, 0, min(file.seek(0, os.SEEK_END), MAX_BUNDLE_BYTES), size_limit)
            contents = {name: b"".join(archive.pieces(name)) for name in archive.sizes}
    except OSError as error:
        raise ProvisioningError(f"{path} cannot be read: {error.strerror}.") from error
    if MANIFEST not in contents:
        raise ProvisioningError(f"{path} is no draft of a bundle. Make one: wecall bundle build")
    return Packed(read_manifest(contents.pop(MANIFEST)), contents, None)


def new_manifest(fleet: str, number: int, serials: Sequence[str], *, days: int, note: str, now: datetime) -> Manifest:
    """Say of what is made now for which handsets it is, and for how many days they take it.

    Raises:
        ProvisioningError: a serial or the note cannot be one.
    """
    try:
        return Manifest(
            number=number,
            fleet=fleet,
            serials=tuple(sorted({serial.lower() for serial in serials})),
            issued_at=now,
            not_after=now + timedelta(days=days),
            note=note,
        )
    except ValidationError as error:
        raise ProvisioningError("The bundle cannot be described.", sentences_of(error)) from None


def renewed(manifest: Manifest, now: datetime, days: int | None) -> Manifest:
    """Return a manifest for what is signed now: it may be taken for so many days, or for as long as was meant."""
    lasts = manifest.not_after - manifest.issued_at if days is None else timedelta(days=days)
    return manifest.model_copy(update={"issued_at": now, "not_after": now + lasts})


def check_signer(trusts: Iterable[Trust], key: Ed25519PrivateKey) -> None:
    """Refuse to sign what would lock everybody out, and warn of what else the signer will wonder about.

    Args:
        trusts: whom each of the configurations trusts.
        key: signs.

    Raises:
        BundleRefusedError: a configuration trusts no key with bundles.
    """
    trusts = tuple(trusts)
    if not all(trust.has_key_for(Kind.BUNDLE) for trust in trusts):
        refuse(
            OutcomeCode.LOCKED_OUT,
            "[trust] in config.toml names no key that may sign bundles, so that a handset could never take another. "
            f"To trust the key that signs this one, add:\n\n{trust_lines(key)}",
        )
    public = key.public_key().public_bytes_raw()
    if not all(may_sign(public, Kind.BUNDLE, trust.keys) for trust in trusts):
        warn(
            "[trust] in config.toml does not name the key that signs this bundle: the handset takes this one from it, "
            "where it trusts it now, and none after that."
        )


def trust_lines(key: Ed25519PrivateKey, *, updates: bool = False) -> str:
    """Return what a configuration says to trust a key, and its words as a remark.

    Args:
        key: signs.
        updates: it announces updates, and signs nothing else; otherwise it signs all but those.
    """
    public = key.public_key().public_bytes_raw()
    text = base64.b64encode(public).decode("ascii")
    kinds = {Kind.UPDATE} if updates else set(Kind) - {Kind.FIRMWARE, Kind.UPDATE}
    signs = ", ".join(f'"{kind}"' for kind in Kind if kind in kinds)
    return f'[[trust.keys]]  # {" ".join(key_words(public))}\npublic = "{text}"\nsigns = [{signs}]'


def words_line(key: Ed25519PrivateKey) -> str:
    """Say by which words a handset shows the key that signed, for the signer to read out."""
    words = " ".join(key_words(key.public_key().public_bytes_raw()))
    return f"A handset that knows no key yet shows these words of yours: {words}"


def warn(text: str) -> None:
    """Say what may be meant so, and may be not."""
    click.echo(f"{click.style('warning:', fg='yellow')} {text}", err=True)


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its name and its place once it is complete and on the disk."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
