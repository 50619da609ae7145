"""The help code on the whole handset: what is read aloud there is what somebody else explains."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from contract.help_code import CallVerdict, LineState, unpack
from firmware.cli import main
from tests.lab.by_keys import choose
from tests.lab.office import BOB, PERSON, Office
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.stage import Choices

_DIGITS = re.compile(r"(?:\d{4} ){4}\d{4}")

pytestmark = pytest.mark.feature("help code")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office"), Choices()).running() as office:
        yield office


async def test_a_holder_reads_twenty_digits_aloud_and_somebody_explains_them(office: Office, clerk: Person) -> None:
    office.bob.call(PERSON)
    await clerk.reads("Incoming call")
    office.bob.hang_up()
    await clerk.wait_for(lambda status: status["missed_calls"] == 1)
    await choose(clerk, "78", "This phone", "Diagnostics")
    await clerk.press("ok")
    await clerk.wait_until(lambda page: _DIGITS.search(page.state["text"]) is not None, PATIENCE_S)
    (digits,) = _DIGITS.findall(clerk.state["text"])

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
