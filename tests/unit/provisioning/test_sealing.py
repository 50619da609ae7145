import itertools
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from contract.results import OutcomeCode
from provisioning.errors import BundleRefusedError, ProvisioningError
from provisioning.sealing import (
    CODE_DIGITS,
    MAX_SEALED_BYTES,
    CodeCost,
    new_code,
    seal_to_code,
    seal_to_device,
    unseal_with_code,
    unseal_with_key,
)
from tests.lab.bundles import SERIAL

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
SECRETS = {"sip-password": "correct horse", "sip-password-office": "电池 staple", "wifi-password-1": "x"}
Seal = Callable[[], bytes]
CODE = "0123456789"
CHEAP = CodeCost(memory_kib=8, passes=1, lanes=1)
TO_KEY = seal_to_device(SECRETS, PUBLIC, serial=SERIAL)
TO_CODE = seal_to_code(SECRETS, CODE, CHEAP)


def key_refusal(blob: bytes, key: X25519PrivateKey = KEY, serial: str = SERIAL) -> OutcomeCode:
    with pytest.raises(BundleRefusedError) as caught:
        unseal_with_key(blob, key, serial=serial)
    assert "horse" not in str(caught.value)
    return caught.value.refusal


def code_refusal(blob: bytes, code: str = CODE) -> OutcomeCode:
    with pytest.raises(BundleRefusedError) as caught:
        unseal_with_code(blob, code)
    assert "horse" not in str(caught.value)
    return caught.value.refusal


def test_what_is_sealed_to_a_handset_opens_with_its_key() -> None:
    assert unseal_with_key(TO_KEY, KEY, serial=SERIAL) == SECRETS
    assert seal_to_device(SECRETS, PUBLIC, serial=SERIAL) != TO_KEY


def test_it_opens_for_no_other_key_and_no_other_serial() -> None:
    assert key_refusal(TO_KEY, X25519PrivateKey.from_private_bytes(bytes(32))) is OutcomeCode.SEALED_FOR_ANOTHER
    assert key_refusal(TO_KEY, serial=SERIAL[:-1] + "5") is OutcomeCode.SEALED_FOR_ANOTHER


def test_with_any_byte_changed_it_does_not_open() -> None:
    for position, mask in itertools.product(range(len(TO_KEY)), (1, 0x80, 0xFF)):
        changed = bytearray(TO_KEY)
        changed[position] ^= mask
        expected = OutcomeCode.UNREADABLE if position < 8 else OutcomeCode.SEALED_FOR_ANOTHER
        assert key_refusal(bytes(changed)) is expected


def test_cut_anywhere_it_does_not_open() -> None:
    for length in range(len(TO_KEY)):
        assert key_refusal(TO_KEY[:length]) in {OutcomeCode.UNREADABLE, OutcomeCode.SEALED_FOR_ANOTHER}
    for length in range(len(TO_CODE)):
        assert code_refusal(TO_CODE[:length]) in {OutcomeCode.UNREADABLE, OutcomeCode.WRONG_CODE}


def test_it_is_hpke_as_rfc_9180_has_it() -> None:
    """Open it by the RFC's own steps (sections 4.1, 5.1 and 5.2), written down once more."""

    def mac(key: bytes, data: bytes) -> bytes:
        hmac = HMAC(key, SHA256())
        hmac.update(data)
        return hmac.finalize()

    def extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
        return mac(salt or bytes(32), b"HPKE-v1" + suite + label + secret)

    def expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return mac(secret, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info + b"\x01")[:length]

    encapsulated, sealed = TO_KEY[8:40], TO_KEY[40:]
    info = b"WeCall Handset, secrets for one handset, 1\0" + SERIAL.encode()
    kem = b"KEM" + struct.pack(">H", 0x0020)
    shared = KEY.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    secret = expand(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret", encapsulated + PUBLIC, 32)
    suite = b"HPKE" + struct.pack(">3H", 0x0020, 0x0001, 0x0003)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    schedule = extract(suite, secret, b"secret", b"")
    key = expand(suite, schedule, b"key", context, 32)
    nonce = expand(suite, schedule, b"base_nonce", context, 12)
    assert b"correct horse" in ChaCha20Poly1305(key).decrypt(nonce, sealed, b"")


def test_what_is_sealed_to_a_code_opens_with_it() -> None:
    assert unseal_with_code(TO_CODE, CODE) == SECRETS
    assert seal_to_code(SECRETS, CODE, CHEAP) != TO_CODE


@pytest.mark.parametrize("code", ["0123456780", "", "123456789", "01234567890", " 0123456789"])
def test_it_opens_with_no_other_code(code: str) -> None:
    assert code_refusal(TO_CODE, code) is OutcomeCode.WRONG_CODE


def test_with_a_key_for_it_the_same_secrets_become_the_same_bytes_and_others_share_nothing() -> None:
    first, again = (seal_to_code(SECRETS, CODE, CHEAP, repeat_key=bytes(32)) for _ in range(2))
    assert first == again
    assert unseal_with_code(first, CODE) == SECRETS
    others = [
        seal_to_code(SECRETS, CODE, CHEAP),
        seal_to_code(SECRETS, CODE, CHEAP, repeat_key=bytes(31) + b"1"),
        seal_to_code(SECRETS, "1123456789", CHEAP, repeat_key=bytes(32)),
        seal_to_code({**SECRETS, "wifi-password-1": "y"}, CODE, CHEAP, repeat_key=bytes(32)),
        seal_to_code(SECRETS, CODE, CodeCost(memory_kib=16, passes=1, lanes=1), repeat_key=bytes(32)),
    ]
    salts_and_nonces = [blob[14:42] for blob in (first, *others)]
    assert len({part for whole in salts_and_nonces for part in (whole[:16], whole[16:])}) == 2 * len(salts_and_nonces)


def test_with_any_byte_changed_no_code_opens_it() -> None:
    for position, mask in itertools.product(range(len(TO_CODE)), (1, 0xFF)):
        changed = bytearray(TO_CODE)
        changed[position] ^= mask
        assert code_refusal(bytes(changed)) in {OutcomeCode.UNREADABLE, OutcomeCode.WRONG_CODE}


@pytest.mark.parametrize(
    ("memory_kib", "passes", "lanes"),
    [
        (128 * 1024 + 1, 1, 1),
        (2**32 - 1, 1, 1),
        (64 * 1024, 17, 1),
        (64 * 1024, 255, 1),
        (64 * 1024, 1, 5),
        (64 * 1024, 0, 1),
        (64 * 1024, 1, 0),
        (0, 1, 1),
        (15, 1, 2),
    ],
)
def test_a_cost_that_no_handset_pays_is_refused_before_it_is_paid(
    memory_kib: int, passes: int, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pay(**_: object) -> None:
        raise AssertionError("the cost is being paid")

    monkeypatch.setattr("provisioning.sealing.Argon2id", pay)
    blob = TO_CODE[:8] + struct.pack(">LBB", memory_kib, passes, lanes) + TO_CODE[14:]
    assert code_refusal(blob) is OutcomeCode.UNREADABLE
    with pytest.raises(AssertionError, match="being paid"):
        unseal_with_code(TO_CODE, CODE)


def test_a_code_costs_what_rfc_9106_wants_where_memory_is_short() -> None:
    blob = seal_to_code(SECRETS, CODE)
    assert struct.unpack_from(">LBB", blob, 8) == (64 * 1024, 3, 4)
    assert unseal_with_code(blob, CODE) == SECRETS


def test_the_key_of_a_code_is_argon2id() -> None:
    argon = Argon2id(salt=TO_CODE[14:30], length=32, iterations=1, lanes=1, memory_cost=8)
    label = b"WeCall Handset, secrets for a code, 1\0"
    cipher = ChaCha20Poly1305(argon.derive(CODE.encode()))
    assert b"correct horse" in cipher.decrypt(TO_CODE[30:42], TO_CODE[42:], label + TO_CODE[:42])
    with pytest.raises(InvalidTag):
        cipher.decrypt(TO_CODE[30:42], TO_CODE[42:], TO_CODE[:42])


def test_the_length_does_not_tell_that_of_a_password() -> None:
    lengths = {len(seal_to_device({"sip-password": "x" * length}, PUBLIC, serial=SERIAL)) for length in range(1, 257)}
    assert len(lengths) == 1


@given(st.binary(max_size=200))
def test_whatever_lies_there_is_refused(noise: bytes) -> None:
    key_refusal(noise)
    key_refusal(b"WeCallD1" + noise)
    code_refusal(noise)
    assert key_refusal(bytes(MAX_SEALED_BYTES + 1)) is OutcomeCode.UNREADABLE


@pytest.mark.parametrize(
    "secrets",
    [
        {"Sip": "correct horse"},
        {"": "correct horse"},
        {"sip-password": ""},
        {"sip-password": "correct horse\n"},
        {"sip-password": "correct horse" * 20},
        {f"wifi-password-{number}": "correct horse" for number in range(65)},
    ],
)
def test_what_is_no_secret_is_not_sealed_and_not_quoted(secrets: dict[str, str]) -> None:
    ways: tuple[Seal, ...] = (
        lambda: seal_to_device(secrets, PUBLIC, serial=SERIAL),
        lambda: seal_to_code(secrets, CODE, CHEAP),
    )
    for seal in ways:
        with pytest.raises(ProvisioningError) as caught:
            seal()
        assert "horse" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_key_that_is_none_is_refused() -> None:
    # The point of order 1: every shared secret with it is zero (RFC 7748 section 6.1).
    for public in (bytes(32), bytes(31)):
        with pytest.raises(ProvisioningError, match="Collect its identity anew"):
            seal_to_device(SECRETS, public, serial=SERIAL)


def test_codes_are_ten_digits_and_differ() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(code.isdecimal() and code.isascii() and len(code) == CODE_DIGITS for code in codes)


def test_two_threads_seal_and_open_at_the_same_time() -> None:
    cost = CodeCost(memory_kib=64, passes=1, lanes=4)

    def there_and_back(number: int) -> dict[str, str]:
        return unseal_with_code(seal_to_code({"sip-password": f"{number}"}, CODE, cost), CODE)

    for _ in range(50):
        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(there_and_back, range(2))) == [{"sip-password": "0"}, {"sip-password": "1"}]
