"""The help code on the whole handset: what is read aloud there is what somebody else explains."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from contract.help_code import CallVerdict, LineState, unpack
from firmware.cli import main
from tests.lab.by_keys import choose
from tests.lab.office import BOB, PERSON, Office
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.stage import Choices

SILENT = "5557"
_DIGITS = re.compile(r"(?:\d{4} ){4}\d{4}")

pytestmark = pytest.mark.feature("help code")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office"), Choices()).running() as office:
        yield office


async def help_code(clerk: Person) -> str:
    """Return what the phone's page says."""
    await choose(clerk, "78", "This phone", "Diagnostics")
    await clerk.press("ok")
    await clerk.wait_until(lambda page: _DIGITS.search(page.state["text"]) is not None, PATIENCE_S)
    digits: str
    (digits,) = _DIGITS.findall(clerk.state["text"])
    return digits


async def test_a_holder_reads_twenty_digits_aloud_and_somebody_explains_them(office: Office, clerk: Person) -> None:
    office.bob.call(PERSON)
    await clerk.reads("Incoming call")
    office.bob.hang_up()
    await clerk.wait_for(lambda status: status["missed_calls"] == 1)
    digits = await help_code(clerk)
    facts = unpack(digits)
    assert facts.line is LineState.REGISTERED
    assert facts.calls == (CallVerdict.NOT_ANSWERED,)
    explained = CliRunner().invoke(main, ["explain", *digits.split()])
    assert "line       Registered.\n" in explained.output
    assert "1 not answered\n" in explained.output
    assert BOB not in explained.output

    ledger = await asyncio.to_thread(office.stage.handset.command, "ledger", "show")
    last = ledger.strip().splitlines()[-1]
    assert "export" in last
    assert "help_code" in last


async def test_a_call_in_which_nothing_comes_is_told_on_its_page_by_doctor_and_in_the_code(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    def call_audio() -> list[str]:
        return [finding["detail"] for finding in office.stage.handset.ask("doctor") if finding["part"] == "call audio"]

    await clerk.replace()
    assert await asyncio.to_thread(call_audio) == []
    # It says that it sends sound, and sends none.
    with office.outsider(tmp_path, SILENT) as caller:
        await clerk.reads("Incoming call")
        await clerk.lift()
        await clerk.reads("We hear nothing")
        (running,) = await asyncio.to_thread(call_audio)
        assert running.startswith("We hear nothing: nothing comes from the other end of the call that runs")
        await clerk.replace()
        caller.finish()
    await clerk.wait_for_mode("idle")
    (last,) = await asyncio.to_thread(call_audio)
    assert "the last call" in last
    assert SILENT not in last

    digits = await help_code(clerk)
    assert unpack(digits).calls.count(CallVerdict.NOTHING_HEARD) == 1
    assert "1 the phone heard nothing" in CliRunner().invoke(main, ["explain", *digits.split()]).output
