"""What the phone believes of what voice says."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone import news as n
from firmware.phone.call import CallerId, CallId, CallQuality, CallState, RegistrationState, TextMessage, TransferState
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised, RegistrationChanged, VoicemailCounted, VoiceNews
from firmware.phone.recording import RecordingPreference
from firmware.voice import news_gate
from firmware.voice.messages import RingerFault
from firmware.voice.news_gate import Bucket, Lasting, LastingNews, NewsGate
from tests.fakes.clock import Clock

ANNA = CallerId("100", "Anna")
QUALITY = CallQuality(0.0, 1.0, None, "G722", True, 4.4)

UP, DOWN = RegistrationChanged(RegistrationState.REGISTERED), RegistrationChanged(RegistrationState.FAILED)


def call(number: int) -> CallId:
    return CallId(f"{number:032x}")


def incoming(number: int, account: str = "home") -> n.IncomingCallReceived:
    return n.IncomingCallReceived(call(number), ANNA, account)


def text(number: int) -> n.MessageReceived:
    return n.MessageReceived(TextMessage(f"{number:032x}", CallDirection.INCOMING, ANNA, "Hi"))


class Gate(NewsGate):
    """A gate with a clock of its own."""

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(("home", ""), self.clock)

    def count(self, news: Iterable[VoiceNews]) -> int:
        return sum(self.passes(each) for each in news)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def of(call_id: CallId) -> list[VoiceNews]:
    """Return one of each news of a call that goes on, the last of which is its end."""
    return [
        n.CallStateChanged(call_id, CallState.ACTIVE),
        n.CallAudioChanged(call_id, receiving=True, sending=True),
        n.CallPartyChanged(call_id, ANNA),
        n.TransferChanged(call_id, TransferState.REQUESTED),
        n.RecordingSignalled(call_id, records=True, preference=RecordingPreference.NONE),
        n.CallQualityMeasured(call_id, QUALITY),
        n.CallTextChanged(call_id, is_open=True),
        n.CallTextReceived(call_id, "a"),
        n.CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.REMOTE_HANGUP),
    ]


def test_a_bucket_gives_so_much_at_once_and_so_much_a_second() -> None:
    clock = Clock()
    bucket = Bucket(3, 0.5, clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now_s += 2
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.now_s += 1000
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_a_call_that_was_placed_is_heard_of_until_its_end_and_no_more(gate: Gate) -> None:
    gate.call_placed(call(1))
    assert [gate.passes(news) for news in of(call(1))] == [True] * 9
    assert [gate.passes(news) for news in of(call(1))] == [False] * 9


def test_nothing_is_heard_of_calls_that_nobody_knows() -> None:
    assert not any(map(Gate().passes, of(call(1))))


def test_a_call_that_comes_in_is_heard_of_until_its_end(gate: Gate) -> None:
    assert gate.passes(incoming(1))
    assert all(map(gate.passes, of(call(1))))
    assert gate.lose_calls() == ()


def test_no_call_is_named_like_another_of_this_run(gate: Gate) -> None:
    gate.call_placed(call(1))
    assert gate.passes(incoming(2))
    assert gate.passes(n.CallReplaced(call(2), call(3), ANNA))
    assert all(map(gate.passes, of(call(2))))
    for number in (1, 2, 3):
        assert not gate.passes(incoming(number))
        assert not gate.passes(n.CallReplaced(call(1), call(number), ANNA))
        assert not gate.passes(found(number))


def test_a_call_takes_the_place_of_one_that_goes_on_only(gate: Gate) -> None:
    assert not gate.passes(n.CallReplaced(call(1), call(2), ANNA))
    assert not any(map(gate.passes, of(call(2))))
    gate.call_placed(call(1))
    assert gate.passes(n.CallReplaced(call(1), call(2), ANNA))
    assert all(map(gate.passes, of(call(2))))


def test_lines_are_those_that_voice_was_told(gate: Gate) -> None:
    assert gate.passes(incoming(1, ""))
    assert not gate.passes(incoming(2, "office"))
    registered = n.RegistrationChanged(RegistrationState.REGISTERED, account="home")
    assert gate.passes(registered)
    assert not gate.passes(replace(registered, account="office"))
    assert gate.passes(n.VoicemailCounted(1, account="home"))
    assert not gate.passes(n.VoicemailCounted(1, account="office"))


def test_phones_that_are_watched_are_those_that_voice_was_told() -> None:
    gate = NewsGate([""], watched=["202"])
    assert gate.passes(n.WatchedPhoneChanged("202", n.Watched.FREE))
    assert not gate.passes(n.WatchedPhoneChanged("203", n.Watched.FREE))


def test_paging_groups_are_those_that_voice_was_told() -> None:
    gate = NewsGate([""], paging=["Hall"])
    assert gate.passes(n.PagingChanged("Hall", speaks=True))
    assert not gate.passes(n.PagingChanged("Yard", speaks=True))


def test_voice_has_problems_of_its_own_only(subtests: pytest.Subtests) -> None:
    for problem in Problem:
        with subtests.test(problem=problem):
            own = problem in {
                Problem.SOUND_MISSING, Problem.SOUND_CONFINED, Problem.SIP_UNAVAILABLE, Problem.SIP_LIBRARY_MISSING
            }  # fmt: skip
            assert Gate().passes(n.ProblemRaised(problem)) is own
            assert Gate().passes(n.ProblemCleared(problem)) is own


def test_what_became_of_a_text_is_heard_once_and_of_texts_that_were_sent(gate: Gate) -> None:
    sent = n.MessageSent("d" * 32, accepted=True)
    assert not gate.passes(sent)
    gate.text_sent("d" * 32)
    assert gate.passes(sent)
    assert not gate.passes(sent)


def test_texts_that_are_lost_are_those_that_nothing_was_heard_of(gate: Gate) -> None:
    gate.text_sent("d" * 32)
    gate.text_sent("e" * 32)
    assert gate.passes(n.MessageSent("d" * 32, accepted=True))
    assert gate.lose_texts() == ("e" * 32,)
    assert gate.lose_texts() == ()
    assert not gate.passes(n.MessageSent("e" * 32, accepted=True))


def test_no_flood_of_calls_and_texts_fills_the_card(gate: Gate) -> None:
    def count_calls(numbers: range) -> int:
        """Have calls come in of which each ends at once, and return how many were heard of."""
        return sum(gate.passes(incoming(number)) and gate.passes(of(call(number))[-1]) for number in numbers)

    assert count_calls(range(100)) + gate.count(text(number) for number in range(1000, 2000)) == 120
    gate.clock.now_s += 60
    assert gate.count(text(number) for number in range(2000, 3000)) == 30
    assert count_calls(range(3000, 4000)) == 0
    gate.clock.now_s += 24 * 3600
    assert count_calls(range(5000, 6000)) == 120


def test_there_are_no_more_calls_than_voice_was_told_to_have_and_some_that_end(gate: Gate) -> None:
    gate.call_placed(call(1))
    assert gate.count(incoming(number) for number in range(2, 100)) == 7
    assert not gate.passes(n.CallReplaced(call(1), call(200), ANNA))
    assert gate.passes(of(call(1))[-1])
    assert gate.passes(incoming(300))
    assert not gate.passes(found(400))


def test_a_flood_of_news_of_one_call_keeps_no_other_from_being_heard_of(gate: Gate) -> None:
    gate.call_placed(call(1))
    gate.call_placed(call(2))
    changes: list[VoiceNews] = [n.CallPartyChanged(call(1), ANNA)] * 1000
    assert gate.count(changes) == 100
    gate.clock.now_s += 2
    assert gate.count(changes) == 10
    assert all(map(gate.passes, of(call(2))))
    assert gate.passes(of(call(1))[-1])


@pytest.mark.parametrize(
    "change", [{"direction": CallDirection.OUTGOING}, {"read": True}, {"delivered": False}, {"at": 1.0}], ids=str
)
def test_a_text_is_as_it_is_when_it_comes_in(change: dict[str, Any]) -> None:
    message = text(1).message
    assert not Gate().passes(n.MessageReceived(replace(message, **change)))
    assert Gate().passes(n.MessageReceived(message))


def test_no_text_is_named_like_another_of_this_run(gate: Gate) -> None:
    assert gate.passes(text(1))
    gate.text_sent(text(2).message.message_id)
    gate.call_placed(call(3))
    assert not any(gate.passes(text(number)) for number in (1, 2, 3))


def test_quality_is_measured_now_and_then(gate: Gate) -> None:
    gate.call_placed(call(1))
    assert gate.count([n.CallQualityMeasured(call(1), QUALITY)] * 1000) == 60
    gate.clock.now_s += 5
    assert gate.count([n.CallQualityMeasured(call(1), QUALITY)] * 1000) == 5


def found(*numbers: int, joined: tuple[int, ...] = (), state: CallState = CallState.ACTIVE) -> n.CallsFound:
    calls = tuple(n.FoundCall(call(number), CallDirection.OUTGOING, state, ANNA) for number in numbers)
    return n.CallsFound(calls, joined=tuple(map(call, joined)))


def test_calls_that_are_found_are_heard_of_until_their_end(gate: Gate) -> None:
    assert gate.passes(found(1, 2, joined=(1, 2)))
    assert all(map(gate.passes, of(call(1))))
    assert gate.lose_calls() == (call(2),)


def test_a_call_that_is_found_at_its_end_is_over(gate: Gate) -> None:
    assert gate.passes(found(1, state=CallState.DISCONNECTED))
    assert not any(map(gate.passes, of(call(1))))
    assert gate.lose_calls() == ()
    assert not gate.passes(incoming(1))


@pytest.mark.parametrize("impossible", [found(2, 2), found(2, 1), found(2, joined=(2, 3)), found(joined=(1,))])
def test_of_what_cannot_be_found_nothing_is_believed(gate: Gate, impossible: n.CallsFound) -> None:
    gate.call_placed(call(1))
    assert not gate.passes(impossible)
    assert not any(map(gate.passes, of(call(2))))
    assert gate.lose_calls() == (call(1),)


def test_calls_that_are_lost_are_over_and_their_names_are_taken(gate: Gate) -> None:
    gate.call_placed(call(1))
    assert gate.passes(incoming(2))
    assert gate.lose_calls() == (call(1), call(2))
    assert not any(map(gate.passes, of(call(1))))
    assert not gate.passes(incoming(2))
    gate.call_placed(call(1))
    assert all(map(gate.passes, of(call(1))))


def test_nonsense_is_said_in_the_log_once_a_minute_and_without_a_name(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        gate.passes(incoming(1, "office"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    gate.clock.now_s += 60
    gate.passes(text(1))
    gate.passes(n.ProblemRaised(Problem.DEVICE_BROKEN, "Anna"))
    assert len(caplog.records) == 2
    assert "Anna" not in caplog.text
    assert call(1) not in caplog.text


async def test_the_same_is_told_once() -> None:
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    for _ in range(5):
        kept.note(UP)
    assert told == [UP]


async def test_what_changes_without_an_end_is_told_now_and_then_and_in_the_end_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(news_gate, "_PERIOD_S", 0.05)
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    for number in range(1001):
        kept.note(DOWN if number % 2 else UP)
    kept.note(VoicemailCounted(1))
    assert len(told) == 21, "a line that flaps keeps nothing else from being told"
    await asyncio.sleep(0.1)
    assert told[21:] == [UP]


async def test_the_next_voice_is_told_of_at_once_whatever_the_one_before_said() -> None:
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    for number in range(100):
        kept.note(DOWN if number % 2 else UP)
    kept.forget()
    told.clear()
    kept.note(UP)
    assert told == [UP]


async def test_what_a_voice_said_of_itself_goes_with_it() -> None:
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    rings = n.WatchedPhoneChanged("202", n.Watched.RINGING)
    speaks = n.PagingChanged("Hall", speaks=True)
    for news in (UP, ProblemRaised(Problem.SIP_UNAVAILABLE, "Why."), VoicemailCounted(3), rings, speaks):
        kept.note(news)
    kept.note(RingerFault("Why."))
    told.clear()
    kept.forget()
    assert told == [
        RegistrationChanged(RegistrationState.UNREGISTERED),
        ProblemCleared(Problem.SIP_UNAVAILABLE),
        VoicemailCounted(0),
        n.WatchedPhoneChanged("202", n.Watched.UNKNOWN),
        n.PagingChanged("Hall", speaks=False),
        RingerFault(""),
    ]
    told.clear()
    kept.forget()
    assert not told
