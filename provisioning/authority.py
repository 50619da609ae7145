"""The fleet's own certificate authority: it signs what handsets, services and the broker show, and takes it back.

Nothing of a request counts but its public key. What the certificate says is the operator's word: the common name is
the device id, which the broker takes for the user, and lets nowhere but below that device's own topics.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provisioning.errors import ProvisioningError

_CLOCKS_DIFFER: Final = timedelta(hours=1)
"""A certificate is valid from so long ago, because the broker's clock may be behind."""

_MAX_REQUEST_CHARACTERS: Final = 8192

_LABEL: Final = r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


class Reason(StrEnum):
    """Why a certificate is taken back, in the words of RFC 5280 section 5.3.1 as `cryptography` has them."""

    LOST = "key_compromise"
    REPLACED = "superseded"
    RETIRED = "cessation_of_operation"


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that counts no more.

    Attributes:
        serial_number: the certificate's own.
        at: since when.
        reason: why.
    """

    serial_number: int
    at: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that the broker trusts, with its key.

    Attributes:
        certificate: to be trusted.
        key: signs.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def found(cls, name: str, *, days: int, now: datetime) -> Self:
        """Make an authority.

        Args:
            name: what it is called in its certificates.
            days: how long it lasts; no certificate of it lasts longer.
            now: the time.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(name)
        certificate = (
            _unsigned(subject, subject, key.public_key(), now, now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def __post_init__(self) -> None:
        if self.key.public_key() != self.certificate.public_key():
            raise ProvisioningError("The authority's key does not belong to its certificate.")

    def issue(
        self, request: x509.CertificateSigningRequest, name: str, *, days: int, now: datetime,
        hosts: Iterable[str] | None = None,
    ) -> x509.Certificate:  # fmt: skip
        """Answer a request with a certificate for a client of the broker, or for the broker itself.

        Args:
            request: from `read_request`.
            name: the common name: the device id, or the name of a service.
            days: how long the certificate lasts, at most as long as the authority.
            now: the time.
            hosts: of a broker, names and addresses that clients reach it under; nobody can come in with it. None: it is
                for a client.

        Raises:
            ProvisioningError: the authority itself is over, or a host is none.
        """
        ends_at = min(now + timedelta(days=days), self.certificate.not_valid_after_utc)
        if ends_at <= now:
            raise ProvisioningError(f"The authority ended on {ends_at:%Y-%m-%d}. Make another: wecall fleet ca init")
        names = [_host(host) for host in hosts or ()]
        if hosts is not None and not names:
            raise ProvisioningError("A broker's certificate names at least one host under which clients reach it.")
        usage = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _unsigned(_subject(name), self.certificate.subject, public_key(request), now, ends_at)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def revocation_list(self, revoked: Iterable[Revocation], now: datetime) -> bytes:
        """Return what the broker reads to know the certificates that count no more, in PEM.

        It lasts as long as the authority: a broker lets nobody in once its list is over, so that a shorter one would
        cut the whole fleet off on the day that somebody forgets to renew it.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - _CLOCKS_DIFFER)
            .next_update(self.certificate.not_valid_after_utc)
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for each in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(each.serial_number)
                .revocation_date(each.at)
                .add_extension(x509.CRLReason(x509.ReasonFlags[each.reason]), critical=False)
                .build()
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """Read a certificate request and make sure that whoever wrote it has the key.

    Raises:
        ProvisioningError: it is none, is signed by another key, or its key is of another kind than handsets make.
    """
    if len(pem) > _MAX_REQUEST_CHARACTERS:
        raise ProvisioningError("The certificate request is longer than any that a handset makes.")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        is_signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, TypeError):
        raise ProvisioningError("The certificate request cannot be read.") from None
    if not is_signed:
        raise ProvisioningError("The certificate request is not signed by the key that it names.")
    public_key(request)
    return request


def public_key(signed: x509.CertificateSigningRequest | x509.Certificate) -> ec.EllipticCurvePublicKey:
    """Return the key of a request or a certificate.

    Raises:
        ProvisioningError: it is not of the kind that handsets make.
    """
    try:
        key = signed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ProvisioningError("The key is of another kind than handsets make, which is EC on the curve P-256.")
    return key


def common_name(certificate: x509.Certificate) -> str:
    """Return whose a certificate is: the device id, or "" where it names nobody."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def host_names(certificate: x509.Certificate) -> set[str]:
    """Return the hosts that a broker's certificate is for; those of others are for none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def _host(host: str) -> x509.GeneralName:
    """Return a host as a certificate has it.

    Raises:
        ProvisioningError: it is neither a name nor an address.
    """
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST_NAME.fullmatch(host):
        raise ProvisioningError(f"{host!r} is no host: give a name such as broker.example.com, or an address.")
    return x509.DNSName(host)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
