"""Certificates for simulated handsets, from an authority that a trial's broker trusts."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contract.messages import handset_name
from fleet.errors import FleetError
from provisioning.authority import Authority

_DAYS: Final = 14
_LEFT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeviceCertificates:
    """A folder with `<device>.pem` and `<device>.key` for each handset; what is there already is used again.

    They are on no record of the authority's, and so cannot be taken back; for that they last two weeks.
    """

    folder: Path

    def missing(self, devices: Sequence[str], authority: x509.Certificate | None) -> list[str]:
        """Return those that have none, or one that ends within a day or is not of this authority, where it is given."""
        return [device for device in devices if not self._is_good(device, authority)]

    def make(self, devices: Sequence[str], authority: Authority, made: Callable[[], None]) -> None:
        """Make keys and have the authority sign for them.

        Args:
            devices: the device ids.
            authority: signs.
            made: called after each.

        Raises:
            ProvisioningError: the authority is over.
            OSError: the disk is full, read-only or broken.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = datetime.now(UTC)
        for device in devices:
            key = ec.generate_private_key(ec.SECP256R1())
            request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
            certificate = authority.issue(request, device, days=_DAYS, now=now)
            # The certificate last: what is found with it is whole.
            key_path = self.folder / f"{device}.key"
            key_path.unlink(missing_ok=True)
            key_path.touch(mode=0o600)
            key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            (self.folder / f"{device}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
            made()

    def _is_good(self, device: str, authority: x509.Certificate | None) -> bool:
        path = self.folder / f"{device}.pem"
        if not path.exists() or not path.with_suffix(".key").exists():
            return False
        if authority is None:
            return True
        with suppress(ValueError, TypeError, InvalidSignature):
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            certificate.verify_directly_issued_by(authority)
            return certificate.not_valid_after_utc > datetime.now(UTC) + _LEFT
        return False


def device_names(name: str, first: int, count: int) -> tuple[str, ...]:
    """Return the device ids of simulated handsets, each with its number.

    Raises:
        FleetError: no device id begins like that.
    """
    names = tuple(f"{name}-{number:05}" for number in range(first, first + count))
    try:
        handset_name(names[-1])
    except ValueError:
        raise FleetError(
            f"{name!r} begins no device id: these have lower-case letters, digits and hyphens, 64 at most."
        ) from None
    return names
