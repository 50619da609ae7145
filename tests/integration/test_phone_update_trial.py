"""A whole handset with root's service for updates on its socket: it judges a trial, takes sticks and marks calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.control.open_files import sealed
from firmware.control.say import say
from firmware.control.stick_client import HandsetLink
from firmware.setup.root.update.messages import UpdateWish
from firmware.setup.update.judge import USUAL
from firmware.setup.update.memory import UpdateStore
from tests.lab.handset import Handset
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.root_of_updates import NEXT, RUNS, RootOfUpdates
from tests.lab.stage import PEER_USER, Choices, Stage

pytestmark = pytest.mark.feature("updates by stick and network")

INSTALL, START_TRIAL, WORKS, FAILS = UpdateWish.INSTALL, UpdateWish.START_TRIAL, UpdateWish.WORKS, UpdateWish.FAILS


@asynccontextmanager
async def handset_beside(
    folder: Path, root: RootOfUpdates, *, patience_s: float = 60, registers: bool = True
) -> AsyncIterator[Handset]:
    """Run a handset that finds root's service beside its own runtime folder, as in /run."""
    stage = Stage(folder, Choices(transport="tcp", srtp="preferred"))
    handset = stage.handset
    root.folder = handset.updates_dir
    handset.folder.mkdir(parents=True, exist_ok=True)
    handset.make_hasty(patience_s)
    if not registers:
        port = str(stage.kamailio.tcp_port)
        assert handset.configuration is not None
        handset.configuration = handset.configuration.replace(f"port = {port}", "port = 9")
    with root:
        try:
            await asyncio.to_thread(stage.start)
            yield handset
        finally:
            await asyncio.to_thread(stage.stop)


async def wishes(root: RootOfUpdates, *wanted: UpdateWish) -> None:
    await asyncio.to_thread(
        wait_until, lambda: root.wishes[: len(wanted)] == list(wanted), f"{wanted} of {root.wishes}"
    )


async def test_a_version_on_trial_that_registers_opens_its_store_and_shows_its_page_works(tmp_path: Path) -> None:
    root = RootOfUpdates(tmp_path / "root", on_trial=True)
    async with handset_beside(tmp_path, root) as handset, Person(handset) as person:
        UpdateStore(handset.state_dir).keep_before_trial(USUAL)
        await person.wait_for_line()
        await wishes(root, WORKS)
        assert not root.state.on_trial


async def test_a_version_on_trial_that_does_not_register_fails(tmp_path: Path) -> None:
    root = RootOfUpdates(tmp_path / "root", on_trial=True)
    async with handset_beside(tmp_path, root, patience_s=8, registers=False):
        await wishes(root, FAILS)


async def test_a_stick_s_update_is_installed_and_the_phone_restarts_while_nobody_uses_it(tmp_path: Path) -> None:
    root = RootOfUpdates(tmp_path / "root")
    async with handset_beside(tmp_path, root) as handset, Person(handset) as person:
        await person.wait_for_line()
        runtime_dir = handset.folder / "run"

        # A call goes on, and marks that it does.
        assert not (runtime_dir / "in-call").exists()
        await person.call(PEER_USER)
        assert (runtime_dir / "in-call").exists()
        with sealed(b"an update") as file:
            bringing = asyncio.create_task(HandsetLink(runtime_dir).bring_update(file, b"proof", b""))
            await asyncio.sleep(0.5)
            assert root.wishes == []
            await person.replace()
            taken = await bringing
        assert (taken.code, taken.version) == (OutcomeCode.INSTALLED, NEXT)
        assert root.brought == [b"an update"]
        await asyncio.to_thread(wait_until, lambda: not (runtime_dir / "in-call").exists())

        # The restart waits for the report, is announced, and any key puts it off.
        await asyncio.to_thread(say, runtime_dir / "stick.sock", {"request": "reported", "written": True})
        await person.reads_the_beginning_of("Restarts in")
        await person.press("ok")
        await asyncio.sleep(0.5)
        assert root.wishes == [INSTALL]
        await person.press("cancel")
        assert "as soon as nobody uses the phone" in await asyncio.to_thread(handset.command, "update", "now")
        await wishes(root, INSTALL, START_TRIAL)
        before = UpdateStore(handset.state_dir).before_trial()
        assert (before.lines, before.display, before.threads) == (1, True, True)
        assert NEXT in await asyncio.to_thread(handset.command, "update", "status")
        for command in ("status", "doctor"):
            assert f" {RUNS}: a card, renewed by stick or network. {NEXT} waits.\n" in await asyncio.to_thread(
                handset.command, command
            )
        root.restart(works=False)
        line = f" {RUNS}: a card, renewed by stick or network. {NEXT} did not work and went back.\n"
        assert line in await asyncio.to_thread(handset.command, "doctor")
        root.write(how="package")
        assert "put the operator's wecall.sources into" in await asyncio.to_thread(handset.command, "doctor")
