"""How much of what voice says is believed."""

from dataclasses import replace

import pytest

from contract.calls import CallDirection
from firmware.phone.call import CallerId, CallId, CallState, TextMessage
from firmware.phone.news import (
    CallReplaced,
    CallsFound,
    CallStateChanged,
    FoundCall,
    IncomingCallReceived,
    MessageReceived,
    VoicemailCounted,
)
from firmware.voice.channel import RefusedError
from firmware.voice.messages import News, decode_news, encode
from firmware.voice.news_gate import NewsGate

SOMEBODY = CallerId("1001")
TEXT = TextMessage("f" * 32, CallDirection.INCOMING, SOMEBODY, "Hello")
MAX_CALLS = 3
MOST = MAX_CALLS + 4


def call(number: int) -> CallId:
    return CallId(f"{number:032x}")


def incoming(number: int) -> IncomingCallReceived:
    return IncomingCallReceived(call(number), SOMEBODY)


def found(number: int, state: CallState) -> FoundCall:
    return FoundCall(call(number), CallDirection.INCOMING, state, SOMEBODY)


@pytest.fixture
def gate() -> NewsGate:
    return NewsGate([""], lambda: 0.0, max_calls=MAX_CALLS)


def test_calls_that_never_end_are_believed_up_to_a_few_more_than_there_may_be(gate: NewsGate) -> None:
    assert [gate.passes(incoming(number)) for number in range(MOST + 1)] == [True] * MOST + [False]
    assert not gate.passes(CallReplaced(call(0), call(99), SOMEBODY))
    assert gate.passes(CallStateChanged(call(0), CallState.DISCONNECTED))
    assert gate.passes(incoming(100))


def test_a_call_that_changes_without_an_end_spoils_no_other_and_may_end(gate: NewsGate) -> None:
    gate.passes(incoming(1))
    gate.passes(incoming(2))
    changes = [gate.passes(CallStateChanged(call(1), CallState.HELD)) for _ in range(1000)]
    assert sum(changes) == 100
    assert gate.passes(CallStateChanged(call(2), CallState.ACTIVE))
    assert gate.passes(CallStateChanged(call(1), CallState.DISCONNECTED))


def test_of_calls_that_are_found_those_that_are_over_take_no_place(gate: NewsGate) -> None:
    assert gate.passes(CallsFound(tuple(found(number, CallState.DISCONNECTED) for number in range(50))))
    assert not gate.calls
    assert not gate.passes(incoming(1))
    assert gate.passes(incoming(51))


def test_found_calls_that_cannot_be_change_nothing(gate: NewsGate) -> None:
    assert not gate.passes(CallsFound((found(1, CallState.ACTIVE), found(1, CallState.HELD))))
    assert not gate.passes(CallsFound(tuple(found(number, CallState.ACTIVE) for number in range(MOST + 1))))
    assert not gate.calls
    assert gate.passes(incoming(1))


@pytest.mark.parametrize(
    "text",
    [
        replace(TEXT, direction=CallDirection.OUTGOING),
        replace(TEXT, read=True),
        replace(TEXT, delivered=False),
        replace(TEXT, at=1.0),
    ],
)
def test_a_text_is_taken_only_as_it_comes_in(gate: NewsGate, text: TextMessage) -> None:
    assert not gate.passes(MessageReceived(text))
    assert gate.passes(MessageReceived(TEXT))


def test_a_text_has_a_name_of_its_own(gate: NewsGate) -> None:
    gate.text_sent(TEXT.message_id)
    assert not gate.passes(MessageReceived(TEXT))
    assert gate.passes(MessageReceived(replace(TEXT, message_id="e" * 32)))
    assert not gate.passes(MessageReceived(replace(TEXT, message_id="e" * 32)))


@pytest.mark.parametrize(
    "news",
    [
        VoicemailCounted(-1),
        CallStateChanged(call(1), CallState.DISCONNECTED, sip_code=700),
        CallsFound((replace(found(1, CallState.ACTIVE), began_ago_s=1e8),)),
    ],
)
def test_numbers_that_cannot_be_are_refused(news: News) -> None:
    with pytest.raises(RefusedError):
        decode_news(encode(news))
