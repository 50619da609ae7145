"""What a handset that begins has to hear."""

import socket
from dataclasses import replace
from itertools import islice

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone import news as n
from firmware.phone import orders as o
from firmware.phone.call import CallerId, CallId, CallState, RegistrationFailure, RegistrationState, SipUri, TextMessage
from firmware.phone.news import Problem
from firmware.phone.recording import RecordingPreference, RecordingSign
from firmware.voice import channel
from firmware.voice.book import Book
from firmware.voice.channel import MAX_MESSAGE_BYTES
from firmware.voice.messages import ForgetCall, News, RingerFault, decode_news, encode
from firmware.voice.sip.mapping import MAX_DISPLAY_NAME_LENGTH, MAX_NUMBER_LENGTH
from firmware.voice.sip.text_messages import MAX_TEXT_LENGTH
from tests.fakes.clock import Clock

ANNA, BEN = CallerId("100", "Anna"), CallerId("200", "Ben", asserted=True)
# As Debian has it (net.core.wmem_max).
MOST_SEND_BUFFER_BYTES = 212_992


def call(number: int) -> CallId:
    return CallId(f"{number:032x}")


def text(number: int) -> n.MessageReceived:
    return n.MessageReceived(TextMessage(f"{number:032x}", CallDirection.INCOMING, ANNA, "Hi"))


class Bench:
    """A book, a clock, and what is told to one handset after another."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.book = Book(self.clock)

    def place(self, number: int, uri: str = "sip:100@sip.example", account: str = "") -> None:
        self.book.note_order(o.PlaceCall(call(number), SipUri(uri), account))

    def receive(self, number: int, *, heard: bool) -> n.IncomingCallReceived:
        news = n.IncomingCallReceived(call(number), BEN, "home", "internal")
        self.book.note(news, heard=heard)
        return news

    def move(
        self,
        number: int,
        state: CallState,
        reason: DisconnectReason | None = None,
        code: int = 0,
        *,
        heard: bool = True,
    ) -> n.CallStateChanged:
        news = n.CallStateChanged(call(number), state, reason, code)
        self.book.note(news, heard=heard)
        return news

    def end(self, number: int, *, heard: bool = True) -> n.CallStateChanged:
        return self.move(number, CallState.DISCONNECTED, DisconnectReason.REMOTE_HANGUP, 200, heard=heard)

    def told(self) -> list[News]:
        return list(self.book.tell())

    def found(self) -> n.CallsFound:
        first, *_ = self.told()
        assert isinstance(first, n.CallsFound)
        return first


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_handset_that_begins_with_nothing_hears_that_there_is_nothing(bench: Bench) -> None:
    assert bench.told() == [n.CallsFound(())]
    assert not bench.book.has_calls


def test_a_call_is_found_as_it_stands(bench: Bench) -> None:
    bench.place(1, "sip:%2B49123;phone-context=x@sip.example", "home")
    assert bench.book.has_calls is True
    bench.clock.now_s += 3
    bench.move(1, CallState.ACTIVE)
    bench.book.note(n.CallAudioChanged(call(1), receiving=True, sending=True), heard=True)
    bench.book.note_order(o.SignalRecording(call(1), RecordingSign.ON))
    bench.clock.now_s += 10
    bench.move(1, CallState.HELD)
    bench.clock.now_s += 5
    held = n.FoundCall(
        call(1), CallDirection.OUTGOING, CallState.HELD, CallerId("+49123"), "home", receiving=True, recorded=True,
        began_ago_s=18, answered_ago_s=15,
    )  # fmt: skip
    assert bench.found() == n.CallsFound((held,))
    bench.book.note(n.CallPartyChanged(call(1), BEN), heard=True)
    bench.book.note(n.CallAudioChanged(call(1), receiving=False, sending=False), heard=True)
    bench.book.note_order(o.SignalRecording(call(1), RecordingSign.OFF))
    assert bench.found().calls == (replace(held, party=BEN, receiving=False, sending=False, recorded=False),)


def test_a_call_that_a_handset_heard_of_is_found_and_does_not_come_in_again(bench: Bench) -> None:
    bench.receive(1, heard=True)
    [found] = bench.told()
    incoming = n.FoundCall(call(1), CallDirection.INCOMING, CallState.INCOMING, BEN, "home")
    assert found == n.CallsFound((incoming,))


def test_a_call_that_began_meanwhile_comes_in_once(bench: Bench) -> None:
    news = bench.receive(1, heard=False)
    assert bench.told() == [n.CallsFound(()), news]
    assert [each.call_id for each in bench.found().calls] == [call(1)]


def test_a_call_that_began_and_ended_meanwhile_comes_in_and_ends_once(bench: Bench) -> None:
    news = bench.receive(1, heard=False)
    end = bench.move(1, CallState.DISCONNECTED, DisconnectReason.CANCELLED, 487, heard=False)
    assert not bench.book.has_calls
    bench.clock.now_s += 3600
    assert bench.told()[1:] == [news, end]
    assert bench.told()[1:] == []


def test_a_call_that_ended_meanwhile_is_found_at_its_end_until_that_is_written_down(bench: Bench) -> None:
    bench.place(1)
    bench.move(1, CallState.ACTIVE)
    bench.move(1, CallState.DISCONNECTED, DisconnectReason.NETWORK_LOST, 408, heard=False)
    bench.clock.now_s += 500
    [ended] = bench.found().calls
    assert (ended.state, ended.reason, ended.sip_code) == (
        CallState.DISCONNECTED, DisconnectReason.NETWORK_LOST, 408,
    )  # fmt: skip
    assert (ended.answered_ago_s, ended.ended_ago_s) == (500, 500)
    assert bench.found().calls
    assert bench.book.knows(call(1))
    bench.book.note_order(ForgetCall(call(1)))
    assert bench.found().calls == ()
    assert not bench.book.knows(call(1))


def test_a_call_that_ended_long_ago_is_not_found(bench: Bench) -> None:
    bench.place(1)
    bench.end(1, heard=False)
    bench.receive(2, heard=False)
    bench.end(2, heard=False)
    bench.clock.now_s += 31 * 86_400
    for news in bench.told():
        decode_news(encode(news))
    assert bench.found().calls == ()


def test_a_call_that_goes_on_is_not_forgotten(bench: Bench) -> None:
    bench.place(1)
    bench.book.note_order(ForgetCall(call(1)))
    assert bench.book.has_calls is True


def test_what_the_other_end_said_of_recording_is_told_while_the_call_goes_on(bench: Bench) -> None:
    bench.place(1)
    unwanted = n.RecordingSignalled(call(1), records=False, preference=RecordingPreference.UNWANTED)
    bench.book.note(unwanted, heard=True)
    assert bench.told()[1:] == [unwanted]
    bench.end(1)
    assert bench.told()[1:] == []


def test_calls_that_go_on_are_found_however_long_they_take(bench: Bench) -> None:
    bench.place(1)
    bench.move(1, CallState.ACTIVE)
    bench.clock.now_s += 100_000
    for number in range(2, 300):
        bench.place(number)
        bench.end(number)
    assert bench.found().calls[0].began_ago_s == 100_000


def test_a_call_that_took_the_place_of_another_is_found_with_the_line_of_that(bench: Bench) -> None:
    bench.place(1, account="home")
    bench.book.note(n.CallReplaced(call(1), call(2), BEN, CallDirection.INCOMING), heard=True)
    bench.move(2, CallState.ACTIVE)
    bench.end(1)
    [_, new] = bench.found().calls
    assert (new.call_id, new.party, new.account, new.direction, new.state) == (
        call(2), BEN, "home", CallDirection.INCOMING, CallState.ACTIVE,
    )  # fmt: skip


def test_a_conference_is_found_with_those_who_are_still_in_it(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.place(number)
        bench.move(number, CallState.ACTIVE)
    bench.book.note_order(o.JoinCalls((call(1), call(2), call(3))))
    assert bench.found().joined == (call(1), call(2), call(3))
    bench.end(2)
    assert bench.found().joined == (call(1), call(3))
    bench.book.note_order(o.SplitCalls())
    assert bench.found().joined == ()


def test_whether_one_was_muted_or_heard_by_the_loudspeaker_is_found(bench: Bench) -> None:
    bench.book.note_order(o.OpenAudio(talk=True, speaker=True))
    bench.book.note_order(o.SetMute(muted=True))
    assert bench.found() == n.CallsFound((), muted=True, speaker=True)
    bench.book.note_order(o.OpenAudio(talk=True, speaker=False))
    bench.book.note_order(o.SetMute(muted=False))
    assert bench.found() == n.CallsFound(())


def test_how_each_line_stands_is_told_to_each_handset(bench: Bench) -> None:
    failed = n.RegistrationChanged(RegistrationState.FAILED, RegistrationFailure.REFUSED, 503, account="home")
    home = n.RegistrationChanged(RegistrationState.REGISTERED, account="home")
    office = n.RegistrationChanged(RegistrationState.REGISTERING, account="office")
    few, more = n.VoicemailCounted(1, account="home"), n.VoicemailCounted(2, account="home")
    rings, free = (n.WatchedPhoneChanged("202", state) for state in (n.Watched.RINGING, n.Watched.FREE))
    speaks, silent = (n.PagingChanged("Hall", speaks=speaks) for speaks in (True, False))
    for news in (failed, office, few, rings, speaks, home, more, free, silent):
        bench.book.note(news, heard=True)
    assert sorted(map(repr, bench.told()[1:])) == sorted(map(repr, (home, office, more, free, silent)))


def test_problems_are_told_while_there_are_any(bench: Bench) -> None:
    missing = n.ProblemRaised(Problem.SOUND_MISSING, "There is no sound card.")
    bench.book.note(n.ProblemRaised(Problem.SIP_UNAVAILABLE, "No library."), heard=True)
    bench.book.note(missing, heard=True)
    bench.book.note(n.ProblemCleared(Problem.SIP_UNAVAILABLE), heard=False)
    bench.book.note(RingerFault("The ringer is gone."), heard=False)
    assert bench.told()[1:] == [missing, RingerFault("The ringer is gone.")]
    bench.book.note(RingerFault(""), heard=True)
    assert bench.told()[1:] == [missing, RingerFault("")]


def test_texts_that_nobody_has_heard_are_told_in_order_until_somebody_has(bench: Bench) -> None:
    bench.book.note(text(1), heard=True)
    bench.book.note(text(2), heard=False)
    bench.book.note(text(3), heard=False)
    assert bench.told()[1:] == [text(2), text(3)]
    # Whoever was told may have turned voice away.
    assert bench.told()[1:] == [text(2), text(3)]
    bench.book.texts_heard()
    assert bench.told()[1:] == []


def test_what_a_handset_did_not_hear_to_the_end_is_told_to_the_next(bench: Bench) -> None:
    bench.book.note(text(1), heard=False)
    news = bench.receive(1, heard=False)
    assert list(islice(bench.book.tell(), 3)) == [n.CallsFound(()), text(1), news]
    assert news in bench.told()


def test_the_newest_of_many_texts_and_calls_are_kept(bench: Bench) -> None:
    for number in range(1000):
        bench.receive(number, heard=False)
        bench.end(number, heard=False)
        bench.book.note(text(number), heard=False)
    told = bench.told()
    for kind in (n.IncomingCallReceived, n.MessageReceived):
        assert 10 <= len([news for news in told if isinstance(news, kind)]) <= 50
    assert text(999) in told
    assert told[-1] == n.CallStateChanged(call(999), CallState.DISCONNECTED, DisconnectReason.REMOTE_HANGUP, 200)


def full_of_the_longest(bench: Bench, *, heard: bool) -> None:
    """Have as much happen as can, in the longest words that the line lets through, one of which has four bytes."""
    party = CallerId("\U0001f600" * MAX_NUMBER_LENGTH, "\U0001f600" * MAX_DISPLAY_NAME_LENGTH, asserted=True)
    for number in range(200):
        news = n.IncomingCallReceived(call(number), party, "x" * 64, "priority", 60, party)
        bench.book.note(news, heard=heard)
        bench.end(number, heard=heard)
        longest = replace(text(number).message, party=party, text="\U0001f600" * MAX_TEXT_LENGTH)
        bench.book.note(n.MessageReceived(longest), heard=heard)
    for number in range(300, 317):
        bench.book.note(n.IncomingCallReceived(call(number), party, "x" * 64), heard=heard)
        bench.move(number, CallState.ACTIVE, heard=heard)


def test_all_that_is_found_goes_into_one_message_and_is_taken(bench: Bench) -> None:
    full_of_the_longest(bench, heard=True)
    data = encode(bench.found())
    assert len(data) <= MAX_MESSAGE_BYTES
    decode_news(data)


def test_a_handset_that_is_busy_with_its_beginning_hears_later_all_that_came_meanwhile(bench: Bench) -> None:
    full_of_the_longest(bench, heard=False)
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_SEND_BUFFER_BYTES)
        told = bench.told()
        for news in told:
            channel.send(here, encode(news))
        # And what happens until it listens.
        for _ in range(100):
            channel.send(here, encode(n.RegistrationChanged(RegistrationState.REGISTERED, account="x" * 64)))
        assert [decode_news(channel.receive(there)[0]) for _ in told] == told
