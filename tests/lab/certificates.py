"""A certificate authority of our own, for peers that speak TLS."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1")


class IssuedCertificate(NamedTuple):
    """PEM files of a certificate and its private key."""

    certificate: Path
    key: Path


class CertificateAuthority:
    """Signs certificates that whoever trusts `ca_path` believes.

    Attributes:
        folder: where the PEM files go; made when the first of them is needed.
    """

    def __init__(self, folder: Path, name: str = "WeCall lab CA") -> None:
        self.folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._count = 0

    @cached_property
    def ca_path(self) -> Path:
        """The authority's own certificate, to be trusted."""
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        now = datetime.now(UTC)
        certificate = (
            _unsigned(
                self._name, self._name, self._key.public_key(), now - timedelta(hours=1), now + timedelta(days=30)
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "ca.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    @property
    def ca_pem(self) -> bytes:
        """What is in the file of the authority's own certificate."""
        return self.ca_path.read_bytes()

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def issue(
        self, common_name: str, *, hosts: Sequence[str] = (), days: int = 30, expired: bool = False
    ) -> IssuedCertificate:
        """Sign a new certificate, good for server and client alike.

        Args:
            common_name: the subject; a device's id for a client certificate.
            hosts: names and addresses that a server answers to (`LOOPBACK` as a rule).
            days: how long it is valid, from an hour ago.
            expired: make it one that ended yesterday instead.
        """
        ca_path = self.ca_path
        self._count += 1
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        starts = now - (timedelta(days=days + 1) if expired else timedelta(hours=1))
        ends = now + (timedelta(days=-1) if expired else timedelta(days=days))
        stem = ca_path.parent / f"{self._count:03}-{common_name}"
        issued = IssuedCertificate(stem.with_name(f"{stem.name}.pem"), stem.with_name(f"{stem.name}.key"))
        issued.certificate.write_bytes(self._sign(common_name, key.public_key(), starts, ends, hosts))
        issued.key.touch(mode=0o600)
        issued.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return issued

    def answer(self, request: str, common_name: str) -> bytes:
        """Return the certificate, in PEM, for the key of a request, whose private half stays where it is."""
        key = x509.load_pem_x509_csr(request.encode()).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        now = datetime.now(UTC)
        return self._sign(common_name, key, now - timedelta(hours=1), now + timedelta(days=30), ())

    def _sign(
        self,
        common_name: str,
        key: ec.EllipticCurvePublicKey,
        starts: datetime,
        ends: datetime,
        hosts: Sequence[str],
    ) -> bytes:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = (
            _unsigned(subject, self._name, key, starts, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _unsigned(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
