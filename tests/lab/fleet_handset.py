"""A handset without a phone around it, which goes through its holder's days by itself and can be killed at any moment.

Store, call log, ledger, outbox, local socket and sync process are the real ones, in two processes as on a handset. Both
are forks of a process that has loaded all they need, so that starting one again costs little.
"""

import asyncio
import multiprocessing
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.process import parent_process
from pathlib import Path
from typing import Any, Final

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Actor, Channel, Purpose
from firmware.app import sync as sync_app
from firmware.configuration.loading import is_cancelled
from firmware.control.requests import Role
from firmware.control.server import ControlServer
from firmware.control.sync_role import Inbound as InboundPort
from firmware.control.sync_role import SyncRole
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import Outbox
from firmware.services.account.factory_reset import finish_reset
from firmware.services.account.outbox import CancellationOutbox
from firmware.services.account.steps import AccountCancellation, go_on, resume_reset
from firmware.services.operator.inbound import BrokerMemory, Inbound
from firmware.settings.broker import broker_settings
from firmware.store.database import Database
from provisioning.parsing import parse_configuration
from provisioning.schema import Configuration
from tests.lab import kills
from tests.lab.call_diary import Deed, Diary, History
from tests.lab.certificates import IssuedCertificate
from tests.lab.store import RECIPIENT, StoreLab
from tests.lab.sync_site import BundlesInMemory, LineInMemory

kills.load(__name__)

_FORKS: Final = multiprocessing.get_context("forkserver")
_END_TIMEOUT_S: Final = 30.0
_MOST_CALLS_AT_ONCE: Final = 4

_CONFIGURATION: Final = """
version = 1
[device]
id = "{device}"
fleet = "{fleet}"
country = "CN"
[[accounts]]
username = "201"
domain = "sip.example.org"
[sync]
host = "127.0.0.1"
port = {port}
ca = "{ca}"
certificate = "{certificate}"
key = "{key}"
batch_records = {batch_records}
retry_base_s = 0.1
retry_cap_s = 1
keep_alive_s = 5
complete = "ack"
"""


@dataclass(frozen=True, slots=True)
class Life:
    """What a handset is, and how its holder lives.

    Attributes:
        folder: its own, which outlives its processes.
        device, fleet: its names.
        port, ca, issued: where the broker is, whom it is believed by, and as whom it is met.
        pause_s: how long the holder rests between two deeds, on average.
        batch_records: call records in one message, at most.
    """

    folder: Path
    device: str
    fleet: str
    port: int
    ca: Path
    issued: IssuedCertificate
    pause_s: float = 0.15
    batch_records: int = 5

    @property
    def diary(self) -> Path:
        return self.folder / "diary"

    @property
    def runtime_dir(self) -> Path:
        return self.folder / "run"

    @property
    def calm(self) -> Path:
        """A file; where it is, the holder hangs up and does nothing any more."""
        return self.folder / "calm"

    @property
    def leave(self) -> Path:
        """A file; where it is, the holder cancels the account."""
        return self.folder / "leave"

    @property
    def text(self) -> str:
        """The configuration."""
        return _CONFIGURATION.format(
            device=self.device,
            fleet=self.fleet,
            port=self.port,
            ca=self.ca,
            certificate=self.issued.certificate,
            key=self.issued.key,
            batch_records=self.batch_records,
        )

    def store(self) -> StoreLab:
        """Return its store, closed."""
        lab = StoreLab(self.folder, recipient=replace(RECIPIENT, device=self.device, confirms=True))
        lab.wall_s = time.time()
        return lab


class FleetHandset:
    """Its two processes.

    Attributes:
        history: what its diary says, as far as it was read.
        kills: how often a process of its was killed.
    """

    def __init__(self, life: Life) -> None:
        self.life = life
        self.history = History(life.diary)
        self.kills = 0
        self._processes: dict[Callable[[Life], None], Any] = {}

    def start(self) -> None:
        """Start what does not run."""
        self.life.runtime_dir.mkdir(parents=True, exist_ok=True)
        for part in (_be_handset, _be_sync):
            if part not in self._processes:
                process = _FORKS.Process(target=part, args=(self.life,), daemon=True)
                process.start()
                self._processes[part] = process

    def kill_handset(self) -> None:
        """End the handset's own process at once, as a power failure would."""
        self._kill(_be_handset)

    def kill_sync(self) -> None:
        """End the sync process likewise."""
        self._kill(_be_sync)

    def kill(self) -> None:
        """End both."""
        self.kill_handset()
        self.kill_sync()

    def check(self) -> None:
        """Fail where a process has ended that nobody killed."""
        for part, process in self._processes.items():
            if process.exitcode is not None:
                log = (self.life.folder / f"{part.__name__}.log").read_text(errors="replace")
                raise AssertionError(
                    f"{self.life.device}: {part.__name__} ended with {process.exitcode}:\n{log[-3000:]}"
                )

    def _kill(self, part: Callable[[Life], None]) -> None:
        process = self._processes.pop(part, None)
        if process is not None:
            self.kills += 1
            process.kill()
            process.join(_END_TIMEOUT_S)
            process.close()


def _be_sync(life: Life) -> None:
    _settle(life, _be_sync.__name__)
    sync_app.run(life.runtime_dir)


def _be_handset(life: Life) -> None:
    _settle(life, _be_handset.__name__)
    asyncio.run(_live(life))


def _settle(life: Life, name: str) -> None:
    """Write into a log of one's own, and end with whoever started all this."""
    log = os.open(life.folder / f"{name}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    parent = parent_process()
    assert parent is not None

    def end_with_it() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=end_with_it, daemon=True).start()


async def _live(life: Life) -> None:
    """Go through the steps of a start as the handset does, for as long as the holder is one."""
    diary = Diary(life.diary)
    history = History(life.diary)
    configuration = parse_configuration(life.text)
    while True:
        history.read_on()
        if is_cancelled(life.folder, life.text):
            resume_reset(life.folder)
        finish_reset(life.folder)
        if is_cancelled(life.folder, life.text):
            await _say_farewell(life, diary)
        await _Days(life, diary, history, configuration).go_through()


async def _say_farewell(life: Life, diary: Diary) -> None:
    """Have recipients told that the holder has gone, until the end of the process."""
    # An hour is four seconds here.
    cancellation = CancellationOutbox(life.folder, None, None, lambda: None, monotonic=lambda: time.monotonic() * 900)
    server = _server(life, cancellation, cancellation.settings, cancellation)
    await server.start()
    while cancellation.waits:  # noqa: ASYNC110 - nothing tells of its end
        await asyncio.sleep(0.05)
    diary.write(Deed.GONE)
    diary.write(Deed.QUIET)
    await asyncio.Event().wait()


def _nobody(_state: BrokerState, _problem: BrokerProblem) -> None:
    """Take no notice of the broker."""


def _server(
    life: Life,
    outbox: Outbox,
    settings: Callable[[], BrokerSettings | None],
    inbound: InboundPort,
    note_broker: Callable[[BrokerState, BrokerProblem], None] = _nobody,
) -> ControlServer:
    async def count(_traffic: Traffic) -> None:
        """Count no bytes."""

    role = SyncRole(outbox, settings, note_broker, inbound, count, bundles=BundlesInMemory(), line=LineInMemory())
    return ControlServer(life.runtime_dir, {Role.SYNC: role.handlers})


class _Days:
    """What the holder does, one thing after the other, each written down before and after."""

    def __init__(self, life: Life, diary: Diary, history: History, configuration: Configuration) -> None:
        self._life = life
        self._diary = diary
        self._history = history
        self._configuration = configuration
        self._rng = random.Random(secrets.randbits(64))
        self._lab = life.store()
        self._cancellation = AccountCancellation(self._lab.store, self._lab.outbox, self._lab.consents)
        self._told: set[tuple[int, int]] = set()
        self._told_kept: set[str] = set()
        self._kept_until = 0.0

    async def go_through(self) -> None:
        """Live until the account is cancelled."""
        lab = self._lab
        settings = broker_settings(self._configuration)
        inbound = Inbound(lab.outbox, lab.consents, {}, time.monotonic)
        memory = BrokerMemory(lab.consents.announce, _nobody)
        server = _server(self._life, lab.outbox, lambda: settings, inbound, memory.note)
        await lab.start()
        try:
            if not await self._cancellation.is_begun():
                await lab.call_log.recover_interrupted()
                await lab.consents.announce()
                self._write(Deed.STARTED)
                await server.start()
                await self._finish()
                while not self._life.leave.exists():
                    await self._tell_what_is_confirmed()
                    await self._do_something()
                    await asyncio.sleep(self._rng.expovariate(1 / self._life.pause_s))
            await self._cancel()
        finally:
            await server.stop()
            await lab.stop()

    async def _finish(self) -> None:
        """Do again what a kill may have kept from being done; nothing comes before it."""
        match self._history.under_way:
            case (Deed.GRANTING, _):
                await self._grant()
            case (Deed.WITHDRAWING, _):
                await self._withdraw()
            case (Deed.DELETING, call_ids):
                # Of all calls there are, these are now some that had not ended then.
                await self._delete(call_ids if len(call_ids) == 1 else list(self._history.over))
            case _:
                pass

    async def _do_something(self) -> None:
        self._let_time_pass()
        self._lab.outbox.notify()
        history = self._history
        if self._life.calm.exists():
            if history.running:
                await self._end_call()
            elif not history.is_quiet and not await self._lab.outbox.waiting():
                await self._come_to_rest()
            return
        chance = self._rng.random()
        if not history.consents and chance < 0.2:
            await self._grant()
        elif history.consents and chance < 0.01:
            await self._withdraw()
        elif history.over and 0.2 < chance < 0.24:
            await self._delete([self._rng.choice(history.over)])
        elif history.over and 0.24 < chance < 0.243:
            await self._delete(list(history.over))
        elif len(history.running) < _MOST_CALLS_AT_ONCE and chance < 0.65:
            await self._begin_call()
        elif history.running:
            await self._end_call()

    async def _come_to_rest(self) -> None:
        """Take back a call that a collector has, for which a short storm may have left nobody the time; then rest."""
        await self._tell_what_is_confirmed()
        known = [call_id for call_id in self._history.over if call_id in self._history.kept]
        if known and not self._told:
            await self._delete(known[:1])
        else:
            self._write(Deed.QUIET, [len(await self._lab.consents.entries())])

    def _let_time_pass(self) -> None:
        """Let as much time go by as it takes for what happens after minutes and hours; the clock stays right."""
        self._lab.pass_time(self._rng.uniform(1, 60))
        self._lab.wall_s = time.time()

    async def _begin_call(self) -> None:
        call_id = CallId(secrets.token_hex(16))
        self._write(Deed.CALLING, [call_id])
        await self._lab.call_log.open_record(
            OpenCallRecord(call_id, self._rng.choice(list(CallDirection)), f"+8610{self._rng.randrange(10**8):08}", "")
        )
        self._write(Deed.CALLED, [call_id])

    async def _end_call(self) -> None:
        call_id = CallId(self._rng.choice(self._history.running))
        if self._rng.random() < 0.5:
            await self._lab.call_log.mark_answered(call_id)
            self._let_time_pass()
        await self._lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
        self._write(Deed.ENDED, [call_id])

    async def _grant(self) -> None:
        self._write(Deed.GRANTING)
        await self._lab.consents.grant(Purpose.CDR_SYNC)
        self._write(Deed.GRANTED)

    async def _withdraw(self) -> None:
        self._write(Deed.WITHDRAWING)
        await self._lab.consents.withdraw(Purpose.CDR_SYNC)
        self._write(Deed.WITHDRAWN)

    async def _delete(self, call_ids: Sequence[str]) -> None:
        self._write(Deed.DELETING, call_ids)
        if len(call_ids) == 1:
            await self._lab.call_log.delete(CallId(call_ids[0]))
        else:
            await self._lab.call_log.clear()
        self._write(Deed.DELETED, call_ids)

    async def _cancel(self) -> None:
        self._write(Deed.CANCELLING)
        if not await self._cancellation.is_begun():
            await self._cancellation.begin(Actor.HOLDER, Channel.KEYPAD)
        await go_on(self._cancellation, self._life.folder, self._configuration, self._life.text)

    async def _tell_what_is_confirmed(self) -> None:
        """Write down which records a collector has confirmed to have, and to have erased, since the last time."""

        def read(database: Database) -> tuple[set[tuple[int, int]], list[tuple[int, int]], list[tuple[str, float]]]:
            kept = database.query(
                "SELECT call_id, collector_at FROM shares WHERE topic = 'cdr' AND erased_seq IS NULL "
                "AND call_id IS NOT NULL AND collector_at >= ?",
                self._kept_until,
            )
            notices = database.query(
                "SELECT epoch, seq FROM shares WHERE topic = 'erasure' AND collector_at IS NOT NULL"
            )
            new = {(epoch, seq) for epoch, seq in notices} - self._told
            records = [
                (epoch, seq)
                for notice in new
                for epoch, seq in database.query(
                    "SELECT epoch, seq FROM shares WHERE erased_epoch = ? AND erased_seq = ?", *notice
                )
            ]
            return new, records, [(call_id, at) for call_id, at in kept]

        new, records, kept = await self._lab.store.run(read)
        self._kept_until = max([self._kept_until, *(at for _, at in kept)])
        if new_kept := sorted({call_id for call_id, _ in kept} - self._told_kept):
            self._told_kept.update(new_kept)
            self._write(Deed.KEPT, new_kept)
        if new:
            self._told |= new
            self._write(Deed.CONFIRMED, records)

    def _write(self, deed: Deed, about: Sequence[Any] = ()) -> None:
        self._diary.write(deed, about)
        self._history.read_on()
