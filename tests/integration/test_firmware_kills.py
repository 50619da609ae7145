"""What a power cut at any step of a trial of firmware leaves: firmware that reads the store, whichever runs next."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.loading import load
from firmware.phone.call import CallId, RegistrationFailure, RegistrationState
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.view import LineView
from firmware.ports.store import CallLogEntry
from firmware.services.records import Records
from firmware.setup.bundles.extras import Extras
from firmware.setup.bundles.root_work import RootWork
from firmware.setup.bundles.service import BundleService
from firmware.setup.root.messages import RootAnswer
from firmware.store import store
from firmware.store.database import Migration, load_migrations
from provisioning.parsing import parse_configuration
from tests.lab import kills
from tests.lab.bundle_desk import QUIET, DeskLab, configuration_text
from tests.lab.root_machine import OPERATOR, RootMachine, wheel
from tests.lab.store import ONE_ACCOUNT

kills.load(__name__)
pytestmark = [pytest.mark.soak, pytest.mark.feature("firmware by bundle")]

BEFORE, MEANWHILE = (CallId(digit * 32) for digit in "ab")
UP = LineView("", RegistrationState.REGISTERED)
WRONG = LineView("", RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD)
TEXT = configuration_text(OPERATOR)
MIGRATIONS = load_migrations()
LATER = Migration(len(MIGRATIONS) + 1, "CREATE TABLE later (place INTEGER);")


class Root(RootWork):
    """Root's own work on a machine, without its socket."""

    def __init__(self, machine: RootMachine) -> None:
        super().__init__()
        self._machine = machine

    async def ask(self, number: int, bundle: Path, _secrets: object, _on_progress: object = None) -> RootAnswer:
        return self._machine.attempt(number, await asyncio.to_thread(bundle.read_bytes))

    async def confirm(self, number: int) -> RootAnswer:
        return self._machine.work().keep(number, os.getpid())

    async def go_back(self, number: int) -> RootAnswer:
        return self._machine.work().go_back(number, os.getpid())


def machine_of(folder: Path) -> RootMachine:
    return RootMachine(folder / "root", TEXT)


def records_of(folder: Path, *, is_newer: bool, on_trial: bool = False) -> Records:
    """Return the store as this firmware sees it."""
    store.load_migrations = lambda: (*MIGRATIONS, LATER) if is_newer else MIGRATIONS  # type: ignore[attr-defined]
    return Records(
        folder,
        parse_configuration(ONE_ACCOUNT),
        lambda: None,
        lambda _problem, _sentence: None,
        lambda _state: None,
        on_documents=lambda _documents: None,
        on_trial=on_trial,
    )


async def call(records: Records, call_id: CallId) -> None:
    await records.call_log.open_record(OpenCallRecord(call_id, CallDirection.OUTGOING, "sip:2@sip.example.org", "2"))
    await records.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 200))


async def installed(folder: Path) -> None:
    """A handset with one call in its store has had firmware of a bundle installed, and is about to start it."""
    records = records_of(folder, is_newer=False)
    await records.start(lambda: None)
    await call(records, BEFORE)
    await records.stop()
    lab = DeskLab(folder, TEXT)
    bundle = OPERATOR.bundle({"config.toml": TEXT.encode(), **wheel("2.0")}, 7)
    await lab.staged(bundle)
    # By a process that has ended.
    machine_of(folder).attempt(7, bundle, asker=1)


async def run_newer(folder: Path, line: LineView) -> None:
    """Run the newer firmware until its trial is over, with a call in it."""
    records = records_of(folder, is_newer=True, on_trial=ConfigStore(folder).standing.firmware_is_on_trial)
    await records.start(lambda: None)
    await call(records, MEANWHILE)
    lab = DeskLab(folder, TEXT)
    lab.context = replace(lab.context, root=Root(machine_of(folder)), open_store=records.end_trial)
    lab.watch.note_view(replace(QUIET, lines=(line,)))

    async def sounds() -> None:
        return None

    async def tell(_ended: object) -> None:
        return None

    extras = Extras(None, folder / "memory", lambda _event: None, lambda: None)
    desk = BundleService(lab.context, load(folder / "config.toml", folder), extras, sounds, tell)
    desk.start()
    await asyncio.gather(*desk._tasks)
    await desk.stop()
    await records.stop()


def confirm(folder: Path) -> None:
    asyncio.run(run_newer(folder, UP))


def send_back(folder: Path) -> None:
    asyncio.run(run_newer(folder, WRONG))


async def calls_of(folder: Path, *, is_newer: bool) -> list[CallLogEntry]:
    records = records_of(folder, is_newer=is_newer)
    await records.start(lambda: None)
    try:
        assert records.fault is None
        return list(await records.call_log.recent(9))
    finally:
        await records.stop()


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("change", "ends_newer"), [(confirm, True), (send_back, False)])
def test_a_power_cut_at_any_step_of_a_trial_leaves_firmware_that_reads_the_store(
    memory: Path, change: Callable[[Path], None], ends_newer: bool
) -> None:
    whole = memory / "whole"
    whole.mkdir()
    asyncio.run(installed(whole))
    for cut in kills.cuts(whole, change):
        # What root does at the next start, if nobody confirms what waits.
        machine = machine_of(cut.folder)
        machine.work().recover()
        machine.work().give_up()
        is_newer = machine.link == "environments/a"
        calls = {each.call_id for each in asyncio.run(calls_of(cut.folder, is_newer=is_newer))}
        assert BEFORE in calls
        if cut.ended:
            assert is_newer == ends_newer
            assert calls == {BEFORE, MEANWHILE}
