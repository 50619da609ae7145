"""`wecall consent` and `wecall ledger` against a real socket, a real store and a real terminal."""

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from contract.consent import Actor, Channel, Purpose
from firmware.app.admin.consents import ConsentRole
from firmware.cli import main
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import Answer, Empty, Role
from firmware.control.server import ControlServer, Handler
from firmware.privacy.catalogue import built_in
from firmware.privacy.consent import LedgerAction
from tests.lab.store import StoreLab
from tests.unit.store.test_consents import damage

ROOT = Path(__file__).parents[2]
PIN = "258036"

Wecall = Callable[..., Awaitable[Result]]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[StoreLab]:
    lab = StoreLab(tmp_path)
    await lab.start()
    yield lab
    await lab.stop()


@pytest.fixture
async def wecall(lab: StoreLab, tmp_path: Path) -> AsyncIterator[Wecall]:
    """Run `wecall ...` against a handset that answers nothing else; `typed` is what is typed when it asks."""

    async def nothing(_: object) -> Answer:
        return Empty()

    role = ConsentRole(
        lambda: lab.consents, lambda: None, lambda: {Actor.HOLDER: lab.pin, Actor.GUARDIAN: lab.guardian_pin}
    )
    others: dict[str, Handler] = dict.fromkeys(REQUESTS[Role.ADMIN], nothing)
    server = ControlServer(tmp_path, {Role.ADMIN: {**others, **role.handlers}})
    await server.start()

    async def run(*arguments: str, typed: str = "") -> Result:
        line = [*arguments, "--runtime-dir", str(tmp_path)]
        return await asyncio.to_thread(CliRunner().invoke, main, line, input=typed)

    yield run
    await server.stop()


def on_a_terminal(typed: str, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit code and all that was seen.

    Args:
        typed: what to type when a PIN is asked for.
        arguments: the command's.
        answer: what to type at a question before it.
    """
    ours, its = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "firmware.cli", *arguments]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, cwd=ROOT)
    os.close(its)
    seen = unanswered = b""
    while True:
        try:
            part = os.read(ours, 1024)
        except OSError:
            # Nobody has the terminal open any more.
            break
        seen += part
        unanswered += part
        # A PIN is asked for with the echo already off.
        for prompt, words in ((b"[y/N]", answer), (b"PIN", typed)):
            if prompt in unanswered:
                os.write(ours, words.encode() + b"\n")
                unanswered = b""
        assert typed not in (Path("/proc") / str(process.pid) / "cmdline").read_text()
    os.close(ours)
    return process.wait(), seen.decode()


async def test_the_purposes_are_listed_with_what_each_covers(lab: StoreLab, wecall: Wecall) -> None:
    listed = (await wecall("consent", "list")).output
    for purpose in Purpose:
        assert purpose in listed
    assert listed.count("not asked") == len(Purpose)
    await lab.consents.grant(Purpose.RECORDING)
    await lab.consents.withdraw(Purpose.CDR_SYNC)
    lines = {line.split()[0]: line for line in (await wecall("consent", "list")).output.splitlines()}
    assert "granted     2026-03-01" in lines["recording"]
    assert "not granted 2026-03-01" in lines["cdr_sync"]


async def test_without_a_pin_nothing_is_asked(lab: StoreLab, wecall: Wecall) -> None:
    granted = await wecall("consent", "grant", "recording")
    assert granted.output == "recording is granted.\n"
    assert (await lab.consents.state()).granted(Purpose.RECORDING)
    withdrawn = await wecall("consent", "withdraw", "recording")
    assert withdrawn.output == "recording is withdrawn. What was waiting to be sent for it has been deleted.\n"


@pytest.mark.parametrize("command", ["import", "picture add", "mydata import"])
async def test_what_takes_things_in_asks_at_a_terminal_whether_the_holder_agrees(
    lab: StoreLab, wecall: Wecall, tmp_path: Path, command: str
) -> None:
    await lab.pin.set(PIN)
    file = tmp_path / "copy.png"
    Image.new("RGB", (8, 8)).save(file)
    arguments = (*command.split(), str(file), "--runtime-dir", str(tmp_path))
    code, seen = await asyncio.to_thread(on_a_terminal, PIN, *arguments, answer="n")
    assert (code, "Nothing was taken in." in seen, "PIN" in seen) == (1, True, False)
    assert not (await lab.consents.state()).granted(Purpose.CONTACT_IMPORT)
    _, seen = await asyncio.to_thread(on_a_terminal, PIN, *arguments, answer="y")
    assert built_in().entry(Purpose.CONTACT_IMPORT).covers.en in seen.replace("\r\n", " ")
    assert (await lab.consents.state()).granted(Purpose.CONTACT_IMPORT)
    assert len(await lab.consents.entries()) == 1
    _, seen = await asyncio.to_thread(on_a_terminal, PIN, *arguments)
    assert "[y/N]" not in seen
    assert len(await lab.consents.entries()) == 1


async def test_the_pin_is_typed_and_never_seen(lab: StoreLab, wecall: Wecall, tmp_path: Path) -> None:
    await lab.pin.set(PIN)
    arguments = ("consent", "grant", "cdr_sync", "--runtime-dir", str(tmp_path))
    code, seen = await asyncio.to_thread(on_a_terminal, PIN, *arguments)
    assert code == 0
    assert "The holder's PIN" in seen
    assert PIN not in seen
    assert (await lab.consents.state()).granted(Purpose.CDR_SYNC)
    [entry] = await lab.consents.entries()
    assert (entry.actor, entry.channel) == (Actor.HOLDER, Channel.COMMAND_LINE)


async def test_a_wrong_pin_changes_nothing_and_the_fourth_has_to_wait(lab: StoreLab, wecall: Wecall) -> None:
    await lab.pin.set(PIN)
    for _ in range(3):
        refused = await wecall("consent", "grant", "cdr_sync", typed="1111\n")
        assert refused.exit_code == 1
        assert "not the holder's PIN" in refused.output
    refused = await wecall("consent", "grant", "cdr_sync", typed=f"{PIN}\n")
    assert "in 10 s" in refused.output
    assert await lab.consents.entries() == ()


async def test_a_guardian_s_pin_is_asked_for_where_there_is_one(lab: StoreLab, wecall: Wecall) -> None:
    await lab.pin.set(PIN)
    await lab.guardian_pin.set("963852")
    assert (await wecall("consent", "grant", "recording", typed=f"{PIN}\n")).exit_code == 1
    granted = await wecall("consent", "grant", "recording", typed="963852\n")
    assert "The guardian's PIN" in granted.output
    [entry] = await lab.consents.entries()
    assert entry.actor is Actor.GUARDIAN


async def test_no_option_takes_the_pin(wecall: Wecall) -> None:
    assert (await wecall("consent", "grant", "recording", "--pin", PIN)).exit_code == 2


async def test_a_whole_ledger_is_shown_and_verifies_also_against_a_head_that_somebody_kept(
    lab: StoreLab, wecall: Wecall
) -> None:
    await lab.consents.grant(Purpose.RECORDING)
    state = await lab.consents.withdraw(Purpose.RECORDING)
    verified = await wecall("ledger", "verify", "--witness", f"2:{state.head.hash}")
    assert (verified.exit_code, verified.output) == (0, f"The ledger is whole: 2 entries, head {state.head.hash}.\n")
    shown = (await wecall("ledger", "show")).output.splitlines()
    assert [line.split()[2:] for line in shown] == [
        ["grant", "recording", "holder,", "keypad"],
        ["withdraw", "recording", "holder,", "keypad"],
    ]
    other = await wecall("ledger", "verify", "--witness", "2:" + "0" * 64)
    assert other.exit_code == 1
    assert "written anew" in other.output


@pytest.mark.parametrize("sql", ["UPDATE consent_ledger SET clock = 'unsynced' WHERE number = 2"])
async def test_a_damaged_ledger_says_which_entry_and_ends_with_1(lab: StoreLab, wecall: Wecall, sql: str) -> None:
    await lab.consents.grant(Purpose.RECORDING)
    await lab.consents.append(LedgerAction.POLICY_SHOWN, "2026-11-25", Actor.HOLDER, Channel.KEYPAD)
    await damage(lab, sql)
    verified = await wecall("ledger", "verify")
    assert verified.exit_code == 1
    assert "entry 2 was changed" in verified.output
    refused = await wecall("consent", "grant", "cdr_sync")
    assert refused.exit_code == 1
    assert "no answer can be added" in refused.output
