"""The folder of whoever makes releases: the root key, the keys that sign releases, and the list of who may.

root.key     signs lists; needed for nothing else, so that it can lie in a safe
root.pub     the same for the image, in base64
signing-1.key, signing-1.pem, ...   what `rauc bundle` signs with
release-keys the newest list
"""

import base64
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from packaging.version import Version
from pydantic import ValidationError

from firmware.base.durable import replace_durably
from firmware.installer.private_keys import signing_key, write_private_key
from provisioning.errors import ProvisioningError
from provisioning.release_keys import ReleaseKeys, fingerprint, read_release_keys, sign_release_keys
from provisioning.section import sentences_of

_SIGNING: Final = re.compile(r"signing-([1-9][0-9]{0,3})\.pem")
_LOWEST: Final = "0"

# Which certificates count, the list says, and no clock: a phone without one may need an update above all.
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280 section 4.1.2.5: no end is known."""


def signing_certificate(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    """Return a certificate by which RAUC knows a signer, where its keyring says `check-purpose=codesign`."""
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    digital_signature = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_ALWAYS)
        .not_valid_after(_FOREVER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(digital_signature, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def read_certificate(path: Path) -> x509.Certificate:
    """Read one certificate.

    Raises:
        ProvisioningError: it is none.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise ProvisioningError(f"{path} is no certificate in PEM.") from None


class ReleaseFolder:
    """Makes keys and lists; each step leaves the folder whole.

    Attributes:
        root_key: where the root key lies.
        root_public: likewise its public half.
        list_path: likewise the newest list.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root_key = folder / "root.key"
        self.root_public = folder / "root.pub"
        self.list_path = folder / "release-keys"

    def new_root(self, passphrase: str) -> None:
        """Make the root key.

        Raises:
            ProvisioningError: there is one already, and one is never overwritten.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        root = Ed25519PrivateKey.generate()
        write_private_key(self.root_key, root, passphrase)
        self._write_root_public(root)

    def new_signer(self) -> Path:
        """Make a key that signs releases, and return its certificate's path; `sign` puts it on the list.

        RAUC reads the key while nobody is there to type: it is a file for its owner's eyes only, without a passphrase.
        """
        number = max((int(found[1]) for found in map(_SIGNING.fullmatch, self._names()) if found), default=0) + 1
        path = self._folder / f"signing-{number}.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        write_private_key(path.with_suffix(".key"), key, "")
        replace_durably(path, signing_certificate(key, f"WeCall release {number}").public_bytes(Encoding.PEM))
        return path

    def certificates(self) -> Mapping[str, x509.Certificate]:
        """Return the certificates in the folder by their fingerprint."""
        paths = (self._folder / name for name in self._names() if _SIGNING.fullmatch(name))
        return {fingerprint(found): found for found in map(read_certificate, paths)}

    def newest(self) -> ReleaseKeys | None:
        """Return the newest list; None where there is none yet.

        Raises:
            ProvisioningError: the root key did not sign it.
        """
        try:
            signed = self.list_path.read_bytes()
        except FileNotFoundError:
            return None
        return read_release_keys(signed, self.root_public.read_text("ascii"))

    def sign(self, revoked: Collection[x509.Certificate], floor: str | None, now: datetime) -> ReleaseKeys:
        """Make the next list: all certificates in the folder but those that are, or ever were, taken back.

        Args:
            revoked: taken back from now on, by this list and each after it.
            floor: no phone goes below this version; None for what the list before says.
            now: the time.

        Raises:
            ProvisioningError: no certificate is left, the floor would sink, or the list cannot be one.
        """
        root = signing_key(self.root_key)
        # A power cut may have come between the two.
        self._write_root_public(root)
        before = self.newest()
        taken_back = {*(before.revoked if before else ()), *map(fingerprint, revoked)}
        left = {name: found for name, found in self.certificates().items() if name not in taken_back}
        if not left:
            raise ProvisioningError(
                f"No certificate in {self._folder} is left that may sign. Make one: "
                f"wecall release keys new {self._folder}"
            )
        lowest = before.security_floor if before else _LOWEST
        try:
            keys = ReleaseKeys(
                number=before.number + 1 if before else 1,
                issued_at=now,
                certificates=tuple(found.public_bytes(Encoding.PEM).decode() for found in left.values()),
                revoked=tuple(sorted(taken_back)),
                security_floor=floor or lowest,
            )
        except ValidationError as error:
            raise ProvisioningError("This list cannot be signed.", sentences_of(error)) from None
        if Version(keys.security_floor) < Version(lowest):
            raise ProvisioningError(
                f"The list before has {lowest} as the lowest version that is safe, and that never sinks. Name it or a "
                "higher one with --floor."
            )
        replace_durably(self.list_path, sign_release_keys(keys, root))
        return keys

    def _write_root_public(self, root: Ed25519PrivateKey) -> None:
        replace_durably(self.root_public, base64.b64encode(root.public_key().public_bytes_raw()) + b"\n")

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir())
