from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from contract.results import OutcomeCode
from provisioning.release_keys import (
    MAX_BYTES,
    ReleaseKeys,
    fingerprint,
    read_release_keys,
    sign_release_keys,
)
from provisioning.signed import DocumentRefusedError
from tests.lab.documents import public_key_text
from tests.lab.releases import Releaser

RELEASER = Releaser()
FIRST, SECOND = RELEASER.certificate("release 1"), RELEASER.certificate("release 2")
LIST = RELEASER.keys(3, [FIRST, SECOND])


def refusal(signed: bytes, root_public: str = RELEASER.root_public) -> OutcomeCode:
    with pytest.raises(DocumentRefusedError) as caught:
        read_release_keys(signed, root_public)
    assert str(caught.value).endswith(".")
    return caught.value.refusal


def test_a_list_reads_as_it_was_signed() -> None:
    said = read_release_keys(LIST, RELEASER.root_public + "\n")
    assert (said.number, said.security_floor, said.revoked) == (3, "0.2.0", ())
    assert said.keyring() == "".join(each.public_bytes(Encoding.PEM).decode() for each in (FIRST, SECOND))


def test_a_list_with_any_bit_changed_is_refused() -> None:
    for position in range(8 * len(LIST)):
        changed = bytearray(LIST)
        changed[position // 8] ^= 1 << position % 8
        assert refusal(bytes(changed)) in {OutcomeCode.UNREADABLE, OutcomeCode.FORGED}


@pytest.mark.parametrize("length", [0, 8, 71, 72, 73, -1])
def test_a_list_that_was_cut_short_is_refused(length: int) -> None:
    assert refusal(LIST[:length]) in {OutcomeCode.UNREADABLE, OutcomeCode.FORGED}


def test_another_root_key_signs_nothing() -> None:
    assert refusal(LIST, public_key_text(Ed25519PrivateKey.generate())) is OutcomeCode.FORGED
    assert refusal(LIST, "nonsense") is OutcomeCode.UNKNOWN_KEY


def test_a_document_of_the_operators_is_no_list() -> None:
    assert refusal(RELEASER.update(1)) is OutcomeCode.UNREADABLE


def test_what_was_taken_back_is_in_no_keyring_even_while_it_is_on_the_list() -> None:
    said = read_release_keys(RELEASER.keys(4, [FIRST, SECOND], revoked=(fingerprint(FIRST),)), RELEASER.root_public)
    assert said.keyring() == SECOND.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("version", "may_run"), [("0.2.0", True), ("0.2", True), ("0.10.0", True), ("0.2.0rc1", False), ("0.1.9", False)]
)
def test_the_floor_is_the_lowest_version_that_may_run(version: str, may_run: bool) -> None:
    assert read_release_keys(LIST, RELEASER.root_public).is_above_floor(version) is may_run


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"certificates": []},
        {"certificates": ["no certificate"]},
        {"certificates": [FIRST.public_bytes(Encoding.PEM).decode() * 2]},
        {"certificates": ["a remark\n" + FIRST.public_bytes(Encoding.PEM).decode()]},
        {"revoked": ["ab"]},
        {"security_floor": "safe"},
        {"another": "field"},
    ],
)
def test_a_list_that_says_something_else_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RELEASER.keys(**changes)


def test_a_list_that_says_something_else_is_refused_though_it_is_signed() -> None:
    said = read_release_keys(LIST, RELEASER.root_public).model_copy(update={"security_floor": "safe"})
    assert refusal(sign_release_keys(said, RELEASER.root)) is OutcomeCode.UNREADABLE


def test_a_list_that_is_too_long_is_neither_signed_nor_read() -> None:
    many = ReleaseKeys.model_construct(
        number=1, issued_at=RELEASER.at, certificates=(), revoked=("a" * 64,) * 300, security_floor="0"
    )
    with pytest.raises(DocumentRefusedError, match="bytes; one has"):
        sign_release_keys(many, RELEASER.root)
    assert refusal(bytes(MAX_BYTES + 1)) is OutcomeCode.TOO_LARGE
