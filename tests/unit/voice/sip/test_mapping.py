import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.calls import DisconnectReason
from firmware.phone.call import RegistrationFailure, RejectReason
from firmware.voice.sip.mapping import (
    CERTIFICATE_ERROR,
    MAX_DISPLAY_NAME_LENGTH,
    MAX_NUMBER_LENGTH,
    REJECT_CODES,
    SYSTEM_ERRORS,
    caller_id,
    disconnect_reason,
    registration_failure,
    status_code,
)


def test_the_caller_is_read_from_the_from_header(subtests: pytest.Subtests) -> None:
    for header, number, name in (
        ('"Ann B." <sip:+8613800138000@example.org;user=phone>;tag=1', "+8613800138000", "Ann B."),
        ("Ann <sip:201@example.org>", "201", "Ann"),
        ("<sip:201;phone-context=example.org@example.org>", "201", ""),
        ("sip:201@example.org;tag=1", "201", ""),
        ("<tel:+4930123456;ext=1>", "+4930123456", ""),
        ("<sips:*98%23@example.org:5061>", "*98#", ""),
        ("<sip:alice:secret@example.org>", "alice", ""),
        ("<sip:example.org>", "", ""),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', "", ""),
        (r'"A \"quoted\" name" <sip:1@h>', "1", 'A "quoted" name'),
        ('"line\r\nbreak\x07" <sip:1@h>', "1", "line break"),
        ('"\u202etxet desrever" <sip:1@h>', "1", "txet desrever"),
        ('"王小明" <sip:1@h>', "1", "王小明"),
        ("", "", ""),
    ):
        with subtests.test(header=header, number=number):
            caller = caller_id(header)
            assert (caller.number, caller.display_name) == (number, name)


@given(st.text(max_size=2000))
def test_no_header_makes_a_caller_that_cannot_be_shown(text: str) -> None:
    for header in (text, f'"{text}" <sip:{text}@h>'):
        caller = caller_id(header)
        assert len(caller.number) <= MAX_NUMBER_LENGTH
        assert len(caller.display_name) <= MAX_DISPLAY_NAME_LENGTH
        assert (caller.number + caller.display_name).replace(" ", "").isprintable() or not caller.number


def test_the_end_of_a_call_has_a_reason(subtests: pytest.Subtests) -> None:
    for code, from_peer, answered, incoming, reason in (
        (200, True, True, False, DisconnectReason.REMOTE_HANGUP),
        (408, False, True, False, DisconnectReason.NETWORK_LOST),
        (481, True, True, True, DisconnectReason.NETWORK_LOST),
        (487, True, False, True, DisconnectReason.CANCELLED),
        (487, True, False, False, DisconnectReason.NO_ANSWER),
        (408, True, False, False, DisconnectReason.NO_ANSWER),
        (408, False, False, False, DisconnectReason.UNREACHABLE),
        (503, False, False, False, DisconnectReason.UNREACHABLE),
        (503, True, False, False, DisconnectReason.SERVER_ERROR),
        (486, True, False, False, DisconnectReason.BUSY),
        (600, True, False, False, DisconnectReason.BUSY),
        (603, True, False, False, DisconnectReason.REJECTED),
        (404, True, False, False, DisconnectReason.NOT_FOUND),
        (403, True, False, False, DisconnectReason.NOT_ALLOWED),
        (488, True, False, False, DisconnectReason.NO_COMMON_CODEC),
        (499, True, False, False, DisconnectReason.SERVER_ERROR),
        (999, True, False, False, DisconnectReason.SERVER_ERROR),
    ):
        with subtests.test(code=code, from_peer=from_peer, answered=answered):
            found = disconnect_reason(
                code, from_peer=from_peer, answered=answered, incoming=incoming, encryption_required=False
            )
            assert found is reason


@pytest.mark.parametrize(
    ("code", "cause", "reason"),
    [
        (480, 19, DisconnectReason.NO_ANSWER),
        (480, 20, DisconnectReason.UNREACHABLE),
        (404, 3, DisconnectReason.UNREACHABLE),
        (404, 1, DisconnectReason.NOT_FOUND),
        (503, 27, DisconnectReason.UNREACHABLE),
        (603, 17, DisconnectReason.BUSY),
        (403, 21, DisconnectReason.REJECTED),
        (480, 31, DisconnectReason.UNREACHABLE),
        (486, 19, DisconnectReason.BUSY),
    ],
)
def test_a_cause_of_q_850_says_more_than_a_vague_status_code(code: int, cause: int, reason: DisconnectReason) -> None:
    found = disconnect_reason(
        code, from_peer=True, answered=False, incoming=False, encryption_required=False, cause=cause
    )
    assert found is reason


def test_a_refused_offer_means_encryption_where_that_is_required() -> None:
    reason = disconnect_reason(488, from_peer=True, answered=False, incoming=False, encryption_required=True)
    assert reason is DisconnectReason.ENCRYPTION_REQUIRED


@pytest.mark.parametrize(
    ("code", "from_server", "pj_status", "failure"),
    [
        (401, True, 0, RegistrationFailure.WRONG_PASSWORD),
        (401, False, 0, RegistrationFailure.WRONG_PASSWORD),
        (403, True, 0, RegistrationFailure.WRONG_PASSWORD),
        (404, True, 0, RegistrationFailure.ACCOUNT_UNKNOWN),
        (503, True, 0, RegistrationFailure.REFUSED),
        (408, False, 0, RegistrationFailure.SERVER_UNREACHABLE),
        (503, False, SYSTEM_ERRORS + errno.ECONNREFUSED, RegistrationFailure.SERVER_UNREACHABLE),
        (503, False, SYSTEM_ERRORS + errno.ENETUNREACH, RegistrationFailure.NO_NETWORK),
        (503, False, CERTIFICATE_ERROR, RegistrationFailure.CERTIFICATE_REJECTED),
    ],
)
def test_a_failed_registration_has_a_reason(
    code: int, from_server: bool, pj_status: int, failure: RegistrationFailure
) -> None:
    assert registration_failure(code, from_server=from_server, pj_status=pj_status) is failure


def test_every_reason_to_reject_has_a_final_response() -> None:
    assert set(REJECT_CODES) == set(RejectReason)
    assert all(code >= 400 for code in REJECT_CODES.values())


@pytest.mark.parametrize(("code", "told"), [(0, 0), (100, 100), (699, 699), (700, 0), (799, 0), (999, 0)])
def test_a_status_that_is_none_in_sip_is_not_told(code: int, told: int) -> None:
    assert status_code(code) == told
