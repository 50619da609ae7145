"""A whole fleet: handsets, a bad network, a broker, collectors side by side and their database; and what befalls it."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from firmware.privacy.consent import LedgerAction
from firmware.store.database import Database
from fleet.tables import calls, consents, outcomes, purposes, requests
from tests.lab.call_diary import History
from tests.lab.certificates import IssuedCertificate
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FLEET, FleetBroker
from tests.lab.fleet_database import FleetDatabase
from tests.lab.fleet_handset import FleetHandset, Life
from tests.lab.fleet_judge import Receipts, Row, broken, missing, promises, wrong_at_the_end
from tests.lab.fleet_storm import Blow, Step
from tests.lab.mqtt_proxy import NONE, Faults, MqttProxy

_ROUGH: Final = Faults(
    lost_with_connection=0.005, lost=0.002, doubled=0.06, delayed=0.06, swapped=0.04, cut=0.005, delay_s=1.0
)
_LOOK_S: Final = 0.05
_SWEEP_S: Final = 1.0
# A notice of one who has gone leaves once more at each start, and else only after an hour.
_UNTIL_STARTED_ANEW_S: Final = 5.0
_COLLECTORS: Final = ("left", "right")
_TO_HANDSETS: Final[Mapping[Blow, Callable[[FleetHandset], None]]] = {
    Blow.HANDSET_KILLED: FleetHandset.kill_handset,
    Blow.SYNC_KILLED: FleetHandset.kill_sync,
    Blow.BOTH_KILLED: FleetHandset.kill,
}
_OF_A_DEVICE: Final = (calls, consents, purposes, requests, outcomes)


class FleetSite:
    """Everything runs from `start` to `stop`.

    Attributes:
        handsets: the last of them is the one whose holder cancels the account.
        collectors: by their names.
        counts: how often what befell, by name.
        complaints: what was found wrong so far.
    """

    def __init__(self, folder: Path, database: FleetDatabase, seed: int, *, handsets: int, pause_s: float) -> None:
        """Set up without starting.

        Args:
            folder: where all of it keeps its files.
            database: where the collectors write.
            seed: decides what the network does.
            handsets: how many there are.
            pause_s: how long a holder rests between two deeds, on average.
        """
        self.counts: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.broker = FleetBroker(folder / "b", collectors=_COLLECTORS)
        own = IssuedCertificate(folder / "b" / "broker.pem", folder / "b" / "broker.key")
        self.proxy = MqttProxy(self.broker.ca_path, own, self.broker.certificate, self.broker.port, random.Random(seed))
        self.collectors: dict[str, CollectorProcess] = {}
        self.handsets: list[FleetHandset] = []
        self._database = database
        self._folder = folder
        self._count, self._pause_s = handsets, pause_s
        self._engine = create_engine(database.url, poolclass=NullPool)
        self._down: set[str] = set()
        self._blows: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        await asyncio.to_thread(self.broker.start)
        await self.proxy.start()
        for name in _COLLECTORS:
            self.collectors[name] = self._collector(name)
            await asyncio.to_thread(self.collectors[name].start)
        for number in range(self._count):
            device = f"desk-{number}"
            life = Life(
                self._folder / f"h{number}",
                device,
                FLEET,
                self.proxy.port,
                self.broker.ca_path,
                self.broker.device(device),
                self._pause_s,
            )
            handset = FleetHandset(life)
            await asyncio.to_thread(handset.start)
            self.handsets.append(handset)

    def _collector(self, name: str) -> CollectorProcess:
        issued = self.broker.collector(name)
        address = {
            "host": "127.0.0.1",
            "port": self.proxy.port,
            "ca": self.broker.ca_path,
            "certificate": issued.certificate,
            "key": issued.key,
            "keep_alive_s": 5,
        }
        return CollectorProcess(
            self._folder / "c", self.broker, name=name, url=self._database.url, tables={"broker": address}
        )

    async def stop(self) -> None:
        """End every process, whatever state it is in."""
        # Whatever is just being started is to be ended as well.
        await asyncio.gather(*self._blows, return_exceptions=True)
        for handset in self.handsets:
            handset.kill()
        for collector in self.collectors.values():
            collector.kill()
        await self.proxy.stop()
        self.broker.kill()
        self._engine.dispose()

    # --- the storm ----------------------------------------------------------------------------------------------------

    async def endure(self, steps: Sequence[Step]) -> None:
        """Let everything befall that is to befall, and look at the database all the while."""
        self.proxy.faults = _ROUGH
        sweeping = asyncio.create_task(self._sweep_for_ever())
        try:
            for number, step in enumerate(steps):
                await asyncio.sleep(step.pause_s)
                if number == len(steps) // 2:
                    self.handsets[-1].life.leave.touch()
                await self._strike(step)
                self._fail_where_a_blow_did()
                if sweeping.done():
                    break
            await asyncio.gather(*self._blows)
        finally:
            sweeping.cancel()
            await asyncio.wait({sweeping})
        if not sweeping.cancelled():
            sweeping.result()

    async def _strike(self, step: Step) -> None:
        """Do one blow to somebody who stands, beside all else; wait for somebody to stand up where nobody does."""
        if step.blow in _TO_HANDSETS:
            by_device = {handset.life.device: handset for handset in self.handsets}
            whom = await self._one_who_stands(sorted(by_device), step)
            work = self._kill_handset(by_device[whom], step)
        elif step.blow in {Blow.COLLECTOR_KILLED, Blow.COLLECTOR_FROZEN}:
            whom = await self._one_who_stands(_COLLECTORS, step)
            collector = self.collectors[whom]
            work = (_kill_collector if step.blow is Blow.COLLECTOR_KILLED else _freeze)(collector, step)
        elif step.blow is Blow.BROKER_KILLED:
            whom = await self._one_who_stands(["broker"], step)
            work = _kill_broker(self.broker, step)
        elif step.blow is Blow.DATABASE_AWAY:
            whom = await self._one_who_stands(["database"], step)
            work = self._database.go_away(step.lasts_s)
        else:
            await self._spoil_network(step)
            return
        self.counts[step.blow] += 1
        self._down.add(whom)
        self._blows.append(asyncio.create_task(self._until_up(whom, work)))

    async def _one_who_stands(self, names: Sequence[str], step: Step) -> str:
        while not (standing := [name for name in names if name not in self._down]):
            self._fail_where_a_blow_did()
            await asyncio.sleep(_LOOK_S)
        return standing[step.target % len(standing)]

    async def _until_up(self, whom: str, work: Coroutine[None, None, None]) -> None:
        await work
        self._down.discard(whom)

    async def _spoil_network(self, step: Step) -> None:
        while not (connected := sorted(self.proxy.names)):  # noqa: ASYNC110 - nothing tells of a connection
            await asyncio.sleep(_LOOK_S)
        name = connected[step.target % len(connected)]
        match step.blow:
            case Blow.ONE_CUT_OFF:
                self.proxy.cut(name)
            case Blow.ONE_SILENCED:
                self.proxy.silence(name)
            case _:
                self.proxy.cut()
        self.counts[step.blow] += 1

    def _fail_where_a_blow_did(self) -> None:
        """Raise what kept something from being started again."""
        for blow in self._blows:
            if blow.done():
                blow.result()

    async def _kill_handset(self, handset: FleetHandset, step: Step) -> None:
        handset.check()
        await asyncio.to_thread(_TO_HANDSETS[step.blow], handset)
        await asyncio.sleep(step.lasts_s)
        await asyncio.to_thread(handset.start)

    # --- peace and judgement ------------------------------------------------------------------------------------------

    async def make_peace(self, timeout_s: float) -> None:
        """Let everything work, every holder rest, and wait until nothing is on its way any more."""
        self.proxy.faults = NONE
        # What the broker holds for a collector it sends again at once to one that comes anew.
        self.proxy.cut()
        for handset in self.handsets:
            handset.life.calm.touch()
        anew_at_s = 0.0
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + timeout_s
        while unrest := await self._unrest():
            if loop.time() > ends_at_s:
                raise AssertionError(f"There is no rest within {timeout_s:.0f} s: {unrest}")
            if loop.time() > anew_at_s:
                anew_at_s = loop.time() + _UNTIL_STARTED_ANEW_S
                for handset in self.handsets:
                    handset.check()
                    if handset.life.leave.exists() and not handset.history.is_gone:
                        await asyncio.to_thread(handset.kill_handset)
                        await asyncio.to_thread(handset.start)
                await self.sweep()
            await asyncio.sleep(_LOOK_S)

    async def judge(self) -> list[str]:
        """Return everything that is wrong; the handsets end, and show what they have."""
        for handset in self.handsets:
            handset.kill()
        histories = self._histories()
        receipts = {
            handset.life.device: await _receipts(handset.life) if not handset.history.is_gone else Receipts()
            for handset in self.handsets
        }
        rows = await asyncio.to_thread(self._rows)
        left = [
            f"{device}: {count} row(s) of {table} are there, and all of this handset was to be erased"
            for device, history in histories.items()
            if history.is_gone
            for table, count in (await asyncio.to_thread(self._left_of, device)).items()
            if count
        ]
        self.counts["calls"] = sum(len(history.fates) for history in histories.values())
        self.counts["records confirmed to be there"] = sum(len(each.kept) for each in histories.values())
        self.counts["records at the end"] = len(rows)
        self.counts["records confirmed to be erased"] = sum(len(each.confirmed) for each in histories.values())
        self.counts["starts of a handset"] = sum(history.starts for history in histories.values())
        return [*self.complaints, *left, *wrong_at_the_end(histories, rows, receipts)]

    async def sweep(self) -> None:
        """Look once whether anything is in the database that must not be there any more."""
        histories = self._histories()
        promised = promises(histories)
        try:
            rows = await asyncio.to_thread(self._rows)
        except SQLAlchemyError:
            # It is away now.
            self.counts["sweeps in vain"] += 1
            return
        self.counts["sweeps"] += 1
        self.complaints += broken(promised, rows)
        self.complaints += missing(promised, rows, self._histories())

    def _histories(self) -> dict[str, History]:
        """Return what the diaries say by now, by device."""
        for handset in self.handsets:
            handset.history.read_on()
        return {handset.life.device: handset.history for handset in self.handsets}

    async def _sweep_for_ever(self) -> None:
        while not self.complaints:
            await self.sweep()
            await asyncio.sleep(_SWEEP_S)

    async def _unrest(self) -> str:
        """Say what is still on its way, nothing where nothing is."""
        restless = [device for device, history in self._histories().items() if not history.is_quiet]
        if restless:
            return f"{restless} are not quiet"
        if self.proxy.unanswered:
            return f"{self.proxy.unanswered} message(s) are not acknowledged"
        try:
            told = await asyncio.to_thread(self._ledgers)
        except SQLAlchemyError as error:
            return f"the database does not answer ({type(error).__name__})"
        kept = {
            handset.life.device: handset.history.ledger_entries
            for handset in self.handsets
            if not handset.history.is_gone
        }
        return "" if told == kept else f"of ledgers as long as {kept} the database has {told}"

    def _ledgers(self) -> dict[str, int]:
        """Return how long the ledger of each handset is, as far as the collectors know."""
        columns = (consents.c.device, consents.c.ledger_entries)
        with self._engine.connect() as connection:
            return {row.device: row.ledger_entries for row in connection.execute(select(*columns))}

    def _rows(self) -> list[Row]:
        columns = (calls.c.device, calls.c.epoch, calls.c.seq, calls.c.id)
        with self._engine.connect() as connection:
            return [Row(*row) for row in connection.execute(select(*columns).where(calls.c.fleet == FLEET))]

    def _left_of(self, device: str) -> dict[str, int]:
        with self._engine.connect() as connection:
            return {
                table.name: connection.execute(
                    select(func.count()).select_from(table).where(table.c.device == device)
                ).scalar_one()
                for table in _OF_A_DEVICE
            }


async def _kill_broker(broker: FleetBroker, step: Step) -> None:
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(step.lasts_s)
    await asyncio.to_thread(broker.start)


async def _kill_collector(collector: CollectorProcess, step: Step) -> None:
    await asyncio.to_thread(collector.kill)
    await asyncio.sleep(step.lasts_s)
    # The broker's word on its subscriptions comes behind all that waits, and one packet of a hundred ends a connection.
    await asyncio.to_thread(collector.start, until="Collecting.")


async def _freeze(collector: CollectorProcess, step: Step) -> None:
    pid = collector.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        # Long enough for the other one to be given what this one holds.
        await asyncio.sleep(2 * step.lasts_s)
    finally:
        os.kill(pid, signal.SIGCONT)


async def _receipts(life: Life) -> Receipts:
    """Read what a handset that does not run can show."""

    def read(database: Database) -> Receipts:
        def keys(where: str) -> frozenset[tuple[int, int]]:
            rows = database.query(f"SELECT epoch, seq FROM shares WHERE {where}")
            return frozenset((epoch, seq) for epoch, seq in rows)

        return Receipts(
            living=keys("topic = 'cdr' AND erased_seq IS NULL AND collector_at IS NOT NULL"),
            unconfirmed=keys("topic IN ('cdr', 'erasure') AND erased_seq IS NULL AND collector_at IS NULL"),
            notices=keys("topic = 'erasure'"),
        )

    lab = life.store()
    await lab.start()
    try:
        receipts = await lab.store.run(read)
        entries = await lab.consents.entries()
    finally:
        await lab.stop()
    erased = [entry.about.split("-") for entry in entries if entry.action is LedgerAction.RECIPIENT_ERASED]
    return Receipts(
        receipts.living,
        receipts.unconfirmed,
        receipts.notices,
        frozenset((int(epoch), int(seq)) for epoch, seq in erased),
    )
