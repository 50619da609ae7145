"""A handset killed at every step of handing over, acknowledging and erasing, and what the world then knows of it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from contract.consent import Purpose
from contract.downlink import DownTopic
from contract.messages import ErasureReason, Topic
from firmware.phone.call import CallId
from firmware.ports.outbox import OutboxKey
from firmware.privacy.consent import LedgerAction
from firmware.privacy.egress.border import Border
from firmware.services.operator.inbound import Inbound
from firmware.store.outbox import Recipient
from tests.lab import kills
from tests.lab.store import RECIPIENT, StoreLab

COLLECTED = replace(RECIPIENT, confirms=True)
ABROAD = replace(RECIPIENT, border=Border(crossed=True))
kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]


# --- in the process that is killed ------------------------------------------------------------------------------------


def diary(folder: Path, *words: object) -> None:
    """Write down what the world outside the handset knows."""
    with (folder / "diary").open("a") as file:
        file.write(json.dumps(words) + "\n")


async def carry(folder: Path, lab: StoreLab, *, acknowledged: bool = True) -> None:
    """Be the sync process, the broker and, where one is awaited, the collector."""
    while batch := await lab.outbox.next_batch(3):
        keys = [message.key for message in batch]
        diary(folder, "handing", *((key.epoch, key.seq) for key in keys))
        leaving = await lab.outbox.hand_over(keys)
        for message in batch:
            if message.key in leaving:
                diary(folder, "published", message.topic, json.dumps(dict(message.payload)))
        if not acknowledged:
            return
        await lab.outbox.complete(sorted(leaving))
        if lab.recipient.confirms:
            ranges = [{"epoch": key.epoch, "first": key.seq, "last": key.seq} for key in keys]
            ack = json.dumps({"collector": "collector-1", "messages": ranges}).encode()
            await Inbound(lab.outbox, lab.consents, {}, lambda: 0.0).take(DownTopic.ACK, ack)


async def call(folder: Path, lab: StoreLab) -> CallId:
    call_id = await lab.make_call()
    diary(folder, "over", call_id)
    return call_id


async def delete(folder: Path, lab: StoreLab, call_id: CallId) -> None:
    diary(folder, "deleting", call_id)
    await lab.call_log.delete(call_id)
    diary(folder, "deleted", call_id)


async def live(folder: Path, recipient: Recipient) -> None:
    lab = StoreLab(folder, recipient=recipient)
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.CROSS_BORDER_CDR)
    arrived = [await call(folder, lab) for _ in range(3)]
    await carry(folder, lab)
    on_its_way = await call(folder, lab)
    await carry(folder, lab, acknowledged=False)
    never_left = await call(folder, lab)
    await delete(folder, lab, arrived[1])
    await delete(folder, lab, on_its_way)
    await delete(folder, lab, never_left)
    await carry(folder, lab)
    await lab.consents.withdraw(Purpose.CROSS_BORDER_CDR)
    diary(folder, "numbers withdrawn")
    await carry(folder, lab, acknowledged=False)
    await lab.consents.withdraw(Purpose.CDR_SYNC)
    diary(folder, "withdrawn")
    await carry(folder, lab)
    await lab.stop()


async def cancel(folder: Path, recipient: Recipient) -> None:
    lab = StoreLab(folder, recipient=recipient)
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await call(folder, lab)
    await carry(folder, lab)
    await lab.store.transact(lambda database: lab.outbox.queue_erasure(database, ErasureReason.CANCELLED))
    diary(folder, "cancelled")
    await carry(folder, lab)
    await lab.stop()


def live_by_puback(folder: Path) -> None:
    asyncio.run(live(folder, RECIPIENT))


def live_by_ack(folder: Path) -> None:
    asyncio.run(live(folder, COLLECTED))


def live_across_a_border(folder: Path) -> None:
    asyncio.run(live(folder, ABROAD))


def cancel_by_puback(folder: Path) -> None:
    asyncio.run(cancel(folder, RECIPIENT))


# --- what the test makes of it ----------------------------------------------------------------------------------------


@dataclass
class World:
    """What everybody outside knows once the next handset has sent all that waited."""

    over: set[str] = field(default_factory=set)
    deleting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    handing: set[OutboxKey] = field(default_factory=set)
    withdrawn: bool = False
    cancelled: bool = False
    records: dict[OutboxKey, dict[str, Any]] = field(default_factory=dict)
    notices: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[OutboxKey, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "World":
        world = cls()
        for line in (folder / "diary").read_text().splitlines() if (folder / "diary").exists() else ():
            world.hear(*json.loads(line))
        return world

    def hear(self, what: str, *about: Any) -> None:
        match what, *about:
            case "over", call_id:
                self.over.add(call_id)
            case "deleting", call_id:
                self.deleting.add(call_id)
            case "deleted", call_id:
                self.deleted.add(call_id)
            case "handing", *keys:
                self.handing |= {OutboxKey(*key) for key in keys}
            case "withdrawn", *_:
                self.withdrawn = True
            case "cancelled", *_:
                self.cancelled = True
            case "published", topic, text:
                self.publish(Topic(topic), text)

    def publish(self, topic: Topic, text: str) -> None:
        payload = json.loads(text)
        key = OutboxKey(payload["epoch"], payload["seq"])
        assert self.texts.setdefault(key, text) == text, "a repeat differs, or a number was given out twice"
        if topic is Topic.CDR:
            self.records[key] = payload
        elif topic is Topic.ERASURE and payload not in self.notices:
            self.notices.append(payload)

    @property
    def erased(self) -> set[OutboxKey]:
        """The records that recipients were told to delete."""
        return {
            key
            for key in self.handing
            if any(
                notice["cancelled"]
                or any(
                    each["epoch"] == key.epoch and each["first"] <= key.seq <= each["last"]
                    for each in notice["records"]
                )
                for notice in self.notices
            )
        }


async def settle(folder: Path, recipient: Recipient) -> tuple[set[str], bool, bool]:
    """Start as the next handset would and send all that waits; return the calls in its log and what is granted."""
    lab = StoreLab(folder, recipient=recipient)
    await lab.start()
    await lab.call_log.recover_interrupted()
    await lab.consents.announce()
    await carry(folder, lab)
    assert await lab.outbox.waiting() == 0
    log = {entry.call_id for entry in await lab.call_log.recent(100)}
    state = await lab.consents.state()
    assert state.intact
    shares = await lab.shares.listed(0, 1000)
    confirmed = {
        f"{share.key.epoch}-{share.key.seq}" for share in shares if share.topic is Topic.ERASURE and share.collector
    }
    entries = [entry for entry in await lab.consents.entries() if entry.action is LedgerAction.RECIPIENT_ERASED]
    assert [entry.about for entry in entries] == sorted(confirmed, key=lambda about: int(about.partition("-")[2]))
    await lab.stop()
    return set(log), state.granted(Purpose.CDR_SYNC), state.granted(Purpose.CROSS_BORDER_CDR)


def killed_at_statements(memory: Path, scenario: Callable[[Path], None]) -> Iterator[kills.Cut]:
    """Give what a scenario leaves behind that begins with nothing."""
    whole = memory / "whole"
    whole.mkdir()
    return kills.cuts(whole, scenario, kills.at_statement, one_in=12)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("scenario", "recipient", "fewest"),
    [(live_by_puback, RECIPIENT, 150), (live_by_ack, COLLECTED, 150), (live_across_a_border, ABROAD, 150)],
)
def test_whatever_the_step_nothing_that_left_is_forgotten_and_nothing_that_did_not_is_spoken_of(
    memory: Path, scenario: Callable[[Path], None], recipient: Recipient, fewest: int
) -> None:
    told = last = 0
    for cut in killed_at_statements(memory, scenario):
        log, may_report, may_cross = asyncio.run(settle(cut.folder, recipient))
        world = World.of(cut.folder)
        assert world.deleted.isdisjoint(log), "a deletion was undone"
        assert world.over - log <= world.deleting, "a call is lost"
        gone = {key for key, record in world.records.items() if not may_report or record["id"] not in log}
        in_clear = {
            key
            for key, record in world.records.items()
            if recipient.border.crossed and not may_cross and not record["number"].startswith("p:")
        }
        assert gone | in_clear <= world.erased, "recipients were not told to delete what the holder took back"
        assert not (world.erased & set(world.records)) - gone - in_clear, "recipients were told to delete what stays"
        for notice in world.notices:
            assert world.handing & keys_in(notice), "a notice speaks of what never left"
        living = [record["id"] for key, record in world.records.items() if key not in world.erased]
        assert len(living) == len(set(living)), "a call is there twice"
        if may_report:
            assert world.over & log <= set(living), "a call's record was lost"
        told += bool(world.notices)
        last = cut.step
    assert told
    assert last > fewest


def keys_in(notice: dict[str, Any]) -> set[OutboxKey]:
    return {
        OutboxKey(each["epoch"], seq) for each in notice["records"] for seq in range(each["first"], each["last"] + 1)
    }


@pytest.mark.timeout(200)
def test_a_cancellation_is_whole_or_not_begun_at_every_step(memory: Path) -> None:
    seen = set()
    for cut in killed_at_statements(memory, cancel_by_puback):
        asyncio.run(settle(cut.folder, RECIPIENT))
        world = World.of(cut.folder)
        notices = [notice for notice in world.notices if notice["cancelled"]]
        assert len(notices) <= 1
        assert notices or not world.cancelled, "a cancellation was lost"
        seen.add(bool(notices))
    assert kills.all_met(seen, {True, False})
