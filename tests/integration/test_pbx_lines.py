"""Lines at a real Asterisk: what they cost it, what they make of its refusals, and when they say that they are up."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationFailure, RegistrationState, SipUri
from firmware.phone.dial_plan import DialPlan
from firmware.phone.news import RegistrationChanged
from firmware.phone.orders import HangUpCall, PlaceCall
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.patience import wait_until
from tests.lab.pbx_site import PbxSite, pbx_site
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("PBX")

OFTEN_S = 0.2
MANY = 5
BAD_EVENT = 489


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    asterisk_or_skip()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PbxSite]:
    with pbx_site(tmp_path_factory.mktemp("pbx")) as site:
        site.pbx.order("pjsip set logger on")
        yield site


def ended(line: SipLine, uri: str) -> DisconnectReason | None:
    """Call somebody who does not answer, and return why it came to nothing."""
    call_id = CallId(uuid.uuid4().hex)
    line.stack.order(PlaceCall(call_id, SipUri(uri)))
    return line.wait_for_call(call_id, CallState.DISCONNECTED).reason


@pytest.mark.asterisk("causes")
def test_a_call_that_comes_to_nothing_says_why_in_the_pbx_s_own_cause(shared: PbxSite) -> None:
    with shared.line() as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        reasons = {user: ended(line, f"sip:{user}@pbx.example") for user in ("unanswered", "bob", "42")}
    assert reasons == {
        "unanswered": DisconnectReason.NO_ANSWER,
        "bob": DisconnectReason.UNREACHABLE,
        "42": DisconnectReason.NOT_FOUND,
    }


@pytest.mark.asterisk("112")
def test_a_call_for_help_says_that_it_is_one(shared: PbxSite) -> None:
    plan = DialPlan.build(country="GB", domain="pbx.example")
    with shared.line(dial_plan=plan) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        for number in ("112", "600"):
            call_id = CallId(uuid.uuid4().hex)
            line.stack.order(PlaceCall(call_id, plan.normalize(number)))
            line.wait_for_call(call_id, CallState.ACTIVE)
            line.stack.order(HangUpCall(call_id))
            line.wait_for_call(call_id, CallState.DISCONNECTED)
    invites = shared.pbx.requests("INVITE")
    assert {
        "112@" in invite: "Priority: emergency" in invite for invite in invites if "112@" in invite or "600@" in invite
    } == {
        True: True,
        False: False,
    }


@pytest.mark.asterisk("password")
def test_a_wrong_password_is_tried_again_in_minutes_and_not_in_seconds(shared: PbxSite) -> None:
    with shared.line(account={"password": "wrong"}) as line:
        failed = line.wait_for_registration(RegistrationState.FAILED)
        assert failed.failure is RegistrationFailure.WRONG_PASSWORD
        assert failed.retry_in_s >= 90


def test_a_pbx_that_takes_no_subscription_to_voice_messages_is_asked_once(shared: PbxSite) -> None:
    before = len(shared.pbx.requests("SUBSCRIBE"))
    registers = len(shared.pbx.requests("REGISTER"))
    with shared.line(account={"watch_voicemail": True}, binding_check_s=OFTEN_S) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        wait_until(lambda: len(shared.pbx.requests("REGISTER")) - registers > 2 * MANY, "it registers again and again")
    # Once without its password, and once with it.
    assert len(shared.pbx.requests("SUBSCRIBE")) - before == 2


@pytest.mark.asterisk("orders")
def test_an_order_that_is_none_of_the_phone_s_is_refused_and_not_left_unanswered(shared: PbxSite) -> None:
    with shared.line() as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        for order in ("reboot", "talk"):
            before = shared.pbx.answers("NOTIFY").count(BAD_EVENT)
            shared.pbx.order(f"pjsip send notify {order} endpoint alice")
            wait_until(lambda: shared.pbx.answers("NOTIFY").count(BAD_EVENT) > before, order)  # noqa: B023 - at once


@pytest.mark.asterisk("quiet")
def test_a_server_that_answers_no_probes_is_up_all_the_same_and_is_left_in_peace(tmp_path: Path) -> None:
    with pbx_site(tmp_path) as site:
        site.drop("OPTIONS")
        site.pbx.order("pjsip set logger on")
        with site.line(probe_s=OFTEN_S, binding_check_s=MANY * OFTEN_S) as line:
            line.wait_for_registration(RegistrationState.REGISTERED)
            # Beyond the probes that would have it lost.
            wait_until(lambda: len(site.pbx.requests("REGISTER")) > 2 * MANY, "it registers again and again")
            assert {told.state for _, told in line.events if isinstance(told, RegistrationChanged)} <= {
                RegistrationState.REGISTERING,
                RegistrationState.REGISTERED,
            }
