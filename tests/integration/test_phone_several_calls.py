"""Several calls of the whole handset at once: waiting, on hold, swapped; checked by the tone at each ear."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallState
from tests.lab.office import BOB, CAROL, PERSON, Office, OpenEar, hears, speaking, talk, talk_to_both
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.sipp import Sipp
from tests.lab.stage import Choices

# The British tone plan, which the stage's handset is set to.
CALL_WAITING_HZ = 400
REORDER_HZ = 400
HOLD_REMINDER_HZ = 400
NOBODY = "699"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    choices = Choices(extra={"calls": {"max_calls": 2, "hold_reminder_s": 2}})
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        yield office


# --- call waiting -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("call waiting")
async def test_a_call_that_waits_is_heard_read_and_answered_with_the_first_on_hold(
    office: Office, clerk: Person
) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await hears(ear, BOB)
        office.carol.call(PERSON)
        await clerk.reads(f"Waiting: {CAROL}")
        await clerk.reads("Decline")
        await clerk.reads("Answer")
        await clerk.listen_for([CALL_WAITING_HZ])
        await clerk.press("ok")
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
        await hears(office.bob)
        await clerk.reads(f"Held: {BOB}")


async def test_a_call_that_waits_is_declined_and_the_first_goes_on(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        waiting = office.carol.call(PERSON)
        await clerk.reads(f"Waiting: {CAROL}")
        await clerk.press("cancel")
        assert office.carol.sees(waiting, CallState.DISCONNECTED).reason is DisconnectReason.REJECTED
        await clerk.no_longer_reads(f"Waiting: {CAROL}")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)
    assert (await clerk.status())["missed_calls"] == 0


async def test_a_waiting_caller_who_gives_up_is_among_the_missed(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    office.carol.call(PERSON)
    await clerk.reads(f"Waiting: {CAROL}")
    office.carol.hang_up()
    await clerk.wait_for(lambda status: status["missed_calls"] == 1)
    assert (await clerk.status())["call"] == "active"
    await clerk.hang_up()
    await clerk.reads("1 missed call")
    await clerk.reads(CAROL)


async def test_a_call_that_another_phone_of_the_holder_s_answers_is_not_among_the_missed(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    server = office.stage.kamailio
    with Sipp(tmp_path / "desk", "uas_answer") as desk, server.ringing_too(PERSON, desk.uri):
        with office.outsider(tmp_path / "caller", "5550", scenario="uac_call") as caller:
            caller.finish()
        await clerk.wait_for_mode("idle")
        newest = office.newest_call()
        assert (newest["number"], newest["result"]) == ("5550", "answered_elsewhere")
        assert (await clerk.status())["missed_calls"] == 0
        desk.finish()


async def test_putting_down_lets_the_call_that_waits_ring_and_lifting_answers_it(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    office.carol.call(PERSON)
    await clerk.reads(f"Waiting: {CAROL}")
    await clerk.replace()
    await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
    await clerk.reads("Incoming call")
    await clerk.reads(CAROL)
    await clerk.lift()
    with OpenEar() as ear, speaking():
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)


# --- hold and swap ----------------------------------------------------------------------------------------------------


@pytest.mark.feature("hold and resume")
async def test_on_hold_nobody_hears_the_other_and_after_it_both_do(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await hears(office.bob, PERSON)
        await clerk.press("hold")
        await clerk.reads("On hold")
        await hears(office.bob)
        await hears(ear)
        await clerk.press("hold")
        await clerk.wait_for_call("active")
        await hears(office.bob, PERSON)
        await hears(ear, BOB)


async def test_who_speaks_while_the_mute_key_is_pressed_is_heard_no_more(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await hears(office.bob, PERSON)
        await clerk.press("mute")
        await clerk.reads("You are muted")
        await hears(office.bob)
        await hears(ear, BOB)
        await clerk.press("mute")
        await hears(office.bob, PERSON)


@pytest.mark.feature("second call")
async def test_a_second_call_is_dialled_while_the_first_is_on_hold_and_the_hold_key_swaps_them(
    office: Office, clerk: Person
) -> None:
    with OpenEar() as ear, speaking():
        await talk_to_both(office, clerk)
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
        await hears(office.bob)
        await clerk.press("hold")
        await clerk.reads(f"Held: {CAROL}")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)
        await hears(office.carol)
        await clerk.press("hold")
        await clerk.reads(f"Held: {BOB}")
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
        await hears(office.bob)


async def test_cancel_ends_the_call_in_front_and_returns_to_the_one_on_hold(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk_to_both(office, clerk)
        await clerk.press("cancel")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)
        await clerk.no_longer_reads(f"Held: {BOB}")


@pytest.mark.feature("hold reminder")
async def test_whoever_is_left_on_hold_reminds_and_rings_when_the_handset_is_put_down(
    office: Office, clerk: Person
) -> None:
    await talk_to_both(office, clerk)
    await clerk.listen_for([HOLD_REMINDER_HZ])
    await clerk.replace()
    await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
    await clerk.reads("On hold")
    await clerk.reads(BOB)
    await clerk.lift()
    with OpenEar() as ear, speaking():
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


# --- a full call table ------------------------------------------------------------------------------------------------


async def test_a_full_call_table_is_read_and_heard_and_leaves_the_calls_alone(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await clerk.press("hold")
        await clerk.wait_for_call("held")
        office.carol.call(PERSON)
        office.carol.rings_there()
        await clerk.dial(NOBODY)
        await clerk.reads("Too many calls. End one first.")
        await clerk.listen_for([REORDER_HZ])
        await clerk.press("hold")
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
        await hears(office.bob)
        await clerk.press("hold")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


async def test_a_caller_beyond_the_table_hears_busy_and_the_calls_go_on(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    with OpenEar() as ear, speaking():
        await talk_to_both(office, clerk)
        with office.outsider(tmp_path, "5550", scenario="uac_rejected", CODE="486") as third:
            third.finish()
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
    newest = office.newest_call()
    assert (newest["number"], newest["result"], newest["decision"]) == ("5550", "busy", "phone_busy")
