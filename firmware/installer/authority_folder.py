"""The fleet's authority on the operator's disk: its key, what it issued, what it took back, and the broker's list.

    ca.pem            what the broker trusts         (cafile)
    ca.key            its key, encrypted
    revoked.pem       what the broker refuses        (crlfile)
    issued/*.pem      every certificate, by its serial number
    revoked/*.json    each that counts no more

A certificate is on record before anybody gets it, and a revocation before the list says so. Whatever is cut off, the
next command that needs the key makes the list anew from the records.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import AwareDatetime, ValidationError

from firmware.base.durable import replace_durably
from firmware.installer.private_keys import read_private_key, write_private_key
from provisioning.authority import Authority, Reason, Revocation, common_name, host_names, public_key
from provisioning.errors import ProvisioningError
from provisioning.section import Section

CERTIFICATE_NAME: Final = "ca.pem"
KEY_NAME: Final = "ca.key"
LIST_NAME: Final = "revoked.pem"
_ISSUED: Final = "issued"
_REVOKED: Final = "revoked"
_STILL_GOOD: Final = 1 / 3
"""A certificate that has more than this part of its time left is given again and not replaced."""


class _RevocationRecord(Section):
    at: AwareDatetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate on record.

    Attributes:
        device: the device id that it names.
        certificate: the certificate.
        revocation: how it was taken back, None while it counts.
    """

    device: str
    certificate: x509.Certificate
    revocation: Revocation | None

    def counts(self, now: datetime) -> bool:
        """Whether the broker lets it in."""
        return self.revocation is None and now < self.certificate.not_valid_after_utc


class DeviceHasAnotherKeyError(ProvisioningError):
    """A device id is in use by a handset with another key."""


class KeyBelongsToAnotherError(ProvisioningError):
    """A key is in use under another device id."""


class AuthorityFolder:
    """The authority in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: list[Issued] | None = None

    @property
    def list_path(self) -> Path:
        """What the broker reads to know which certificates count no more."""
        return self.folder / LIST_NAME

    @property
    def certificate_path(self) -> Path:
        """What the broker trusts."""
        return self.folder / CERTIFICATE_NAME

    def certificate(self) -> x509.Certificate:
        """Return what the broker trusts; that needs no passphrase.

        Raises:
            ProvisioningError: there is no authority, or its certificate is damaged.
        """
        return self._read_certificate(self.certificate_path)

    def found(self, name: str, passphrase: str, *, days: int, now: datetime) -> Authority:
        """Make an authority where there is none.

        Raises:
            ProvisioningError: there is one already.
            OSError: the disk is full, read-only or broken.
        """
        if self.certificate_path.exists():
            raise ProvisioningError(f"There is an authority in {self.folder} already, and one is never overwritten.")
        for folder in (self.folder, self.folder / _ISSUED, self.folder / _REVOKED):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = Authority.found(name, days=days, now=now)
        # A key without a certificate is what an interrupted beginning left: nobody has trusted it yet.
        (self.folder / KEY_NAME).unlink(missing_ok=True)
        write_private_key(self.folder / KEY_NAME, authority.key, passphrase)
        replace_durably(self.list_path, authority.revocation_list((), now))
        replace_durably(self.certificate_path, authority.certificate.public_bytes(Encoding.PEM))
        return authority

    def unlock(self, now: datetime) -> Authority:
        """Read the authority with its key, and ask for the passphrase of that.

        The broker's list is written anew where a cut has kept it from being written.

        Raises:
            ProvisioningError: there is none, the passphrase is wrong, or a file is damaged.
            OSError: the disk is full, read-only or broken.
        """
        certificate = self.certificate()
        key = read_private_key(self.folder / KEY_NAME)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ProvisioningError(f"{self.folder / KEY_NAME} is not the key of an authority.")
        authority = Authority(certificate, key)
        if self._listed() != {each.serial_number for each in self._revocations()}:
            self._write_list(authority, now)
        return authority

    def issued(self) -> tuple[Issued, ...]:
        """Return every certificate on record, the oldest first.

        Raises:
            ProvisioningError: there is no authority, or a record is damaged.
        """
        if self._known is None:
            self._read_certificate(self.certificate_path)
            self._known = sorted(self._read_issued(), key=lambda each: each.certificate.not_valid_before_utc)
        return tuple(self._known)

    def issue(
        self, authority: Authority, request: x509.CertificateSigningRequest, device: str, *, days: int, replaces: bool,
        now: datetime, hosts: tuple[str, ...] | None = None,
    ) -> x509.Certificate:  # fmt: skip
        """Answer a request, with the certificate of before where that is good for long.

        Args:
            authority: from `unlock`.
            request: from `provisioning.authority.read_request`.
            device: the device id, or the name of a service, which has a dot.
            days: how long a new certificate lasts.
            replaces: whether a handset with another key loses this device id.
            now: the time.
            hosts: of a broker, one at least; None: it is for a client.

        Raises:
            DeviceHasAnotherKeyError: it has, and is not replaced.
            KeyBelongsToAnotherError: the key has a certificate that counts, under another device id.
            ProvisioningError: the authority is over, or a record is damaged.
            OSError: the disk is full, read-only or broken.
        """
        key = public_key(request)
        known = self.issued()
        if other := next(
            (
                each
                for each in known
                if each.device != device and each.counts(now) and public_key(each.certificate) == key
            ),
            None,
        ):
            raise KeyBelongsToAnotherError(
                f"This key belongs to {other.device}. If the identity is another handset's, collect that one's with a "
                f"blank stick. If {other.device} is to be called {device}, take its certificate back first: "
                f"wecall fleet ca revoke {self.folder} {other.device} --reason replaced"
            )
        counting = [each for each in known if each.device == device and each.counts(now)]
        others = [each for each in counting if public_key(each.certificate) != key]
        if others and not replaces:
            raise DeviceHasAnotherKeyError(
                f"The device id {device} belongs to another handset, whose certificate counts until "
                f"{others[0].certificate.not_valid_after_utc:%Y-%m-%d}. If this handset takes its place, say --replace."
            )
        own = [
            each.certificate
            for each in counting
            if each not in others and _is_good_for_long(each, now) and host_names(each.certificate) == set(hosts or ())
        ]
        if own:
            certificate = own[-1]
        else:
            certificate = authority.issue(request, device, days=days, now=now, hosts=hosts)
            path = self.folder / _ISSUED / f"{certificate.serial_number:040x}.pem"
            replace_durably(path, certificate.public_bytes(Encoding.PEM))
            self._known = [*known, Issued(device, certificate, None)]
        if others:
            self.revoke(authority, others, Reason.REPLACED, now)
        return certificate

    def revoke(self, authority: Authority, certificates: list[Issued], reason: Reason, now: datetime) -> None:
        """Take certificates back, and write the broker's list anew; those that were taken back before stay so.

        Raises:
            OSError: the disk is full, read-only or broken.
        """
        record = _RevocationRecord(at=now, reason=reason)
        for each in certificates:
            if each.revocation is None:
                replace_durably(self._revocation_path(each.certificate), record.model_dump_json().encode())
        self._known = None
        self._write_list(authority, now)

    def _write_list(self, authority: Authority, now: datetime) -> None:
        replace_durably(self.list_path, authority.revocation_list(self._revocations(), now))

    def _revocations(self) -> list[Revocation]:
        return [each.revocation for each in self.issued() if each.revocation is not None]

    def _listed(self) -> set[int]:
        """Return the serial numbers that the broker's list has; where it cannot be read one that no certificate has."""
        try:
            return {each.serial_number for each in x509.load_pem_x509_crl(self.list_path.read_bytes())}
        except (FileNotFoundError, ValueError):
            return {0}

    def _read_issued(self) -> Iterator[Issued]:
        for path in (self.folder / _ISSUED).glob("*.pem"):
            certificate = self._read_certificate(path)
            yield Issued(common_name(certificate), certificate, self._revocation(certificate))

    def _revocation(self, certificate: x509.Certificate) -> Revocation | None:
        path = self._revocation_path(certificate)
        try:
            record = _RevocationRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise ProvisioningError(f"The record {path} is damaged. Take it from a backup.") from None
        return Revocation(certificate.serial_number, record.at.astimezone(UTC), record.reason)

    def _revocation_path(self, certificate: x509.Certificate) -> Path:
        return self.folder / _REVOKED / f"{certificate.serial_number:040x}.json"

    def _read_certificate(self, path: Path) -> x509.Certificate:
        try:
            return x509.load_pem_x509_certificate(path.read_bytes())
        except FileNotFoundError:
            raise ProvisioningError(
                f"There is no authority in {self.folder}. Make one: wecall fleet ca init {self.folder}"
            ) from None
        except ValueError:
            raise ProvisioningError(f"{path} is damaged. Take it from a backup.") from None


def _is_good_for_long(issued: Issued, now: datetime) -> bool:
    begins, ends = issued.certificate.not_valid_before_utc, issued.certificate.not_valid_after_utc
    return (ends - now) / (ends - begins) > _STILL_GOOD
