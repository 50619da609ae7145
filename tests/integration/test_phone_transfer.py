"""Calls that the whole handset hands over, and that are handed over to it: who hears whom afterwards, by tone."""

from collections.abc import Iterator

import pytest

from firmware.phone.call import RejectReason
from firmware.phone.orders import RejectCall
from tests.lab.office import BOB, CAROL, PERSON, Office, OpenEar, hears, speaking, talk
from tests.lab.person import Person
from tests.lab.stage import Choices

NOBODY = "699"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    # Numbers are sent by hand, so that one may be dialled for the transfer key instead.
    choices = Choices(extra={"dialing": {"digit_map": ["x.T"]}})
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        yield office


async def assert_the_others_are_connected(office: Office, clerk: Person) -> None:
    """Let the colleagues hear each other and nobody else, and the phone be done with both."""
    await hears(office.bob, CAROL)
    await hears(office.carol, BOB)
    await clerk.reads("Call transferred")
    await clerk.hang_up()
    assert not (await clerk.status())["microphone_open"]
    await hears(office.bob, CAROL)


# --- handing over -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("blind transfer")
async def test_a_blind_transfer_connects_the_others_and_leaves_the_phone_idle(office: Office, clerk: Person) -> None:
    with speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await clerk.reads("Transfer to:")
        await hears(office.bob)
        await clerk.dial(CAROL)
        await clerk.press("transfer")
        office.carol.answers()
        await assert_the_others_are_connected(office, clerk)


@pytest.mark.feature("attended transfer")
async def test_an_attended_transfer_connects_the_others_after_a_word_in_private(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await clerk.send(CAROL)
        office.carol.answers()
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
        await hears(office.bob)
        await clerk.press("transfer")
        await assert_the_others_are_connected(office, clerk)


@pytest.mark.feature("attended transfer")
async def test_a_call_is_handed_over_while_the_other_phone_still_rings(office: Office, clerk: Person) -> None:
    with speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await clerk.send(CAROL)
        office.carol.is_called()
        await clerk.wait_for_call("alerting")
        await clerk.press("transfer")
        office.carol.answers()
        await assert_the_others_are_connected(office, clerk)


async def test_the_log_says_which_call_was_handed_over(office: Office, clerk: Person) -> None:
    await talk(clerk, office.bob)
    await clerk.press("transfer")
    await clerk.send(CAROL)
    office.carol.answers()
    await clerk.wait_for_call("active")
    await clerk.press("transfer")
    await clerk.reads("Call transferred")
    newest = office.stage.handset.ask("log")[:2]
    assert {(call["number"], call["answered"]) for call in newest} == {(BOB, True), (CAROL, True)}


# --- handing over that fails ------------------------------------------------------------------------------------------


@pytest.mark.feature("failed transfer")
async def test_a_transfer_to_nobody_returns_the_caller(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await clerk.dial(NOBODY)
        await clerk.press("transfer")
        await clerk.reads("Transfer failed. You are back.")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


async def test_a_transfer_that_the_target_declines_returns_the_caller(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await clerk.send(CAROL)
        called = office.carol.is_called()
        await clerk.wait_for_call("alerting")
        office.carol.phone.stack.order(RejectCall(called.call_id, RejectReason.DECLINED))
        await clerk.reads("Call declined")
        await clerk.reads("HOLD: go back")
        await clerk.press("hold")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


async def test_cancel_takes_the_caller_back_before_anybody_was_dialled(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await clerk.reads("Transfer to:")
        await clerk.press("cancel")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


# --- being handed over ------------------------------------------------------------------------------------------------


@pytest.mark.feature("being transferred")
async def test_a_caller_who_transfers_this_phone_leaves_it_with_the_other_colleague(
    office: Office, clerk: Person
) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        office.bob.transfers_to(CAROL)
        office.carol.answers()
        await clerk.reads(CAROL)
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
        await hears(office.bob)


async def test_a_colleague_who_hands_a_consulted_call_over_gives_this_phone_another_party(
    office: Office, clerk: Person
) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        office.bob.consults(office.carol)
        office.bob.hands_over()
        await clerk.reads(CAROL)
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
