"""Three phones on one proxy, each with a tone of its own, so that each ear tells whom it hears."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.dial_plan import DialPlan
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AnswerCall, PlaceCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.audio import Sound, level
from tests.lab.kamailio import Kamailio
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

USERS = {"alice": "secret-of-alice", "bob": "secret-of-bob", "carol": "secret-of-carol", "dave": "secret-of-dave"}
# Multiples of 100 Hz that G.711 and G.722 pass, none a harmonic of another.
TONES_HZ: Mapping[str, float] = {"alice": 400, "bob": 700, "carol": 1100}
BARRED = "barred"
WINDOW_S = 0.4
# All of the three phones may be transferred anywhere but to one number.
_PLAN = DialPlan.build(country=None, domain="localhost", barred=(BARRED,))
_HEARD = 1000.0
_NOT_HEARD = 150.0


class Ear(Protocol):
    """Whoever can say what it has heard lately."""

    def last_heard(self, duration_s: float) -> Sound: ...


def settings_of(user: str, server: Kamailio, **more: object) -> SipSettings:
    """Make a phone's settings; `more` replaces any of them."""
    account = AccountSettings(
        user, server.domain, "localhost", server.udp_port, Transport.UDP, USERS[user], srtp=Srtp.OFF
    )
    return replace(SipSettings(account, local_port=0, codecs=("g722", "pcma", "pcmu"), dial_plan=_PLAN), **more)  # type: ignore[arg-type]


def new_call_id() -> CallId:
    """Name a call."""
    return CallId(uuid.uuid4().hex)


def uri_of(user: str) -> SipUri:
    """Return the address of a user."""
    return SipUri(f"sip:{user}@localhost")


def wait_until_heard(ear: Ear, users: set[str], timeout_s: float = 8) -> None:
    """Wait until an ear hears these, and nothing of the others, for a whole window.

    Raises:
        AssertionError: it did not come to that.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        sound = ear.last_heard(WINDOW_S)
        levels = {user: level(sound, frequency) for user, frequency in TONES_HZ.items()}
        if all(value > _HEARD if user in users else value < _NOT_HEARD for user, value in levels.items()):
            return
        assert time.monotonic() < deadline, f"heard {levels}, not just {sorted(users)}"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class ThreeAgents:
    """Alice is the stack under test; bob and carol are phones in processes of their own. All speak their tones."""

    server: Kamailio
    alice: SipLine
    bob: SecondPhone
    carol: SecondPhone

    def call(self, user: str) -> tuple[CallId, CallId]:
        """Let alice call one of the others, who answers; return the call's id at either end."""
        other = self.bob if user == "bob" else self.carol
        call_id = new_call_id()
        self.alice.stack.order(PlaceCall(call_id, uri_of(user)))
        incoming = other.wait_for(IncomingCallReceived).call_id
        other.stack.order(AnswerCall(incoming))
        self.alice.wait_for_call(call_id, CallState.ACTIVE)
        other.wait_for_call(incoming, CallState.ACTIVE)
        return call_id, incoming

    def hang_up_all(self) -> None:
        """End every call that has been told of, wait until all are over, and forget what was told."""
        for phone in (self.alice, self.bob, self.carol):
            phone.end_calls(phone.stack.order)
            phone.forget()


@contextmanager
def three_agents(folder: Path) -> Iterator[ThreeAgents]:
    """Start the proxy and the phones, and wait until they are registered."""
    with ExitStack() as stack:
        server = stack.enter_context(Kamailio(folder / "kamailio", USERS))
        bob = stack.enter_context(SecondPhone(settings_of("bob", server)))
        carol = stack.enter_context(SecondPhone(settings_of("carol", server)))
        alice = stack.enter_context(SipLine(settings_of("alice", server)))
        for phone, user in ((alice, "alice"), (bob, "bob"), (carol, "carol")):
            phone.wait_for_registration(RegistrationState.REGISTERED)
            phone.say(TONES_HZ[user])
        yield ThreeAgents(server, alice, bob, carol)
