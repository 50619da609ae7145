"""Bundles: everything that sets a handset up, in one file that somebody signed.

    magic, 8 bytes | Ed25519 public key of the signer, 32 | signature, 64 | zip

The signature covers a label that no other protocol uses, the magic, the public key and the SHA-512 of the zip. So it is
checked in one pass over the file, in bounded memory, and nothing of the zip is looked at before it holds.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from contract.results import OutcomeCode
from provisioning.archive import Archive, write_archive
from provisioning.errors import refuse
from provisioning.manifest import SERIAL_PATTERN, Manifest, manifest_text, read_manifest
from provisioning.trust import Kind, TrustedKey, key_id, may_sign

MAX_BUNDLE_BYTES: Final = 256 * 1024 * 1024
"""The largest file that is a bundle."""

MANIFEST: Final = "manifest.json"

FIRMWARE: Final = "firmware"
"""The folder in which a bundle has firmware, which handsets took from bundles once."""

FIRMWARE_COMES_OTHERWISE: Final = (
    "Bundles bring none any more: leave it out. A phone that runs from a card of ours takes a .raucb file beside the "
    "bundle on the stick, or a new card; apt updates one that was installed as a Debian package."
)
"""What to do about a bundle with firmware in it."""

MAGIC: Final = b"WeCallB1"
_LABEL: Final = b"WeCall Handset, bundle, 1\0"
_PUBLIC_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_PUBLIC_KEY_AT: Final = len(MAGIC)
_SIGNATURE_AT: Final = _PUBLIC_KEY_AT + _PUBLIC_KEY_BYTES
_ZIP_AT: Final = _SIGNATURE_AT + _SIGNATURE_BYTES
_PIECE_BYTES: Final = 256 * 1024

_KEY_WORDS: Final = 6
_WORD_BITS: Final = 11

_KIB: Final = 1024
_MIB: Final = 1024 * 1024
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_CONTENTS: Final[tuple[tuple[re.Pattern[str], int], ...]] = tuple(
    (re.compile(pattern), most_bytes)
    for pattern, most_bytes in (
        (r"manifest\.json", 64 * _KIB),
        (r"config\.toml", 256 * _KIB),
        (r"contacts\.vcf", 8 * _MIB),
        (rf"certificates/{_NAME}\.pem", 512 * _KIB),
        (rf"(?:policies|notices|reset)/{_NAME}", 64 * _KIB),
        (rf"pictures/{_NAME}\.(?:png|jpg)", 4 * _MIB),
        (rf"ring_tones/{_NAME}\.wav", 8 * _MIB),
        (rf"sealed/(?:code|{SERIAL_PATTERN})", 32 * _KIB),
        (rf"{FIRMWARE}/[A-Za-z0-9][A-Za-z0-9._+!-]{{0,140}}\.whl", 128 * _MIB),
    )
)


def size_limit(name: str) -> int | None:
    """Return the most bytes that a file of this name may have in a bundle; None where none may be called so."""
    return next((most_bytes for pattern, most_bytes in _CONTENTS if pattern.fullmatch(name)), None)


class Bundle:
    """A bundle whose signature holds; it reads from the file that it was opened on.

    Attributes:
        signer: the Ed25519 public key whose signature it carries, 32 bytes.
        digest: SHA-256 of the whole file in hexadecimal, by which it is known again.
        manifest: what it says about itself.
    """

    def __init__(self, archive: Archive, signer: bytes, digest: str) -> None:
        self._archive = archive
        self.signer = signer
        self.digest = digest
        if MANIFEST not in archive.sizes:
            refuse(OutcomeCode.UNREADABLE, f"This bundle is signed, but there is no {MANIFEST} in it.")
        self.manifest: Manifest = read_manifest(self.read(MANIFEST))

    @property
    def names(self) -> tuple[str, ...]:
        """What is in it, in its order; names are those of `size_limit` only."""
        return tuple(self._archive.sizes)

    @property
    def sizes(self) -> Mapping[str, int]:
        """What is in it, with sizes in bytes."""
        return self._archive.sizes

    def within(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder, such as "certificates"."""
        return tuple(name for name in self.names if name.startswith(f"{folder}/"))

    def check_signer(self, keys: Iterable[TrustedKey]) -> None:
        """Refuse a bundle whose signer may not sign any.

        Raises:
            BundleRefusedError: with the reason.
        """
        if not may_sign(self.signer, Kind.BUNDLE, keys):
            _refuse_signer(self.signer)

    def check_firmware(self) -> None:
        """Refuse a bundle with firmware in it: nothing of it is taken.

        Raises:
            BundleRefusedError: with the way that firmware comes now.
        """
        if self.within(FIRMWARE):
            _refuse_firmware()

    def read(self, name: str) -> bytes:
        """Return one file of it, no longer than `size_limit` says; meant for what is small.

        Raises:
            KeyError: there is no such file in it.
            BundleRefusedError: the file is damaged.
        """
        return b"".join(self._archive.pieces(name))

    def extract(self, name: str, target: BinaryIO) -> None:
        """Write one file of it to a target, piece by piece; after a refusal what is there is worth nothing.

        Raises:
            KeyError: there is no such file in it.
            BundleRefusedError: the file is damaged.
            OSError: the target cannot be written.
        """
        target.writelines(self._archive.pieces(name))


def open_bundle(file: BinaryIO, keys: Iterable[TrustedKey] | None) -> Bundle:
    """Check that a bundle was signed by a key that may, then read its directory and its manifest.

    Args:
        file: of the whole bundle. It is read twice: nobody else may be able to write to it, as they are to a stick.
        keys: those that count; None takes any signer, for a first bundle whose words (`key_words`) the holder is shown.

    Raises:
        BundleRefusedError: with the reason.
    """
    size_bytes = file.seek(0, os.SEEK_END)
    if size_bytes > MAX_BUNDLE_BYTES:
        refuse(OutcomeCode.TOO_LARGE, f"This file has {size_bytes} bytes; a bundle has {MAX_BUNDLE_BYTES} at most.")
    file.seek(0)
    header = file.read(_ZIP_AT)
    if len(header) < _ZIP_AT or not header.startswith(MAGIC):
        refuse(OutcomeCode.UNREADABLE, "This is not a bundle of WeCall Handset, or it was cut short.")
    signer, signature = header[_PUBLIC_KEY_AT:_SIGNATURE_AT], header[_SIGNATURE_AT:]
    pinned = None if keys is None else tuple(keys)
    if pinned is not None and not may_sign(signer, Kind.BUNDLE, pinned):
        _refuse_signer(signer)
    signed, whole = hashlib.sha512(), hashlib.sha256(header)
    for piece in _pieces(file):
        signed.update(piece)
        whole.update(piece)
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(signature, _signed(signer, signed.digest()))
    except InvalidSignature:
        refuse(
            OutcomeCode.FORGED,
            "The signature does not fit this bundle: it was damaged or changed. Copy it to the stick once more.",
        )
    return Bundle(Archive(file, _ZIP_AT, size_bytes, size_limit), signer, whole.hexdigest())


def write_bundle(
    contents: Mapping[str, bytes | Path], manifest: Manifest, key: Ed25519PrivateKey, target: BinaryIO
) -> None:
    """Pack and sign a bundle; the same contents give the same bundle.

    Args:
        contents: what goes in under which name, but for the manifest: bytes, or a file to read.
        manifest: what it says about itself, but for the format.
        key: of the signer.
        target: where to.

    Raises:
        BundleRefusedError: no handset would take it: a name is none of `size_limit`, something is too large, or it is
            firmware.
        OSError: something cannot be read or written.
    """
    packed: dict[str, bytes | Path] = {MANIFEST: manifest_text(manifest)}
    for name in sorted(contents):
        _check_content(name, contents[name])
        packed[name] = contents[name]
    signer = key.public_key().public_bytes_raw()
    with tempfile.TemporaryFile() as zipped:
        write_archive(packed, zipped)
        size_bytes = _ZIP_AT + zipped.tell()
        if size_bytes > MAX_BUNDLE_BYTES:
            refuse(
                OutcomeCode.TOO_LARGE,
                f"This bundle would have {size_bytes} bytes; a handset takes {MAX_BUNDLE_BYTES} at most.",
            )
        # What no handset would take is found here, and not at the handset.
        Archive(zipped, 0, zipped.seek(0, os.SEEK_END), size_limit)
        zipped.seek(0)
        signed = hashlib.sha512()
        for piece in _pieces(zipped):
            signed.update(piece)
        target.write(MAGIC + signer + key.sign(_signed(signer, signed.digest())))
        zipped.seek(0)
        for piece in _pieces(zipped):
            target.write(piece)


def key_words(public: bytes) -> tuple[str, ...]:
    """Return the six words, 66 bits, by which people compare a signer's key."""
    from mnemonic import Mnemonic  # noqa: PLC0415 - 2048 words that are wanted once in a handset's life

    words = Mnemonic("english").wordlist
    digest = hashlib.sha256(b"WeCall Handset, words of a key\0" + public).digest()
    bits = int.from_bytes(digest, "big") >> (8 * len(digest) - _KEY_WORDS * _WORD_BITS)
    places = (bits >> (_WORD_BITS * place) & (2**_WORD_BITS - 1) for place in reversed(range(_KEY_WORDS)))
    return tuple(words[place] for place in places)


def _check_content(name: str, content: bytes | Path) -> None:
    most_bytes = size_limit(name)
    if most_bytes is None or name == MANIFEST:
        refuse(OutcomeCode.UNREADABLE, f"Nothing in a bundle may be called {name!r}.")
    if name.startswith(f"{FIRMWARE}/"):
        _refuse_firmware()
    size_bytes = len(content) if isinstance(content, bytes) else content.stat().st_size
    if size_bytes > most_bytes:
        refuse(OutcomeCode.TOO_LARGE, f"{name} has {size_bytes} bytes; in a bundle it has {most_bytes} at most.")


def _signed(signer: bytes, zip_digest: bytes) -> bytes:
    return _LABEL + MAGIC + signer + zip_digest


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _refuse_firmware() -> NoReturn:
    refuse(OutcomeCode.FIRMWARE_SUPERSEDED, f"There is firmware in this bundle. {FIRMWARE_COMES_OTHERWISE}")


def _refuse_signer(signer: bytes) -> NoReturn:
    refuse(
        OutcomeCode.UNKNOWN_KEY,
        f"The key {key_id(signer)} may not sign bundles for this handset; [trust] in the handset's configuration names "
        "the keys that may.",
    )
