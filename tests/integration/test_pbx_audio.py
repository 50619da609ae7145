"""Calls through a real Asterisk as it comes, under the card's own firewall: who hears whom."""

import time
import uuid
from pathlib import Path

import pytest

from firmware.phone.call import CallId, CallState, SipUri
from firmware.phone.dial_plan import DialPlan
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AnswerCall, HangUpCall, PlaceCall
from provisioning.calling import Dialing
from tests.lab.asterisk_root import asterisk_root
from tests.lab.audio import level
from tests.lab.card_rules import refused
from tests.lab.patience import wait_until
from tests.lab.pbx_site import (
    FRIEND,
    FRIEND_HZ,
    PBX,
    PBX_6,
    PHONE_HZ,
    PUBLIC_FRIEND,
    PbxSite,
    pbx_site,
)
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("PBX")

WINDOW_S = 0.4
HEARD = 1000.0
DIRECT = ("direct_media=yes",)


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    """Have an Asterisk; where Debian's archive is not reached, the run tells of tests that it did without."""
    try:
        asterisk_root()
    except RuntimeError as error:
        pytest.skip(str(error).splitlines()[0])


def until_both_hear(phone: SipLine, friend: SecondPhone) -> None:
    for ear, frequency_hz in ((friend.last_heard, PHONE_HZ), (phone.last_heard, FRIEND_HZ)):
        wait_until(lambda: level(ear(WINDOW_S), frequency_hz) >= HEARD, f"{frequency_hz} Hz is heard", look_s=0.05)  # noqa: B023


def until_direct(site: PbxSite) -> None:
    """Wait until the PBX carries none of the call's audio."""
    wait_until(lambda: "native_rtp" in site.pbx.order("bridge show all"), "the phones talk past the PBX", look_s=0.1)


def call(caller: SipLine | SecondPhone, callee: SipLine | SecondPhone, user: str) -> CallId:
    call_id = CallId(uuid.uuid4().hex)
    caller.stack.order(PlaceCall(call_id, SipUri(f"sip:{user}@pbx.example")))
    callee.stack.order(AnswerCall(callee.wait_for(IncomingCallReceived).call_id))
    caller.wait_for_call(call_id, CallState.ACTIVE)
    return call_id


@pytest.mark.parametrize("outgoing", [True, False], ids=["outgoing", "incoming"])
@pytest.mark.parametrize(
    ("address", "server"), [(FRIEND, PBX), (PUBLIC_FRIEND, PBX), (FRIEND, PBX_6)], ids=["near", "public", "ipv6"]
)
def test_audio_that_goes_past_the_pbx_is_heard_at_both_ends(
    tmp_path: Path, address: str, server: str, *, outgoing: bool
) -> None:
    by_ipv6 = ("rtp_ipv6=yes",) if ":" in server else ()
    with (
        pbx_site(tmp_path, friend=address, endpoint=(*DIRECT, *by_ipv6)) as site,
        site.phone(server=server) as phone,
        site.friend(server=server) as friend,
    ):
        call_id = call(phone, friend, "bob") if outgoing else call(friend, phone, "alice")
        until_direct(site)
        until_both_hear(phone, friend)
        # From now on nothing else than before is to be heard, and nothing is to be kept out.
        before = refused(site.phone_network)
        time.sleep(WINDOW_S)
        until_both_hear(phone, friend)
        assert refused(site.phone_network) == before
        (phone if outgoing else friend).stack.order(HangUpCall(call_id))


def test_a_code_that_is_none_of_the_phone_s_own_reaches_the_pbx(tmp_path: Path) -> None:
    with pbx_site(tmp_path) as site, site.phone() as phone:
        plan = DialPlan.build(country="GB", domain="pbx.example", digit_map=Dialing().digit_map)
        call_id = CallId(uuid.uuid4().hex)
        phone.stack.order(PlaceCall(call_id, plan.normalize("*43")))
        phone.wait_for_call(call_id, CallState.ACTIVE)
        assert "CODE *43" in site.pbx.log
        phone.stack.order(HangUpCall(call_id))
