from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provisioning.authority import Authority, Reason, Revocation, common_name, read_request
from provisioning.errors import ProvisioningError
from provisioning.identity import certificate_request, new_broker_key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.found("The hotel", days=3650, now=NOW)


def issue(authority: Authority, device: str = "desk-1", *, days: int = 100) -> x509.Certificate:
    request = read_request(certificate_request(new_broker_key(), "10000000abcd0001"))
    return authority.issue(request, device, days=days, now=NOW)


def test_a_certificate_names_the_device_whatever_the_request_says(authority: Authority) -> None:
    certificate = issue(authority, "desk-1")
    assert common_name(certificate) == "desk-1"
    assert certificate.subject.rfc4514_string() == "CN=desk-1"


def test_a_certificate_is_for_a_client_and_can_sign_no_other(authority: Authority) -> None:
    certificate = issue(authority)
    certificate.verify_directly_issued_by(authority.certificate)
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is False


def test_only_the_key_of_a_request_counts(authority: Authority) -> None:
    key = new_broker_key()
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab-operator")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("broker.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate = authority.issue(read_request(request.public_bytes(Encoding.PEM).decode()), "desk-1", days=9, now=NOW)
    assert certificate.public_key() == key.public_key()
    assert common_name(certificate) == "desk-1"
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_serial_numbers_are_random(authority: Authority) -> None:
    numbers = {issue(authority).serial_number for _ in range(5)}
    assert len(numbers) == 5
    assert min(numbers).bit_length() > 100


def test_no_certificate_outlasts_its_authority(authority: Authority) -> None:
    assert issue(authority, days=9999).not_valid_after_utc == authority.certificate.not_valid_after_utc
    request = read_request(certificate_request(new_broker_key(), "x"))
    with pytest.raises(ProvisioningError, match="The authority ended"):
        authority.issue(request, "desk-1", days=1, now=NOW + timedelta(days=3651))


def test_the_authority_can_sign_certificates_and_none_of_those_can(authority: Authority) -> None:
    constraints = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["P-384", "RSA"],
)
def test_keys_of_another_kind_than_handsets_make_are_refused(key: ec.EllipticCurvePrivateKey) -> None:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    with pytest.raises(ProvisioningError, match="another kind"):
        read_request(request.public_bytes(Encoding.PEM).decode())


def test_a_request_that_was_changed_or_is_none_is_refused() -> None:
    pem = certificate_request(new_broker_key(), "10000000abcd0001")
    request = x509.load_pem_x509_csr(pem.encode())
    der = bytearray(request.public_bytes(Encoding.DER))
    der[der.index(b"10000000abcd0001")] ^= 1
    changed = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()
    with pytest.raises(ProvisioningError, match="not signed by the key"):
        read_request(changed)
    for none in ("", "words", pem[:-60], pem * 40):
        with pytest.raises(ProvisioningError):
            read_request(none)


def test_a_revocation_list_names_what_was_taken_back_and_lasts_as_long_as_the_authority(authority: Authority) -> None:
    certificate = issue(authority)
    revocation = Revocation(certificate.serial_number, NOW + timedelta(days=1), Reason.LOST)
    revoked = x509.load_pem_x509_crl(authority.revocation_list([revocation], NOW + timedelta(days=1)))
    assert revoked.is_signature_valid(authority.certificate.public_key())  # type: ignore[arg-type]
    entry = revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert revoked.get_revoked_certificate_by_serial_number(issue(authority).serial_number) is None
    assert revoked.next_update_utc == authority.certificate.not_valid_after_utc


def test_the_number_of_a_list_rises(authority: Authority) -> None:
    numbers = [
        x509.load_pem_x509_crl(authority.revocation_list([], NOW + timedelta(seconds=after)))
        .extensions.get_extension_for_class(x509.CRLNumber)
        .value.crl_number
        for after in (0, 1)
    ]
    assert numbers[0] < numbers[1]


def test_a_key_of_another_authority_is_noticed(authority: Authority) -> None:
    with pytest.raises(ProvisioningError, match="does not belong"):
        Authority(authority.certificate, Authority.found("Other", days=1, now=NOW).key)
