"""Real-time text (RFC 4103) over a line that loses packets, with linphone, and with a phone that has none."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles

import pytest

from firmware.phone.call import CallId, CallState, RegistrationState
from firmware.phone.news import CallTextChanged, IncomingCallReceived
from firmware.phone.orders import AnswerCall, OpenText, PlaceCall, WriteText
from firmware.voice.sip.settings import SipSettings
from tests.lab.kamailio import Kamailio
from tests.lab.linphone_text import LinphoneText
from tests.lab.loss_emulator import Line, LossyCable
from tests.lab.network import Namespace
from tests.lab.patience import wait_until
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine, TextReader
from tests.lab.three_agents import USERS, new_call_id, settings_of, uri_of

pytestmark = pytest.mark.feature("real-time text")

HOME, OPERATOR = "10.9.0.1", "10.9.0.2"
TYPED = "The quick brown fox 张伟 jumps over the lazy dog, 0123456789 times. "
SOON_S = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """A line with alice at one end, and her server and bob at the other."""

    cable: LossyCable
    operator: Namespace
    server: Kamailio
    alice: SipLine


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        home, operator = (stack.enter_context(Namespace()) for _ in range(2))
        cable = stack.enter_context(LossyCable(home, operator, [f"{HOME}/24"], [f"{OPERATOR}/24"]))
        server = stack.enter_context(Kamailio(tmp_path, USERS, addresses=(OPERATOR,), namespace=operator))
        alice = SipLine(settings(server, "alice"))
        stack.callback(alice.stop)
        with home.entered():
            alice.start()
        alice.wait_for_registration(RegistrationState.REGISTERED)
        yield Place(cable, operator, server, alice)


def settings(server: Kamailio, user: str) -> SipSettings:
    there = settings_of(user, server)
    return replace(there, account=replace(there.account, host=OPERATOR))


@pytest.mark.timeout(180)
def test_not_a_letter_is_lost_where_every_tenth_packet_is(place: Place) -> None:
    alice, bob = place.alice, SecondPhone(settings(place.server, "bob"))
    with ExitStack() as stack:
        stack.callback(bob.stop)
        with place.operator.entered():
            bob.start()
        bob.wait_for_registration(RegistrationState.REGISTERED)
        call_id = new_call_id()
        alice.stack.order(PlaceCall(call_id, uri_of("bob")))
        incoming = bob.wait_for(IncomingCallReceived).call_id
        bob.stack.order(AnswerCall(incoming))
        alice.wait_for_call(call_id, CallState.ACTIVE)
        alice.stack.order(OpenText(call_id))
        bob.wait_for(CallTextChanged)
        alice.wait_for(CallTextChanged)
        place.cable.change(Line(loss_percent=10))
        readers = [TextReader(phone) for phone in (alice, bob)]
        for letter in TYPED * 2:
            alice.stack.order(WriteText(call_id, letter))
            bob.stack.order(WriteText(incoming, letter))
            time.sleep(0.15)
        for reader in readers:
            reader.wait_for(TYPED * 2)
        assert place.cable.traffic.lost > 20


@contextmanager
def talking_to_linphone(
    place: Place, folder: Path, *, linphone_calls: bool
) -> Iterator[tuple[CallId, LinphoneText, TextReader]]:
    """Call linphone with text, or be called; both read what the other has written."""
    alice = place.alice
    bob = LinphoneText(folder / "linphone", "bob", USERS["bob"], place.server.udp_port, OPERATOR)
    with ExitStack() as stack:
        with place.operator.entered():
            stack.enter_context(bob)
        wait_until(lambda: place.server.is_registered("bob"), "linphone registers")
        if linphone_calls:
            bob.call("sip:alice@localhost")
            call_id = alice.wait_for(IncomingCallReceived).call_id
            alice.stack.order(AnswerCall(call_id))
        else:
            call_id = new_call_id()
            alice.stack.order(PlaceCall(call_id, uri_of("bob")))
        alice.wait_for_call(call_id, CallState.ACTIVE)
        if not linphone_calls:
            alice.stack.order(OpenText(call_id))
        alice.wait_for(CallTextChanged, lambda event: event.is_open)
        bob.wait_until_it_talks()
        read = TextReader(alice)

        def both_read() -> bool:
            alice.stack.order(WriteText(call_id, "."))
            bob.type(".")
            return bool(bob.text and read.text)

        # For a moment after the answer linphone agrees on its streams anew, and begins them anew with each word of it.
        wait_until(both_read, "both read", look_s=0.5)
        time.sleep(2 * SOON_S)  # what was written is on its way
        bob.forget()
        read.forget()
        yield call_id, bob, read


@pytest.mark.parametrize("linphone_calls", [True, False])
def test_letters_go_both_ways_with_linphone_within_half_a_second(
    place: Place, tmp_path: Path, *, linphone_calls: bool
) -> None:
    alice = place.alice
    with talking_to_linphone(place, tmp_path, linphone_calls=linphone_calls) as (call_id, bob, read):
        written = []
        for letter in TYPED:
            written.append(time.monotonic())
            alice.stack.order(WriteText(call_id, letter))
            bob.type(letter)
            time.sleep(0.17)
        wait_until(lambda: len(bob.text) >= len(TYPED) and len(read.text) >= len(TYPED), "all is read")
        assert (bob.text, read.text) == (TYPED, TYPED)
        for shown in (bob.letters, read.letters):
            waits = [at - since for (at, _), since in zip(shown, written, strict=True)]
            assert quantiles(waits, n=20)[18] < SOON_S


@pytest.mark.timeout(180)
@pytest.mark.parametrize("linphone_calls", [True, False])
def test_not_a_letter_is_lost_with_linphone_where_it_repeats_and_every_tenth_packet_is(
    place: Place, tmp_path: Path, *, linphone_calls: bool
) -> None:
    with talking_to_linphone(place, tmp_path, linphone_calls=linphone_calls) as (call_id, bob, read):
        place.cable.change(Line(loss_percent=10))
        for letter in TYPED * 2:
            place.alice.stack.order(WriteText(call_id, letter))
            bob.type(letter)
            time.sleep(0.15)
        wait_until(lambda: len(bob.text) >= 2 * len(TYPED), "linphone has read all")
        assert bob.text == TYPED * 2
        # What it writes it repeats where it has offered the text itself: see ADR 0116.
        if linphone_calls:
            read.wait_for(TYPED * 2)
        assert place.cable.traffic.lost > 20
