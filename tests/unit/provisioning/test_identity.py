import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from provisioning.errors import ProvisioningError
from provisioning.identity import (
    MAX_IDENTITY_BYTES,
    Identity,
    certificate_request,
    load_broker_key,
    load_sealing_key,
    new_broker_key,
    new_sealing_key,
    private_pem,
    read_identity,
)
from provisioning.sealing import seal_to_device, unseal_with_key
from tests.lab.bundles import SERIAL

SEALING_KEY = new_sealing_key()
BROKER_KEY = new_broker_key()
IDENTITY = Identity.of(SERIAL, SEALING_KEY, BROKER_KEY, "0.1.0")


def changed(**changes: object) -> bytes:
    return json.dumps(json.loads(IDENTITY.as_json()) | changes).encode()


def test_what_a_handset_leaves_on_a_stick_is_read_back() -> None:
    assert read_identity(IDENTITY.as_json().encode()) == IDENTITY
    assert IDENTITY.file_name == f"identity-{SERIAL}.json"


def test_what_is_sealed_to_an_identity_opens_on_its_handset_also_after_a_restart() -> None:
    sealed = seal_to_device({"sip-password": "x"}, IDENTITY.public_bytes, serial=SERIAL)
    assert unseal_with_key(sealed, load_sealing_key(private_pem(SEALING_KEY)), serial=SERIAL) == {"sip-password": "x"}


def test_the_request_is_for_the_key_of_the_broker_and_names_the_serial() -> None:
    request = x509.load_pem_x509_csr(IDENTITY.certificate_request.encode())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={SERIAL}"
    key = request.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert isinstance(key.curve, SECP256R1)
    same = load_broker_key(private_pem(BROKER_KEY)).public_key()
    assert key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == same.public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def test_nothing_private_is_in_it() -> None:
    text = IDENTITY.as_json()
    assert "PRIVATE" not in text
    assert base64.b64encode(SEALING_KEY.private_bytes_raw()).decode() not in text
    assert set(json.loads(text)) == {"serial", "public_key", "certificate_request", "firmware"}


def test_a_request_that_somebody_changed_is_refused() -> None:
    der = bytearray(x509.load_pem_x509_csr(IDENTITY.certificate_request.encode()).public_bytes(Encoding.DER))
    place = der.index(SERIAL.encode())
    der[place] ^= 1
    pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(ProvisioningError) as caught:
        read_identity(changed(certificate_request=pem))
    assert "P-256" in caught.value.mistakes[0]


@pytest.mark.parametrize(
    "change",
    [
        {"serial": "../../x"},
        {"serial": "UPPER-CASE"},
        {"public_key": "AAAA"},
        {"public_key": "not base64!"},
        {"certificate_request": "-----BEGIN CERTIFICATE REQUEST-----\n"},
        {"certificate_request": certificate_request(generate_private_key(SECP384R1()), SERIAL)},
        {"firmware": "one two"},
        {"name": "somebody"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_no_identity_is_refused_with_its_place(change: dict[str, object]) -> None:
    with pytest.raises(ProvisioningError) as caught:
        read_identity(changed(**change))
    assert next(iter(change)) in caught.value.mistakes[0]


@given(st.binary(max_size=300))
def test_whatever_lies_on_the_stick_is_refused(noise: bytes) -> None:
    for text in (noise, noise + bytes(MAX_IDENTITY_BYTES)):
        with pytest.raises(ProvisioningError):
            read_identity(text)


def test_a_damaged_key_says_what_to_do() -> None:
    for load, other in ((load_sealing_key, private_pem(BROKER_KEY)), (load_broker_key, private_pem(SEALING_KEY))):
        for pem in (b"", b"-----BEGIN PRIVATE KEY-----\n", other):
            with pytest.raises(ProvisioningError, match="it makes a new one"):
                load(pem)
