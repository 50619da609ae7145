"""A collector behind the broker, whose word completes records and erasures: with a real broker."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from contract.messages import Topic
from firmware.ports.outbox import OutboxKey
from firmware.privacy.consent import LedgerAction
from firmware.services.operator.inbound import Inbound
from tests.lab.mosquitto import Operator, Received
from tests.lab.store import RECIPIENT
from tests.lab.sync_site import PREFIX, SyncSite, records_in


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SyncSite]:
    async with SyncSite(tmp_path, replace(RECIPIENT, confirms=True)) as site:
        await site.stop_handset()
        await site.start_handset(inbound=Inbound(site.store.outbox, site.store.consents, {}, time.monotonic))
        await site.grant()
        await site.start_sync()
        yield site


async def confirm(site: SyncSite, keys: Sequence[OutboxKey]) -> None:
    messages = [{"epoch": key.epoch, "first": key.seq, "last": key.seq} for key in keys]

    def send() -> None:
        with Operator(site.broker) as operator:
            operator.send(f"{PREFIX}/ack", json.dumps({"collector": "collector-1", "messages": messages}).encode())

    await asyncio.to_thread(send)


def erasures(received: list[Received]) -> list[OutboxKey]:
    notices = [message.document for message in received if message.topic == f"{PREFIX}/erasure"]
    return [OutboxKey(notice["epoch"], notice["seq"]) for notice in notices]


async def test_records_and_erasures_wait_for_the_collector_and_the_holder_sees_who_confirmed(site: SyncSite) -> None:
    call_id = await site.store.make_call()
    await site.wait_for(lambda received: call_id in {record["id"] for record in records_in(received)})
    [record] = records_in(site.observer.received)
    key = OutboxKey(record["epoch"], record["seq"])
    await confirm(site, [key])
    await site.wait_until_empty()
    await site.store.call_log.delete(call_id)
    await site.wait_for(lambda received: bool(erasures(received)))
    [notice] = set(erasures(site.observer.received))
    assert await site.store.outbox.waiting() == 1
    await confirm(site, [notice])
    await site.wait_until_empty()
    shares = {share.key: share for share in await site.store.shares.listed(0, 100)}
    assert (shares[key].topic, shares[key].erased_by) == (Topic.CDR, notice)
    assert (shares[key].collector, shares[notice].collector) == ("collector-1", "collector-1")
    entries = await site.store.consents.entries()
    assert [entry.about for entry in entries if entry.action is LedgerAction.RECIPIENT_ERASED] == [
        f"{notice.epoch}-{notice.seq}"
    ]


async def test_a_record_that_nobody_confirmed_leaves_again_after_a_restart_and_is_the_same(site: SyncSite) -> None:
    call_id = await site.store.make_call()
    await site.wait_for(lambda received: call_id in {record["id"] for record in records_in(received)})
    site.sync.kill()
    await site.stop_handset()
    await site.store.restart()
    await site.start_handset()
    await site.start_sync()
    await site.wait_for(lambda received: len(records_in(received)) == 2)
    first, again = records_in(site.observer.received)
    assert first == again
