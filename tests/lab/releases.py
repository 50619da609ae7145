"""Whoever makes releases: a root key, certificates that sign, lists of them, and what documents say of releases."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from firmware.installer.release_folder import signing_certificate
from provisioning.release_keys import ReleaseKeys, sign_release_keys
from provisioning.signed import Statement, sign
from provisioning.trust import Kind, TrustedKey
from tests.lab.documents import FLEET, public_key_text

ARM64: Final = "wecall-handset-arm64"
AMD64: Final = "wecall-handset-amd64"


def update_content(version: str = "0.3.0", **changes: Any) -> dict[str, Any]:
    """Return what a document says of a release with a file for each hardware; keywords change it."""
    bundles = [
        {
            "compatible": compatible,
            "address": f"https://updates.example/0.3.0/{compatible}.raucb",
            "size_bytes": 300_000_000,
            "manifest_sha256": digit * 64,
        }
        for compatible, digit in ((ARM64, "a"), (AMD64, "b"))
    ]
    values = {"version": version, "kind": "security", "not_before": "2026-03-01T00:00:00Z", "bundles": bundles}
    return values | changes


class Releaser:
    """Signs lists of who may sign releases, and documents that announce one.

    Attributes:
        key: signs documents, and nothing else.
        trusted: the same as a handset pins it.
        root: signs lists.
        root_public: the same as an image has it.
    """

    def __init__(self, at: datetime = datetime(2026, 3, 1, tzinfo=UTC)) -> None:
        self.at = at
        self.key = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
        self.trusted = TrustedKey(public=public_key_text(self.key), signs=frozenset({Kind.UPDATE}))
        self.root = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
        self.root_public = public_key_text(self.root)

    def certificate(self, name: str = "release 1") -> x509.Certificate:
        """Make a key that signs releases, and return its certificate."""
        return signing_certificate(ec.generate_private_key(ec.SECP256R1()), name)

    def keys(self, number: int = 1, signers: Sequence[x509.Certificate] = (), **changes: Any) -> bytes:
        """Return a signed list."""
        pems = [each.public_bytes(Encoding.PEM).decode() for each in signers or [self.certificate()]]
        values = {"number": number, "issued_at": self.at, "certificates": pems, "security_floor": "0.2.0"}
        return sign_release_keys(ReleaseKeys.model_validate(values | changes), self.root)

    def statement(self, number: int, version: str = "0.3.0", *, content: Any = None, **changes: Any) -> Statement:
        """Return what a document says; keywords change it."""
        values = {
            "number": number,
            "fleet": FLEET,
            "issued_at": self.at,
            "not_after": self.at + timedelta(days=90),
            "content": content or update_content(version),
        }
        return Statement.model_validate(values | changes)

    def update(self, number: int, version: str = "0.3.0", *, content: Any = None, **changes: Any) -> bytes:
        """Return a document that announces a release; keywords change its statement."""
        return sign(Kind.UPDATE, self.statement(number, version, content=content, **changes), self.key)
