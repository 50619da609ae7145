"""People at a real Asterisk: the handset shows how their phones stand, and takes the calls that ring there."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall, SignalRinging, TransferCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.asterisk import DOMAIN, UDP_PORT, Asterisk
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.network import Namespace
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.second_phone import SecondPhone
from tests.lab.stage import HANDSET_USER, Choices, Stage
from tests.lab.three_agents import new_call_id

pytestmark = [pytest.mark.feature("people at the PBX"), pytest.mark.asterisk("people")]

# As tests/lab/asterisk/extensions.conf has them.
BOB, NOBODY = "302", "309"
PARK, SLOT = "700", "701"
FREE, RINGS, BUSY = f"2 ° {BOB}", f"2 ! {BOB}", f"2 \N{MULTIPLICATION SIGN} {BOB}"
OFF = f"2 - {BOB}"
EMPTY, TAKEN = f"4 ° {SLOT}", f"4 \N{MULTIPLICATION SIGN} {SLOT}"
TELLS_OF_CALLS = "res_pjsip_dialog_info_body_generator.so"


@dataclass(frozen=True, slots=True)
class Place:
    """A PBX with the handset, and two other phones."""

    pbx: Asterisk
    stage: Stage
    bob: SecondPhone
    carol: SecondPhone

    def carol_calls_bob(self) -> tuple[CallId, CallId]:
        """Have Bob's phone ring; return the call's id at Carol's and at his."""
        call_id = new_call_id()
        self.carol.stack.order(PlaceCall(call_id, SipUri(f"sip:{BOB}@{DOMAIN}")))
        ringing = self.bob.wait_for(IncomingCallReceived).call_id
        self.bob.stack.order(SignalRinging(ringing))
        return call_id, ringing


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(tmp_path_factory.mktemp("pbx")) as place:
        yield place


@contextmanager
def a_place(folder: Path) -> Iterator[Place]:
    """Start a PBX and all phones at it."""
    asterisk_or_skip()
    dialing = {"speed_dials": {"2": BOB, "3": NOBODY, "4": SLOT}, "watched": [BOB, NOBODY, SLOT]}
    account = {"port": UDP_PORT, "domain": "127.0.0.1"}
    choices = Choices(transport="udp", srtp="off", loudspeaker=True, extra={"dialing": dialing, "account": account})
    with Namespace() as network, network.entered():
        stage = Stage(folder, choices)
        users = {HANDSET_USER: stage.password_of[HANDSET_USER], "bob": "secret-of-bob", "carol": "secret-of-carol"}
        phones = [
            SecondPhone(
                SipSettings(
                    AccountSettings(user, DOMAIN, "127.0.0.1", UDP_PORT, Transport.UDP, users[user], srtp=Srtp.OFF),
                    local_port=0,
                )
            )
            for user in ("bob", "carol")
        ]
        assert stage.pulse is not None
        stage.pulse.start()
        try:
            with Asterisk(folder / "pbx", users, network) as pbx, phones[0] as bob, phones[1] as carol:
                pbx.order("pjsip set logger on")
                for phone in (bob, carol):
                    phone.wait_for_registration(RegistrationState.REGISTERED)
                stage.handset.start(sync=False)
                yield Place(pbx, stage, bob, carol)
                stage.handset.stop()
        finally:
            stage.stop()
            stage.pulse.stop()


@pytest_asyncio.fixture
async def clerk(place: Place) -> AsyncIterator[Person]:
    async with Person(place.stage.handset) as clerk:
        await clerk.wait_for_line()
        yield clerk
        for phone in (place.bob, place.carol):
            phone.end_calls(phone.stack.order)
            phone.forget()
        await clerk.rest()


async def test_a_phone_is_shown_as_free_ringing_and_in_a_call(place: Place, clerk: Person) -> None:
    await clerk.reads(FREE)
    _, ringing = place.carol_calls_bob()
    await clerk.reads(RINGS)
    place.bob.stack.order(AnswerCall(ringing))
    await clerk.reads(BUSY)
    place.bob.stack.order(HangUpCall(ringing))
    await clerk.reads(FREE)


async def test_a_call_that_rings_elsewhere_is_taken_by_holding_its_digit(place: Place, clerk: Person) -> None:
    await clerk.reads(FREE)
    call_id, ringing = place.carol_calls_bob()
    await clerk.reads(RINGS)
    await clerk.press_down("2")
    place.carol.wait_for_call(call_id, CallState.ACTIVE)
    place.bob.wait_for_call(ringing, CallState.DISCONNECTED)
    await clerk.wait_for_call("active")
    await clerk.release("2")
    place.carol.stack.order(HangUpCall(call_id))
    await clerk.reads(FREE)


async def test_who_may_not_be_watched_is_asked_about_once(place: Place, clerk: Person) -> None:
    await clerk.reads(FREE)
    asked = [request for request in place.pbx.requests("SUBSCRIBE") if f"sip:{NOBODY}@" in request.split("\n")[0]]
    # Without its password, and with it.
    assert len(asked) == 2
    await clerk.reads(f"3 {NOBODY}")


async def test_a_pbx_that_starts_anew_and_has_forgotten_who_watches_is_asked_again(place: Place, clerk: Person) -> None:
    await clerk.reads(FREE)
    place.pbx.stop()
    await clerk.no_longer_reads(FREE)
    place.pbx.forget()
    place.pbx.start()
    for user in ("bob", "carol"):
        wait_until(lambda: place.pbx.has_registered(user), f"{user} is there again")  # noqa: B023 - at once
    await clerk.reads(FREE)
    place.carol_calls_bob()
    await clerk.reads(RINGS)


@pytest.mark.asterisk("parking")
async def test_a_call_that_is_parked_is_shown_and_fetched_by_holding_its_digit(place: Place, clerk: Person) -> None:
    await clerk.reads(EMPTY)
    call_id, ringing = place.carol_calls_bob()
    place.bob.stack.order(AnswerCall(ringing))
    place.carol.wait_for_call(call_id, CallState.ACTIVE)
    # The caller may hear of the answer before the PBX confirms it, and a call that is not confirmed is not transferred.
    place.bob.wait_for_call(ringing, CallState.ACTIVE)
    place.bob.stack.order(TransferCall(ringing, SipUri(f"sip:{PARK}@{DOMAIN}")))
    await clerk.reads(TAKEN)
    await clerk.press_down("4")
    await clerk.wait_for_call("active")
    await clerk.release("4")
    await clerk.no_longer_reads(TAKEN)
    place.carol.stack.order(HangUpCall(call_id))
    await clerk.reads(EMPTY)


async def test_a_pbx_that_tells_of_presence_alone_says_who_is_free_in_a_call_and_off(tmp_path: Path) -> None:
    with a_place(tmp_path) as place:
        place.stage.handset.stop()
        place.pbx.order(f"module unload {TELLS_OF_CALLS}")
        place.stage.handset.start(sync=False)
        async with Person(place.stage.handset) as clerk:
            await clerk.reads(FREE)
            _, ringing = place.carol_calls_bob()
            place.bob.stack.order(AnswerCall(ringing))
            await clerk.reads(BUSY)
            place.bob.stack.order(HangUpCall(ringing))
            await clerk.reads(FREE)
            place.bob.stop()
            await clerk.reads(OFF)
