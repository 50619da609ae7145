import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from contract.results import OutcomeCode
from provisioning.signed import MAX_BYTES, DocumentKind, DocumentRefusedError, Statement, sign, verify
from provisioning.trust import Kind, TrustedKey
from tests.lab.documents import public_key_text

ISSUED = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def pinned(key: Ed25519PrivateKey, *kinds: Kind) -> TrustedKey:
    return TrustedKey(public=public_key_text(key), signs=frozenset(kinds))


KEYS = (pinned(KEY, Kind.POLICY, Kind.NOTICE), pinned(STRANGER, Kind.CATALOGUE))


def statement(**changes: object) -> Statement:
    values = {
        "number": 7,
        "fleet": "shop",
        "issued_at": ISSUED,
        "not_after": ISSUED + timedelta(days=90),
        "content": {"words": "您好"},
    }
    return Statement.model_validate(values | changes)


DOCUMENT = sign(Kind.POLICY, statement(), KEY)


def refusal(document: bytes, kind: DocumentKind = Kind.POLICY) -> OutcomeCode:
    with pytest.raises(DocumentRefusedError) as caught:
        verify(document, kind, KEYS)
    assert str(caught.value).endswith(".")
    return caught.value.refusal


def test_what_was_signed_is_read_back() -> None:
    assert verify(DOCUMENT, Kind.POLICY, KEYS) == statement()


def test_a_document_with_any_bit_changed_is_refused(subtests: pytest.Subtests) -> None:
    for position in range(len(DOCUMENT)):
        with subtests.test(position=position):
            for bit in range(8):
                changed = bytearray(DOCUMENT)
                changed[position] ^= 1 << bit
                assert refusal(bytes(changed)) in {
                    OutcomeCode.UNREADABLE, OutcomeCode.WRONG_KIND, OutcomeCode.UNKNOWN_KEY, OutcomeCode.FORGED,
                }  # fmt: skip


def test_a_document_cut_anywhere_is_refused() -> None:
    for length in range(len(DOCUMENT)):
        assert refusal(DOCUMENT[:length]) in {OutcomeCode.UNREADABLE, OutcomeCode.FORGED}


@given(st.binary(max_size=400))
def test_what_anybody_may_send_is_refused(noise: bytes) -> None:
    refusal(noise)
    refusal(DOCUMENT + noise if noise else b"")


@given(st.binary(max_size=400))
def test_nothing_is_read_into_before_the_signature_holds(noise: bytes) -> None:
    assert refusal(DOCUMENT[:81] + b"{" + noise) is OutcomeCode.FORGED


def test_a_document_of_one_kind_is_never_one_of_another() -> None:
    assert refusal(DOCUMENT, Kind.NOTICE) is OutcomeCode.WRONG_KIND
    relabelled = DOCUMENT[:8] + sign(Kind.NOTICE, statement(), KEY)[8:9] + DOCUMENT[9:]
    assert refusal(relabelled, Kind.NOTICE) is OutcomeCode.FORGED


def test_a_key_signs_only_what_it_is_pinned_for() -> None:
    assert refusal(sign(Kind.POLICY, statement(), STRANGER)) is OutcomeCode.UNKNOWN_KEY
    assert refusal(sign(Kind.CATALOGUE, statement(), KEY), Kind.CATALOGUE) is OutcomeCode.UNKNOWN_KEY
    assert verify(sign(Kind.CATALOGUE, statement(), STRANGER), Kind.CATALOGUE, KEYS) == statement()


def test_a_document_that_is_too_large_is_not_even_hashed() -> None:
    assert refusal(DOCUMENT + bytes(MAX_BYTES[Kind.POLICY])) is OutcomeCode.TOO_LARGE
    with pytest.raises(DocumentRefusedError, match="8192 at most"):
        sign(Kind.NOTICE, statement(content={"words": "x" * 9000}), KEY)


def test_a_document_is_for_its_fleet_and_its_devices_only() -> None:
    statement().check_scope("shop", "desk-1")
    statement(devices=("desk-1", "desk-2")).check_scope("shop", "desk-2")
    for fleet, device in (("other", "desk-1"), ("shop", "desk-3")):
        with pytest.raises(DocumentRefusedError) as caught:
            statement(devices=("desk-1", "desk-2")).check_scope(fleet, device)
        assert caught.value.refusal is OutcomeCode.WRONG_SCOPE


@pytest.mark.parametrize(
    ("days", "synced", "expected"),
    [
        (1, True, None),
        (-1, True, OutcomeCode.NOT_YET_VALID),
        # A clock that woke up in the past says nothing about the future.
        (-5000, False, None),
        (91, True, OutcomeCode.EXPIRED),
        (91, False, OutcomeCode.EXPIRED),
        (10_000_000, True, OutcomeCode.EXPIRED),
    ],
)
def test_a_document_is_taken_in_its_time_only(days: int, synced: bool, expected: OutcomeCode | None) -> None:
    now_s = ISSUED.timestamp() + days * 86_400
    if expected is None:
        statement().check_time(now_s, synced=synced)
        return
    with pytest.raises(DocumentRefusedError) as caught:
        statement().check_time(now_s, synced=synced)
    assert caught.value.refusal is expected


def test_a_signed_body_that_says_something_else_is_refused() -> None:
    header = DOCUMENT[:17]
    for body in (b"{", b"[]", b"\xff", b"{}", DOCUMENT[81:-1] + b',"more":1}'):
        signature = KEY.sign(b"WeCall Handset, document signed by the operator, 1\0" + header + body)
        assert refusal(header + signature + body) is OutcomeCode.UNREADABLE


def test_a_document_ends_after_it_begins() -> None:
    with pytest.raises(ValueError, match="later than issued_at"):
        statement(not_after=ISSUED)


def test_the_signature_is_ed25519_over_label_header_and_body() -> None:
    label = b"WeCall Handset, document signed by the operator, 1\0"
    KEY.public_key().verify(DOCUMENT[17:81], label + DOCUMENT[:17] + DOCUMENT[81:])
    assert len(base64.b64decode(public_key_text(KEY))) == 32
