"""The signed list of who may sign releases: certificates that count, those taken back, the lowest version that is safe.

    magic, 8 bytes | Ed25519 signature by the image's root key, 64 | body, UTF-8 JSON of a `ReleaseKeys`

The signature covers a label that no other protocol uses, the magic and the body. Nothing of the body is looked at
before the signature holds. A phone takes a list with a higher number than its own and no other, so that nobody who
brings an old one has a certificate count again.
"""

import json
from typing import Annotated, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from packaging.version import Version
from pydantic import AfterValidator, AwareDatetime, Field, ValidationError

from contract.results import OutcomeCode
from provisioning.section import Section
from provisioning.signed import DocumentRefusedError
from provisioning.trust import decode_public_key
from provisioning.update import ReleaseVersion, Sha256

MAX_BYTES: Final = 16 * 1024
"""The longest list; in base64 it has room in an update's document."""

_MAGIC: Final = b"WeCallK1"
_LABEL: Final = b"WeCall Handset, keys of releases, 1\0"
_SIGNATURE_BYTES: Final = 64
_BODY_AT: Final = len(_MAGIC) + _SIGNATURE_BYTES


def fingerprint(certificate: x509.Certificate) -> str:
    """Return what a list calls a certificate: SHA-256 of its DER, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _certificate(pem: str) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ValueError("this is no certificate in PEM") from None
    if certificate.public_bytes(Encoding.PEM).decode() != pem:
        raise ValueError("a certificate stands alone, as PEM writes it (RFC 7468)")
    return pem


class ReleaseKeys(Section):
    """Who may sign releases.

    Attributes:
        number: rises with each list.
        issued_at: when it was signed.
        certificates: those whose key may sign, in PEM. RAUC takes no other signer.
        revoked: what was taken back, by its SHA-256; counts also where it is among the certificates.
        security_floor: no phone goes below this version.
    """

    number: Annotated[int, Field(ge=1, lt=2**53)]
    issued_at: AwareDatetime
    certificates: Annotated[tuple[Annotated[str, AfterValidator(_certificate)], ...], Field(min_length=1, max_length=8)]
    revoked: Annotated[tuple[Sha256, ...], Field(max_length=100)] = ()
    security_floor: ReleaseVersion

    @property
    def trusted(self) -> tuple[str, ...]:
        """The certificates that count, in PEM."""
        return tuple(
            pem
            for pem in self.certificates
            if fingerprint(x509.load_pem_x509_certificate(pem.encode())) not in self.revoked
        )

    def keyring(self) -> str:
        """Return the certificates that count as RAUC reads them in its keyring."""
        return "".join(self.trusted)

    def is_above_floor(self, version: str) -> bool:
        """Whether a phone may run this version."""
        return Version(version) >= Version(self.security_floor)


def sign_release_keys(keys: ReleaseKeys, root: Ed25519PrivateKey) -> bytes:
    """Make a signed list.

    Raises:
        DocumentRefusedError: it is longer than a phone takes.
    """
    text = json.dumps(keys.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    body = text.encode()
    signed = _MAGIC + root.sign(_LABEL + _MAGIC + body) + body
    _check_size(signed)
    return signed


def read_release_keys(signed: bytes, root_public: str) -> ReleaseKeys:
    """Check that a list was signed by the root key, then read it.

    Args:
        signed: the list.
        root_public: the Ed25519 public key in base64, as in the image's root.pub.

    Raises:
        DocumentRefusedError: with the reason.
    """
    _check_size(signed)
    if len(signed) <= _BODY_AT or not signed.startswith(_MAGIC):
        raise DocumentRefusedError(
            OutcomeCode.UNREADABLE, "This is no list of who may sign releases, or it was cut short."
        )
    signature, body = signed[len(_MAGIC) : _BODY_AT], signed[_BODY_AT:]
    try:
        root = Ed25519PublicKey.from_public_bytes(decode_public_key(root_public.strip()))
    except ValueError:
        raise DocumentRefusedError(
            OutcomeCode.UNKNOWN_KEY, "The root key, which signs the list of who may sign releases, is damaged here."
        ) from None
    try:
        root.verify(signature, _LABEL + _MAGIC + body)
    except InvalidSignature:
        raise DocumentRefusedError(
            OutcomeCode.FORGED,
            "The signature does not fit this list of who may sign releases: it was changed, or another key made it.",
        ) from None
    try:
        return ReleaseKeys.model_validate_json(body)
    except ValidationError:
        raise DocumentRefusedError(
            OutcomeCode.UNREADABLE, "This list of who may sign releases says nothing that this firmware understands."
        ) from None


def _check_size(signed: bytes) -> None:
    if len(signed) > MAX_BYTES:
        raise DocumentRefusedError(
            OutcomeCode.TOO_LARGE,
            f"This list of who may sign releases has {len(signed)} bytes; one has {MAX_BYTES} at most. Leave "
            "certificates out that no phone needs any more.",
        )
