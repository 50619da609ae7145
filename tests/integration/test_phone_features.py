"""What the holder dials and presses beyond a number: codes, speed dial, call back, redial on busy, hotline.

And what is done to numbers: rewriting, barring, withholding; emergency numbers pass all of it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallState, RejectReason
from firmware.phone.orders import AnswerCall, RejectCall
from tests.lab.office import BOB, CAROL, PERSON, Office, OpenEar, hears, speaking, talk
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.sipp import Sipp
from tests.lab.stage import Choices

REORDER_HZ = 400
DIAL_TONE_HZ = (350, 440)
EMERGENCY = "999"
BARRED = "0900123"
AUTO_REDIAL_S = 10


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    dialing = {
        "rewrite": [{"pattern": "8xxx", "strip": 1}, {"pattern": "9x.", "strip": 1, "prepend": "60"}],
        "barred": ["0900*", "9*"],
        "speed_dials": {"2": BOB},
    }
    calls = {"auto_redial_every_s": AUTO_REDIAL_S, "hide_dtmf": True, "max_calls": 1}
    choices = Choices(extra={"dialing": dialing, "calls": calls})
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        yield office


# --- numbers that are something else ----------------------------------------------------------------------------------


@pytest.mark.feature("dial plan")
async def test_a_number_is_rewritten_before_it_is_called(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.send(f"8{BOB}")
    office.bob.answers()
    await clerk.wait_for_call("active")
    await clerk.reads(BOB)


@pytest.mark.feature("dial plan")
async def test_a_barred_number_is_refused_in_words_and_by_tone_and_the_log_says_why(
    office: Office, clerk: Person
) -> None:
    await clerk.lift()
    await clerk.send(BARRED)
    await clerk.reads("This number is barred here.")
    await clerk.listen_for([REORDER_HZ])
    newest = office.newest_call()
    assert (newest["result"], newest["decision"]) == ("barred", "barred")
    assert newest["number"].endswith("900123")


@pytest.mark.feature("withheld number")
async def test_who_calls_is_withheld_from_one_call_by_a_code(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.send(f"*67{BOB}")
    assert office.bob.answers().caller.number == ""
    await clerk.wait_for_call("active")
    await clerk.hang_up()
    await clerk.lift()
    await clerk.send(BOB)
    assert office.bob.is_called().caller.number == PERSON


@pytest.mark.feature("DTMF")
async def test_digits_pressed_in_a_call_are_hidden_where_the_installer_says_so(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    await clerk.dial("1234")
    await clerk.reads("••••")


# --- numbers that the phone knows -------------------------------------------------------------------------------------


@pytest.mark.feature("speed dial")
async def test_holding_a_digit_calls_the_number_behind_it(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.wait_for_mode("collecting_digits")
    await clerk.press_down("2")
    office.bob.answers()
    await clerk.release("2")
    await clerk.wait_for_call("active")


async def test_the_holder_sets_a_speed_dial_by_a_code(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.send(f"*983{CAROL}")
    await clerk.reads("Speed dial")
    await clerk.hang_up()
    await clerk.press_down("3")
    await clerk.reads(CAROL)
    await clerk.release("3")
    await clerk.lift()
    office.carol.answers()
    await clerk.wait_for_call("active")


async def test_a_digit_with_no_number_behind_it_says_so(clerk: Person) -> None:
    await clerk.lift()
    await clerk.wait_for_mode("collecting_digits")
    await clerk.press_down("7")
    await clerk.reads("No number behind this key")
    await clerk.release("7")


@pytest.mark.feature("redial")
async def test_a_code_calls_the_last_caller_back(office: Office, clerk: Person) -> None:
    office.carol.call(PERSON)
    await clerk.wait_for_mode("ringing")
    office.carol.hang_up()
    await clerk.reads("1 missed call")
    await clerk.lift()
    await clerk.send("*69")
    office.carol.answers()
    await clerk.wait_for_call("active")


@pytest.mark.feature("automatic redial")
async def test_a_busy_number_is_tried_again_by_itself_and_the_phone_rings_when_it_is_free(
    office: Office, clerk: Person
) -> None:
    await clerk.lift()
    await clerk.dial(CAROL)
    office.carol.phone.stack.order(RejectCall(office.carol.is_called().call_id, RejectReason.BUSY))
    await clerk.reads("Busy")
    await clerk.reads("REDIAL: keep trying")
    await clerk.press("redial")
    await clerk.reads("Trying again…")
    await clerk.hang_up()
    await clerk.reads(f"Trying again in {AUTO_REDIAL_S} s")
    again = office.carol.is_called()
    await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
    await clerk.lift()
    office.carol.phone.stack.order(AnswerCall(again.call_id))
    with OpenEar() as ear, speaking():
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)


async def test_a_busy_number_is_tried_no_more_once_a_code_says_so(office: Office, clerk: Person) -> None:
    await clerk.lift()
    await clerk.dial(CAROL)
    office.carol.phone.stack.order(RejectCall(office.carol.is_called().call_id, RejectReason.BUSY))
    await clerk.reads("REDIAL: keep trying")
    await clerk.press("redial")
    await clerk.reads("Trying again…")
    await clerk.hang_up()
    await clerk.lift()
    await clerk.send("*86")
    await clerk.reads("Keep trying")
    await clerk.hang_up()
    await clerk.no_longer_reads(f"Trying again in {AUTO_REDIAL_S} s")


# --- hotline ----------------------------------------------------------------------------------------------------------


@pytest.mark.feature("hotline")
async def test_a_hotline_calls_as_soon_as_the_handset_is_lifted(tmp_path: Path) -> None:
    choices = Choices(extra={"dialing.hotline": {"number": BOB, "delay_s": 0}})
    with Office(tmp_path, choices).running() as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for_line()
            await clerk.lift()
            office.bob.answers()
            await clerk.wait_for_call("active")


@pytest.mark.feature("hotline")
async def test_a_delayed_hotline_leaves_time_to_dial_something_else(tmp_path: Path) -> None:
    choices = Choices(extra={"dialing.hotline": {"number": BOB, "delay_s": 1.5}})
    with Office(tmp_path, choices).running() as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for_line()
            await clerk.lift()
            await clerk.listen_for(DIAL_TONE_HZ)
            await clerk.dial(CAROL)
            office.carol.answers()
            await clerk.wait_for_call("active")
            await clerk.hang_up()
            await clerk.lift()
            office.bob.answers()
            await clerk.wait_for_call("active")


# --- emergency numbers ------------------------------------------------------------------------------------------------


@pytest.mark.feature("emergency calls")
async def test_an_emergency_number_passes_barring_rewriting_withholding_and_a_full_table(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    with Sipp(tmp_path / "sipp", "uas_answer_known_caller", words={"CALLER": PERSON, "CALLEE": EMERGENCY}) as services:
        office.stage.kamailio.route(EMERGENCY, services.uri)
        await talk(clerk, office.bob)
        await clerk.press("hold")
        await clerk.wait_for_call("held")
        await clerk.dial(f"*67{EMERGENCY}")
        await clerk.press("ok")
        await clerk.reads("Emergency call")
        assert office.bob.sees_newest(CallState.DISCONNECTED).reason is DisconnectReason.REMOTE_HANGUP
        await clerk.wait_for_call("active")
        await clerk.hang_up()
        services.finish()


@pytest.mark.feature("emergency calls")
async def test_nothing_stands_in_the_way_of_emergency_services_that_call_back(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    with Sipp(tmp_path / "sipp", "uas_answer") as services:
        office.stage.kamailio.route(EMERGENCY, services.uri)
        await clerk.press("do_not_disturb")
        await clerk.reads("Do not disturb")
        await clerk.lift()
        await clerk.send(EMERGENCY)
        await clerk.wait_for_call("active")
        await clerk.hang_up()
        services.finish()
        office.carol.call(PERSON)
        await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
        await clerk.lift()
        await clerk.wait_for_call("active")
    await clerk.hang_up()
    await clerk.press("do_not_disturb")
    await clerk.reads("Off")
