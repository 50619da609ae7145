"""Calls that the whole handset turns away or sends on by itself: the caller, the display and the log learn why."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallState
from tests.lab.office import BOB, CAROL, PERSON, Colleague, Office, OpenEar, hears, speaking, talk
from tests.lab.person import Person
from tests.lab.preload import preloaded
from tests.lab.stage import Choices

pytestmark = pytest.mark.feature("explained decisions")

FRIEND = "5551"
NUISANCE = "5552"
NO_ANSWER_S = 10
# What the kernel says where a time server keeps the clock right.
TRUSTED_CLOCK = "int adjtimex(void *timex) { (void)timex; return 0; }\n"
VOUCHED_FOR = f"P-Asserted-Identity: <sip:{FRIEND}@localhost>"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    calls = {"allow": [FRIEND], "block": [f"{NUISANCE}*"], "call_waiting": False}
    choices = Choices(extra={"calls": calls, "sip": {"no_answer_s": NO_ANSWER_S}})
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        yield office


async def is_turned_away(colleague: Colleague, clerk: Person, why: str, *, anonymous: bool = False) -> int:
    """Let a colleague call and be turned away without a ring; the display says whom and why. Returns the SIP code."""
    call_id = colleague.call(PERSON, anonymous=anonymous)
    ended = colleague.sees(call_id, CallState.DISCONNECTED)
    await clerk.reads("Number withheld" if anonymous else colleague.user)
    await clerk.reads(why)
    assert not clerk.state["ringing"]
    return ended.sip_code


async def switch(clerk: Person, code: str, feature: str, state: str) -> None:
    """Dial a code and read what it has done."""
    await clerk.lift()
    await clerk.send(code)
    await clerk.reads(feature)
    await clerk.reads(state)
    await clerk.hang_up()


# --- turned away ------------------------------------------------------------------------------------------------------


@pytest.mark.feature("do not disturb")
async def test_a_phone_that_is_not_to_be_disturbed_turns_callers_away_and_says_so(
    office: Office, clerk: Person
) -> None:
    await clerk.press("do_not_disturb")
    await clerk.reads("Do not disturb")
    await clerk.reads("On")
    assert await is_turned_away(office.bob, clerk, "Declined: do not disturb") == 480
    newest = office.newest_call()
    assert (newest["number"], newest["result"], newest["decision"]) == (BOB, "rejected", "do_not_disturb")
    assert (await clerk.status())["missed_calls"] == 1
    await clerk.press("do_not_disturb")
    await clerk.reads("Off")
    office.bob.call(PERSON)
    await clerk.wait_for_mode("ringing")


@pytest.mark.feature("feature codes")
async def test_do_not_disturb_is_switched_by_codes_too(office: Office, clerk: Person) -> None:
    await switch(clerk, "*78", "Do not disturb", "On")
    await is_turned_away(office.carol, clerk, "Declined: do not disturb")
    await switch(clerk, "*79", "Do not disturb", "Off")
    office.carol.call(PERSON)
    await clerk.wait_for_mode("ringing")


@pytest.mark.feature("rules about callers")
async def test_one_on_the_block_list_never_rings(office: Office, clerk: Person, tmp_path: Path) -> None:
    with office.outsider(tmp_path, f"{NUISANCE}7", scenario="uac_rejected", CODE="603") as caller:
        caller.finish()
    await clerk.reads("Declined: blocked")
    assert office.newest_call()["decision"] == "blocked"
    assert (await clerk.status())["missed_calls"] == 0


@pytest.mark.feature("rules about callers")
async def test_the_last_caller_is_blocked_and_let_in_again_by_codes(office: Office, clerk: Person) -> None:
    office.carol.call(PERSON)
    await clerk.wait_for_mode("ringing")
    office.carol.hang_up()
    await clerk.wait_for_mode("idle")
    await switch(clerk, "*60", "Block caller", "On")
    assert await is_turned_away(office.carol, clerk, "Declined: blocked") == 603
    await switch(clerk, "*61", "Block caller", "Off")
    office.carol.call(PERSON)
    await clerk.wait_for_mode("ringing")


@pytest.mark.feature("rules about callers")
async def test_callers_who_withhold_their_number_are_turned_away_where_the_holder_wants_that(
    office: Office, clerk: Person
) -> None:
    await switch(clerk, "*77", "Block withheld", "On")
    code = await is_turned_away(office.bob, clerk, "Declined: number withheld", anonymous=True)
    assert code == 433
    assert office.newest_call()["decision"] == "anonymous"
    await switch(clerk, "*87", "Block withheld", "Off")
    office.bob.call(PERSON, anonymous=True)
    await clerk.wait_for_mode("ringing")
    await clerk.reads("Number withheld")


@pytest.mark.feature("rules about callers")
async def test_one_on_the_allow_list_rings_whatever_holds_where_the_operator_vouches_for_the_number(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    await clerk.press("do_not_disturb")
    await clerk.reads("On")
    with office.outsider(tmp_path / "liar", FRIEND, scenario="uac_rejected", CODE="480") as liar:
        liar.finish()
    await clerk.reads("Declined: do not disturb")
    with office.outsider(tmp_path / "friend", FRIEND, HEADER=VOUCHED_FOR):
        await clerk.wait_for_mode("ringing")
        await clerk.reads(FRIEND)
        await clerk.press("cancel")
    await clerk.wait_for_mode("idle")
    await clerk.press("do_not_disturb")
    await clerk.reads("Off")


@pytest.mark.feature("rules about callers")
async def test_nobody_but_the_allow_list_rings_where_the_installer_says_so(tmp_path: Path) -> None:
    choices = Choices(extra={"calls": {"allow": [FRIEND], "allow_only": True}})
    with Office(tmp_path, choices).running() as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for_line()
            await is_turned_away(office.bob, clerk, "Declined: not allowed")
            assert office.newest_call()["decision"] == "not_on_allow_list"
            with office.outsider(tmp_path / "friend", FRIEND, HEADER=VOUCHED_FOR):
                await clerk.wait_for_mode("ringing")


@pytest.mark.feature("rules about callers")
async def test_calls_outside_the_hours_are_turned_away_once_the_clock_can_be_trusted(tmp_path: Path) -> None:
    yesterday = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][time.localtime().tm_wday]
    hours = [{"days": [yesterday], "from": "00:00", "to": "00:01"}]
    choices = Choices(extra={"calls": {"hours": hours}}, environment=preloaded(tmp_path, TRUSTED_CLOCK))
    with Office(tmp_path, choices).running() as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for_line()
            assert await is_turned_away(office.bob, clerk, "Declined: out of hours") == 480
            assert office.newest_call()["decision"] == "out_of_hours"


# --- sent on ----------------------------------------------------------------------------------------------------------


@pytest.mark.feature("forwarding")
async def test_every_call_is_forwarded_where_the_holder_says_so_and_nothing_leaves_without_consent(
    office: Office, clerk: Person
) -> None:
    await switch(clerk, f"*72{CAROL}", "Forward all", "On")
    waiting = (await clerk.status())["waiting_messages"]
    with speaking():
        office.bob.call(PERSON)
        assert office.carol.answers().caller.number == BOB
        await hears(office.bob, CAROL)
        await hears(office.carol, BOB)
    await clerk.reads(BOB)
    await clerk.reads("Forwarded: all calls are")
    newest = office.newest_call()
    assert (newest["number"], newest["result"], newest["decision"]) == (BOB, "forwarded", "forwarded_always")
    status = await clerk.status()
    assert (status["missed_calls"], status["waiting_messages"]) == (0, waiting)
    office.rest()
    await switch(clerk, "*73", "Forward all", "Off")
    office.bob.call(PERSON)
    await clerk.wait_for_mode("ringing")


@pytest.mark.feature("forwarding")
async def test_a_call_is_forwarded_while_the_phone_is_busy(office: Office, clerk: Person, tmp_path: Path) -> None:
    await switch(clerk, f"*90{CAROL}", "Forward busy", "On")
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        with office.outsider(tmp_path, "5550"):
            assert office.carol.answers().caller.number == "5550"
            await hears(ear, BOB)
            await hears(office.bob, PERSON)
    newest = office.newest_call()
    assert (newest["number"], newest["decision"]) == ("5550", "forwarded_busy")
    await clerk.hang_up()
    await clerk.reads("Forwarded: you were busy")
    office.rest()
    await switch(clerk, "*91", "Forward busy", "Off")


@pytest.mark.feature("forwarding")
async def test_a_call_that_nobody_answers_is_forwarded(office: Office, clerk: Person) -> None:
    await switch(clerk, f"*92{CAROL}", "Fwd no answer", "On")
    office.bob.call(PERSON)
    await clerk.wait_for_mode("ringing")
    office.carol.answers()
    await clerk.wait_for_mode("idle")
    await clerk.reads("Forwarded: you did not answer")
    assert office.newest_call()["decision"] == "forwarded_no_answer"
    office.rest()
    await switch(clerk, "*93", "Fwd no answer", "Off")


async def test_a_call_to_a_phone_in_use_hears_busy_and_the_display_tells_of_it_afterwards(
    office: Office, clerk: Person
) -> None:
    await talk(clerk, office.bob)
    call_id = office.carol.call(PERSON)
    assert office.carol.sees(call_id, CallState.DISCONNECTED).reason is DisconnectReason.BUSY
    await clerk.hang_up()
    await clerk.reads("Declined: you were busy")
    await clerk.press("cancel")
    await clerk.reads("1 missed call")


async def test_a_code_that_would_forward_to_this_phone_itself_is_refused(clerk: Person) -> None:
    await clerk.lift()
    await clerk.send(f"*72{PERSON}")
    await clerk.reads("Not possible")


async def test_what_the_holder_has_set_outlives_a_restart(tmp_path: Path) -> None:
    with Office(tmp_path).running() as office:
        handset = office.stage.handset
        async with Person(handset) as clerk:
            await clerk.wait_for_line()
            await switch(clerk, "*78", "Do not disturb", "On")
        handset.stop()
        handset.start(sync=False)
        async with Person(handset) as clerk:
            await clerk.wait_for_line()
            await is_turned_away(office.bob, clerk, "Declined: do not disturb")
