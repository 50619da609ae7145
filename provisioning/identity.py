"""What a handset tells of itself to whoever prepares bundles: its serial and its public keys.

The private halves are made on the handset and stay there.
"""

import base64
import binascii
from typing import Annotated, Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_elliptic
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import AfterValidator, Field, ValidationError

from provisioning.errors import ProvisioningError
from provisioning.manifest import Serial
from provisioning.section import Section, sentences_of

IDENTITY_NAME: Final = "identity-{serial}.json"
"""What the file is called on a stick."""

MAX_IDENTITY_BYTES: Final = 16 * 1024

_KEY_BYTES: Final = 32


def _checked_key(text: str) -> str:
    try:
        public = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("a key is written in base64") from error
    if len(public) != _KEY_BYTES:
        raise ValueError(f"an X25519 public key has {_KEY_BYTES} bytes, this one has {len(public)}")
    return text


def _checked_request(text: str) -> str:
    # 2 MB, which a handset wants when a stick or an installer asks who it is, and hardly ever else.
    from cryptography import x509  # noqa: PLC0415

    try:
        request = x509.load_pem_x509_csr(text.encode())
        key, fits = request.public_key(), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise ValueError("this is no certificate request in PEM") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1) or not fits:
        raise ValueError("a handset's certificate request is for a key on P-256 and signed with it")
    return text


class Identity(Section):
    """A handset, as those see it who prepare bundles for it.

    Attributes:
        serial: the hardware's own.
        public_key: X25519, in base64; secrets are sealed to it.
        certificate_request: PKCS #10 in PEM, for the broker; the key is on P-256 and the common name the serial, in
            place of which the authority puts the device id.
        firmware: the version that runs.
    """

    serial: Serial
    public_key: Annotated[str, Field(max_length=64), AfterValidator(_checked_key)]
    certificate_request: Annotated[str, Field(max_length=4096), AfterValidator(_checked_request)]
    firmware: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z][0-9A-Za-z.+!-]*$")]

    @classmethod
    def of(cls, serial: str, sealing_key: X25519PrivateKey, broker_key: EllipticCurvePrivateKey, firmware: str) -> Self:
        """Make the identity of a handset that has these keys."""
        public = sealing_key.public_key().public_bytes_raw()
        return cls(
            serial=serial,
            public_key=base64.b64encode(public).decode("ascii"),
            certificate_request=certificate_request(broker_key, serial),
            firmware=firmware,
        )

    @property
    def public_bytes(self) -> bytes:
        """The X25519 public key, 32 bytes."""
        return base64.b64decode(self.public_key)

    @property
    def file_name(self) -> str:
        """What the file is called on a stick."""
        return IDENTITY_NAME.format(serial=self.serial)

    def as_json(self) -> str:
        """What stands in the file."""
        return self.model_dump_json(indent=2) + "\n"


def read_identity(text: bytes) -> Identity:
    """Read the file that a handset left on a stick.

    Raises:
        ProvisioningError: it is none.
    """
    if len(text) > MAX_IDENTITY_BYTES:
        raise ProvisioningError(f"This is no identity of a handset: it has more than {MAX_IDENTITY_BYTES} bytes.")
    try:
        return Identity.model_validate_json(text)
    except ValidationError as error:
        raise ProvisioningError(
            "This is no identity of a handset. Collect it with a stick once more.", sentences_of(error)
        ) from error


def new_sealing_key() -> X25519PrivateKey:
    """Make the key that secrets are sealed to."""
    return X25519PrivateKey.generate()


def new_broker_key() -> EllipticCurvePrivateKey:
    """Make the key that the broker knows the handset by."""
    return generate_elliptic(SECP256R1())


def certificate_request(key: EllipticCurvePrivateKey, common_name: str) -> str:
    """Ask an authority for a certificate (RFC 2986); the answer is in PEM."""
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode("ascii")


def private_pem(key: X25519PrivateKey | EllipticCurvePrivateKey) -> bytes:
    """Write a private key as PEM (PKCS #8), unencrypted: the file is its owner's alone."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_sealing_key(pem: bytes) -> X25519PrivateKey:
    """Read what `private_pem` wrote.

    Raises:
        ProvisioningError: it is damaged.
    """
    key = _load(pem)
    if not isinstance(key, X25519PrivateKey):
        raise ProvisioningError(
            "The handset's own key is of the wrong kind. Take its identity away; it makes a new one."
        )
    return key


def load_broker_key(pem: bytes) -> EllipticCurvePrivateKey:
    """Read what `private_pem` wrote.

    Raises:
        ProvisioningError: it is damaged.
    """
    key = _load(pem)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ProvisioningError(
            "The handset's key for the broker is of the wrong kind. Take it away; it makes a new one."
        )
    return key


def _load(pem: bytes) -> object:
    try:
        return load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProvisioningError(
            "A key of the handset's identity is damaged. Take it away; it makes a new one."
        ) from None
