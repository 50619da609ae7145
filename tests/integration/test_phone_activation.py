"""A whole new handset is activated: whatever is cut off in the middle, nothing is gone past and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner

from firmware.cli import main
from tests.lab import chance
from tests.lab.handset import Handset
from tests.lab.newcomer import ALL_SET, GUARDIANS_PIN, PIN, TITLES, Newcomer
from tests.lab.office import BOB, PERSON, Office
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.stage import Choices

WITH_NUMBER = (*TITLES[:-1], "Number", TITLES[-1])
CHILDS = (*WITH_NUMBER[:2], "Guardian", *WITH_NUMBER[2:])


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office"), Choices(new=True, proves_number=True)).running() as office:
        yield office


@pytest_asyncio.fixture
async def handset(office: Office) -> AsyncIterator[Handset]:
    """The office's handset as if out of its box."""
    handset = office.stage.handset
    await asyncio.to_thread(handset.main.stop)
    for path in handset.state_dir.glob("store*"):
        path.unlink()
    await asyncio.to_thread(handset.main.start)
    yield handset
    office.rest()


async def cut_the_power(handset: Handset) -> None:
    await asyncio.to_thread(handset.main.kill)
    await asyncio.to_thread(handset.main.start)


async def ledger(handset: Handset) -> list[tuple[str, str, str]]:
    """What the ledger says: action, what it is about, and who did it."""
    entries: list[Any] = await asyncio.to_thread(handset.ask, "ledger", "show")
    return [(entry["action"], entry["about"], entry["actor"]) for entry in entries]


async def goes_on_to(newcomer: Newcomer, step: str) -> None:
    """Answer everything up to a step; the one about the number follows a yes to the service."""
    if step != "Number":
        await newcomer.goes_on_to(step)
        return
    await newcomer.goes_on_to("Service")
    await newcomer.answers_about_the_service(yes=True)
    await newcomer.no_longer_reads("Service")


async def code_here(newcomer: Newcomer, office: Office) -> str:
    """Wait until the code has come to this very phone, and return it."""
    desk = office.stage.desk
    assert desk is not None
    await newcomer.wait_until(
        lambda page: any(page.sees(f"Your code is {code}.") for _, code in desk.asked[-1:]), PATIENCE_S
    )
    return desk.asked[-1][1]


async def forgets_code(newcomer: Newcomer, office: Office) -> None:
    """Take the code away that has come to this very phone."""
    for _ in await code_here(newcomer, office):
        await newcomer.press("cancel")


def grant(handset: Handset, purpose: str, pin: str) -> None:
    """Agree to a purpose by the command."""
    typed = ["consent", "grant", purpose, "--runtime-dir", str(handset.folder / "run")]
    granted = CliRunner().invoke(main, typed, input=f"{pin}\n")
    assert granted.exit_code == 0, granted.output


async def proves_number(newcomer: Newcomer, office: Office) -> None:
    """Confirm the code that was sent and has come to this very phone."""
    await code_here(newcomer, office)
    await newcomer.press("ok")
    await newcomer.reads(ALL_SET)


async def test_a_phone_is_activated_step_by_step_and_only_then_calls(office: Office, handset: Handset) -> None:
    async with Newcomer(handset, WITH_NUMBER) as newcomer:
        await newcomer.wait_for_line()
        await newcomer.goes_on_to("Service")
        await newcomer.answers_about_the_service(yes=True)
        await newcomer.reads("Code")
        await newcomer.lift()
        await newcomer.send(BOB)
        await newcomer.reads("Set the phone up first")
        await newcomer.replace()
        office.bob.call(PERSON)
        await newcomer.reads("Incoming call")
        await newcomer.lift()
        await newcomer.wait_for_call("active")
        await newcomer.replace()
        await newcomer.reads("Type the code")
        await newcomer.press("ok")
        await proves_number(newcomer, office)
        await newcomer.lift()
        await newcomer.send(BOB)
        office.bob.answers()
        await newcomer.wait_for_call("active")
        await newcomer.replace()
    told = await ledger(handset)
    assert ("number_proved", "sip_message", "holder") in told
    assert told[-1] == ("activate", "adult", "holder")
    assert [(action, about) for action, about, _ in told if action in {"grant", "refuse"}] == [("grant", "service")]


@pytest.mark.soak
async def test_a_power_cut_between_any_two_steps_loses_no_answer_and_gets_nobody_past_one(
    office: Office, handset: Handset
) -> None:
    for step in (*chance.some(("Your age", "PIN", "Policy", "Service"), 3), "Number"):
        async with Newcomer(handset, WITH_NUMBER) as newcomer:
            await newcomer.wait_for_line()
            await goes_on_to(newcomer, step)
            before = await ledger(handset)
        await cut_the_power(handset)
        assert await ledger(handset) == before
        async with Newcomer(handset, WITH_NUMBER) as newcomer:
            await newcomer.wait_for_line()
            await newcomer.lift()
            await newcomer.send(BOB)
            await newcomer.reads("Set the phone up first")
            await newcomer.replace()
    assert [about for action, about, _ in before if action == "grant"] == ["service"]
    assert "activate" not in {action for action, _, _ in before}


async def test_wrong_codes_cost_tries_that_no_power_cut_gives_back(office: Office, handset: Handset) -> None:
    assert office.stage.desk is not None
    async with Newcomer(handset, WITH_NUMBER) as newcomer:
        await newcomer.wait_for_line()
        await goes_on_to(newcomer, "Number")
        await forgets_code(newcomer, office)
        for left in (4, 3):
            await newcomer.dial("0000000")
            await newcomer.press("ok")
            await newcomer.reads(f"Wrong. Tries left: {left}")
    await cut_the_power(handset)
    async with Newcomer(handset, WITH_NUMBER) as newcomer:
        await newcomer.wait_for_line()
        await goes_on_to(newcomer, "Number")
        await forgets_code(newcomer, office)
        for left in (2, 1):
            await newcomer.dial("0000000")
            await newcomer.press("ok")
            await newcomer.reads(f"Wrong. Tries left: {left}")
        await newcomer.dial("0000000")
        await newcomer.press("ok")
        await newcomer.reads_the_beginning_of("Too many wrong codes. A new one can be sent in 1 min.")
    await cut_the_power(handset)
    asked = len(office.stage.desk.asked)
    async with Newcomer(handset, WITH_NUMBER) as newcomer:
        await newcomer.wait_for_line()
        await goes_on_to(newcomer, "Number")
        await newcomer.reads_the_beginning_of("Too many wrong codes. A new one can be sent in 1 min.")
        await newcomer.press("ok")
        await newcomer.reads_the_beginning_of("Too many wrong codes. A new one can be sent in 1 min.")
    assert len(office.stage.desk.asked) == asked
    assert "number_proved" not in {action for action, _, _ in await ledger(handset)}


async def cannot_reset(handset: Handset, child: Person) -> None:
    """Try every way to a phone that has no guardian, with the PIN of the holder, who is under 14."""
    await child.rest()
    for row, words in (("7", "Deleted"), ("8", "Here")):
        for key, title in (("menu", "Menu"), ("6", "Settings"), (row, words), ("ok", "Guardian's PIN")):
            await child.press(key)
            await child.reads(title)
        await child.press("menu")
    typed = ["factory-reset", "--yes", "--runtime-dir", str(handset.folder / "run")]
    refused = await asyncio.to_thread(CliRunner().invoke, main, typed, input=f"{PIN}\n")
    assert (refused.exit_code, "not the guardian's PIN; nothing was erased" in refused.output) == (1, True)
    assert ("check_failed", "reset", "guardian") in await ledger(handset)


async def test_under_14_a_guardian_activates_the_phone_and_takes_a_yes_back(office: Office, handset: Handset) -> None:
    async with Newcomer(handset, WITH_NUMBER) as newcomer:
        await newcomer.wait_for_line()
        await newcomer.goes_on_to("Your age")
        await newcomer.press("volume_down")
        await newcomer.press("ok")
        # What a page says last can be lost with it.
        await newcomer.no_longer_reads(newcomer.title("Your age"))
    async with Newcomer(handset, CHILDS) as newcomer:
        await newcomer.reaches("Guardian")
        await newcomer.press("ok")
        await newcomer.reads("Guardian's PIN")
        await newcomer.sets_pin(GUARDIANS_PIN)
        await newcomer.goes_on_from("PIN", "Service")
        await newcomer.answers_about_the_service(yes=True)
        await proves_number(newcomer, office)
        await asyncio.to_thread(grant, handset, "recording", GUARDIANS_PIN)

        await newcomer.press("menu")
        await newcomer.reads("Menu")
        await newcomer.dial("8")
        await newcomer.reads("What I agree")
        await newcomer.dial("2")
        await newcomer.reads_the_beginning_of("Take back every yes but the one for the service?")
        await newcomer.press("ok")
        await newcomer.types_pin("Guardian's PIN", PIN)
        await newcomer.reads("Wrong PIN.")
        await newcomer.types_pin("Guardian's PIN", GUARDIANS_PIN)
        await newcomer.reads("Private mode")
    told = await ledger(handset)
    async with Person(handset) as child:
        await cannot_reset(handset, child)
    assert ("activate", "under_14", "guardian") in told
    assert told[-1] == ("withdraw", "recording", "guardian")
    assert {actor for action, _, actor in told if action in {"grant", "refuse"}} == {"guardian"}
