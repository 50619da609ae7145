"""An installer with a key, and zips of every kind that such a key may be made to sign."""

import base64
import hashlib
import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.results import CheckName, OutcomeCode
from provisioning.archive import write_archive
from provisioning.bundle import write_bundle
from provisioning.manifest import Manifest, manifest_text
from provisioning.trust import Kind, TrustedKey

SERIAL: Final = "10000000abcd1234"
FLEET: Final = "shop"
ISSUED: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)

MAGIC: Final = b"WeCallB1"
HEADER_BYTES: Final = 8 + 32 + 64
"""What stands before the zip."""

REFUSALS: Final = [
    code
    for code in OutcomeCode
    if code
    not in {
        OutcomeCode.APPLIED, OutcomeCode.TAKEN, OutcomeCode.SHOWN, OutcomeCode.ACKNOWLEDGED, OutcomeCode.IN_FORCE,
        OutcomeCode.NOT_GRANTED, OutcomeCode.WRONG_KIND, OutcomeCode.WRONG_SCOPE, OutcomeCode.REPLAYED,
        OutcomeCode.UNKNOWN_REQUEST, OutcomeCode.REQUEST_CLOSED, *(f"reverted_{name}" for name in CheckName),
        OutcomeCode.INSTALLED, OutcomeCode.POSTPONED, OutcomeCode.WENT_BACK, OutcomeCode.NOT_FOR_THIS,
        OutcomeCode.BY_PACKAGE, OutcomeCode.BELOW_FLOOR, OutcomeCode.NOT_NEWER, OutcomeCode.KEY_REVOKED,
        OutcomeCode.NO_PROOF, OutcomeCode.WRONG_SIZE, OutcomeCode.WRONG_HASH, OutcomeCode.UNREACHABLE,
        OutcomeCode.SERVER_WRONG, OutcomeCode.STALLED, OutcomeCode.DAMAGED,
    }
]  # fmt: skip
"""Why a bundle may be refused: every code but those of documents and updates alone, and those of what was tried."""

REGULAR_FILE: Final = 0o100600 << 16


def manifest(number: int = 7, **changes: Any) -> Manifest:
    """Return what a bundle says about itself; keywords change it."""
    values = {"number": number, "fleet": FLEET, "issued_at": ISSUED, "not_after": ISSUED + timedelta(days=90)}
    return Manifest.model_validate(values | changes)


class Installer:
    """Makes bundles, whole ones and such as no tool of ours makes."""

    def __init__(self, seed: bytes = bytes(range(32)), *kinds: Kind) -> None:
        """`kinds` are those that handsets trust the key with; bundles, where none is given."""
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.key.public_key().public_bytes_raw()
        self.trusted = TrustedKey(
            public=base64.b64encode(self.public).decode(), signs=frozenset(kinds or {Kind.BUNDLE})
        )

    def bundle(self, contents: Mapping[str, bytes | Path] | None = None, number: int = 7, **changes: Any) -> bytes:
        """Return a bundle with this in it; keywords change its manifest."""
        target = io.BytesIO()
        write_bundle(contents or {}, manifest(number, **changes), self.key, target)
        return target.getvalue()

    def bundle_with_firmware(
        self, contents: Mapping[str, bytes] | None = None, number: int = 7, **changes: Any
    ) -> bytes:
        """Return a bundle as one was made when bundles brought firmware, with a wheel in it."""
        wheel = {"firmware/wecall_handset-9.9-py3-none-any.whl": b"PK"}
        described = manifest(number, format=2, **changes)
        target = io.BytesIO()
        write_archive({"manifest.json": manifest_text(described), **(contents or {}), **wheel}, target)
        return self.sign(target.getvalue())

    def sign(self, zipped: bytes) -> bytes:
        """Sign anything as if it were a bundle's zip; written from the format's description alone."""
        signed = b"WeCall Handset, bundle, 1\0" + MAGIC + self.public + hashlib.sha512(zipped).digest()
        return MAGIC + self.public + self.key.sign(signed) + zipped


@dataclass(frozen=True, kw_only=True)
class ForgedEntry:
    """An entry of a zip in which every field may lie.

    Attributes:
        content: what its stream says; deflated where the method is 8.
        packed: the bytes of the stream, where they are to be others.
        local: fields of the local header that differ from the central one, by name.
    """

    name: bytes
    content: bytes = b""
    packed: bytes | None = None
    method: int = 8
    flags: int = 0
    made_by: int = 3 << 8 | 20
    needed: int = 20
    crc: int | None = None
    packed_bytes: int | None = None
    size_bytes: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    disk: int = 0
    internal: int = 0
    external: int = REGULAR_FILE
    offset: int | None = None
    local: Mapping[str, Any] | None = None

    @property
    def stream(self) -> bytes:
        """What lies in the zip."""
        if self.packed is not None:
            return self.packed
        if self.method != 8:
            return self.content
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.content) + deflater.flush()

    def fields(self) -> dict[str, int]:
        """What both headers say."""
        return {
            "needed": self.needed,
            "flags": self.flags,
            "method": self.method,
            "time": 0,
            "date": 0x21,
            "crc": zlib.crc32(self.content) if self.crc is None else self.crc,
            "packed_bytes": len(self.stream) if self.packed_bytes is None else self.packed_bytes,
            "size_bytes": len(self.content) if self.size_bytes is None else self.size_bytes,
        }


def manifest_entry(**changes: Any) -> ForgedEntry:
    """Return the entry that every bundle has."""
    return ForgedEntry(name=b"manifest.json", content=manifest_text(manifest()), **changes)


def forged_zip(
    entries: Sequence[ForgedEntry], *, before: bytes = b"", between: bytes = b"", after: bytes = b"", **end: Any
) -> bytes:
    """Write a zip as the entries have it.

    Args:
        entries: what is in it.
        before: stands before the first of them.
        between: stands before the central directory.
        after: follows its end.
        end: fields of the end of the central directory that are to lie.
    """
    out, central = bytearray(before), bytearray()
    for entry in entries:
        offset = len(out) if entry.offset is None else entry.offset
        shared = entry.fields()
        local = shared | {"name": entry.name, "extra": entry.extra} | dict(entry.local or {})
        out += b"PK\x03\x04" + struct.pack(
            "<5H3L2H", *(local[name] for name in shared), len(local["name"]), len(local["extra"])
        )
        out += local["name"] + local["extra"] + entry.stream
        lengths = (len(entry.name), len(entry.extra), len(entry.comment))
        central += b"PK\x01\x02" + struct.pack("<H5H3L", entry.made_by, *shared.values())
        central += struct.pack("<5H2L", *lengths, entry.disk, entry.internal, entry.external, offset)
        central += entry.name + entry.extra + entry.comment
    out += between
    fields: dict[str, Any] = {
        "disk": 0,
        "start_disk": 0,
        "here": len(entries),
        "count": len(entries),
        "directory_bytes": len(central),
        "directory_at": len(out),
        "comment": b"",
    } | end
    comment = fields.pop("comment")
    return bytes(
        out + central + b"PK\x05\x06" + struct.pack("<4H2LH", *fields.values(), len(comment)) + comment + after
    )
