"""Giving the phone back: what is written in which order, and what is left to be said."""

import asyncio
import json
from pathlib import Path

import pytest

from contract.consent import Actor, Channel, Purpose
from contract.downlink import DownTopic
from firmware.base.errors import ControlError
from firmware.configuration.loading import is_cancelled, load
from firmware.phone.my_data import DataCategory
from firmware.ports.broker import BrokerSettings
from firmware.ports.outbox import OutboxMessage
from firmware.services.account.factory_reset import finish_reset
from firmware.services.account.outbox import CancellationOutbox
from firmware.services.account.steps import AccountCancellation, go_on, resume_reset
from firmware.services.account.tombstone import TOMBSTONE_NAME
from firmware.store.shares import forget_settled
from provisioning.parsing import parse_configuration
from tests.lab.patience import PATIENCE_S
from tests.lab.store import StoreLab

TEXT = """
version = 1
[device]
id = "handset-7"
fleet = "lab"
[[accounts]]
username = "planted-201"
domain = "sip.example.org"
[sync]
host = "broker.example.org"
complete = "{complete}"
"""
NEXT = BrokerSettings(device="handset-8", fleet="lab", host="other.example.org", port=8883)


@pytest.fixture
async def lab(lab: StoreLab) -> StoreLab:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call()
    return lab


async def hand_over(lab: StoreLab) -> None:
    batch = await lab.outbox.next_batch(9)
    await lab.outbox.hand_over([message.key for message in batch])


async def carry_from(lab: StoreLab) -> None:
    batch = await lab.outbox.next_batch(9)
    await lab.outbox.hand_over([message.key for message in batch])
    await lab.outbox.complete([message.key for message in batch])


async def cancel(lab: StoreLab, tmp_path: Path, complete: str = "puback") -> str:
    text = TEXT.format(complete=complete)
    stored = AccountCancellation(lab.store, lab.outbox, lab.consents)
    await stored.begin(Actor.HOLDER, Channel.KEYPAD)
    assert await stored.is_begun()
    await go_on(stored, tmp_path, parse_configuration(text), text)
    return text


def left_behind(tmp_path: Path) -> CancellationOutbox:
    return CancellationOutbox(tmp_path, None, None, lambda: NEXT)


async def carry(cancellation: CancellationOutbox) -> list[OutboxMessage]:
    batch = list(await cancellation.next_batch(9))
    await cancellation.hand_over([message.key for message in batch])
    await cancellation.complete([message.key for message in batch])
    return batch


async def test_what_is_left_says_that_the_holder_has_gone_and_clears_what_the_broker_keeps(
    lab: StoreLab, tmp_path: Path
) -> None:
    await hand_over(lab)
    await cancel(lab, tmp_path)
    cancellation = left_behind(tmp_path)
    settings = cancellation.settings()
    assert settings is not None
    assert (settings.device, settings.host, settings.departing) == ("handset-7", "broker.example.org", True)
    notice, clearing = await carry(cancellation)
    assert (notice.topic, notice.payload["cancelled"], notice.payload["reason"]) == ("erasure", True, "cancelled")
    assert (clearing.topic, clearing.retain, clearing.payload) == ("consent", True, {})
    assert not cancellation.waits
    assert not (tmp_path / TOMBSTONE_NAME).exists()
    with pytest.raises(ControlError):
        cancellation.settings()
    assert cancellation.settings() is NEXT


async def test_where_a_collector_confirms_its_word_is_awaited(lab: StoreLab, tmp_path: Path) -> None:
    await hand_over(lab)
    await cancel(lab, tmp_path, "ack")
    cancellation = left_behind(tmp_path)
    notice, _ = await carry(cancellation)
    assert cancellation.waits
    assert await cancellation.next_batch(9) == [], "the broker has it"
    about = {"epoch": notice.key.epoch, "first": notice.key.seq, "last": notice.key.seq}
    await cancellation.take(DownTopic.ACK, b"not an acknowledgement")
    await cancellation.take(DownTopic.ACK, json.dumps({"collector": "c", "messages": [about | {"epoch": 1}]}).encode())
    assert cancellation.waits
    await cancellation.take(DownTopic.ACK, json.dumps({"collector": "c", "messages": [about]}).encode())
    assert not cancellation.waits


async def test_what_no_collector_confirms_leaves_again_ever_more_rarely_and_after_each_start(
    lab: StoreLab, tmp_path: Path
) -> None:
    await hand_over(lab)
    await cancel(lab, tmp_path, "ack")
    cancellation = CancellationOutbox(tmp_path, None, None, lambda: NEXT, monotonic=lambda: lab.monotonic_s)
    notice, _ = await carry(cancellation)
    for wait_s in (15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600):
        lab.pass_time(wait_s - 1)
        assert not await carry(cancellation)
        lab.pass_time(1)
        assert await carry(cancellation) == [notice]
    assert await carry(left_behind(tmp_path)) == [notice]


async def test_whoever_waits_hears_when_something_leaves_again(lab: StoreLab, tmp_path: Path) -> None:
    await hand_over(lab)
    await cancel(lab, tmp_path, "ack")
    at_s = [0.0]
    cancellation = CancellationOutbox(tmp_path, None, None, lambda: NEXT, monotonic=lambda: at_s[0])
    notice, _ = await carry(cancellation)
    at_s[0] = 14.99
    waiting = asyncio.create_task(cancellation.wait_for_due(3600))
    await asyncio.sleep(0)
    at_s[0] = 15
    async with asyncio.timeout(PATIENCE_S):
        assert await waiting
    assert await carry(cancellation) == [notice]


async def test_whoever_waits_for_the_last_holders_words_hears_nothing_of_the_next_ones(
    lab: StoreLab, tmp_path: Path
) -> None:
    await hand_over(lab)
    await cancel(lab, tmp_path, "ack")
    # The same store stands for the next holder's: it has messages.
    cancellation = CancellationOutbox(tmp_path, lab.outbox, None, lambda: NEXT)
    notice, _ = await carry(cancellation)
    waiting = asyncio.create_task(cancellation.wait_for_due(3600))
    await asyncio.sleep(0)
    about = {"epoch": notice.key.epoch, "first": notice.key.seq, "last": notice.key.seq}
    await cancellation.take(DownTopic.ACK, json.dumps({"collector": "c", "messages": [about]}).encode())
    async with asyncio.timeout(PATIENCE_S):
        assert not await waiting
    assert await cancellation.next_batch(1), "it would have been told of these"


async def test_what_the_broker_keeps_is_cleared_also_where_the_list_of_who_got_what_was_erased(
    lab: StoreLab, tmp_path: Path
) -> None:
    await lab.call_log.clear()
    await carry_from(lab)
    await lab.erasure.erase([DataCategory.SHARES], actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await carry_from(lab)
    await lab.store.transact(lambda database: forget_settled(database, 1000))
    await cancel(lab, tmp_path)
    assert [message.topic for message in await left_behind(tmp_path).next_batch(9)] == ["erasure", "consent"]


async def test_where_nothing_ever_left_nothing_is_said(lab: StoreLab, tmp_path: Path) -> None:
    await cancel(lab, tmp_path)
    assert not left_behind(tmp_path).waits


async def test_the_tombstone_holds_nothing_of_the_holder_but_what_the_broker_knows_the_handset_by(
    lab: StoreLab, tmp_path: Path
) -> None:
    await hand_over(lab)
    await cancel(lab, tmp_path)
    content = (tmp_path / TOMBSTONE_NAME).read_text()
    assert set(json.loads(content)) == {
        "device", "fleet", "sync", "credential", "partings", "written_at", "ran_s"
    }  # fmt: skip
    for canary in ("+861012345678", "planted-201", "sip.example.org"):
        assert canary not in content
    assert (tmp_path / TOMBSTONE_NAME).stat().st_mode & 0o777 == 0o600


async def test_a_cancelled_phone_waits_for_another_configuration(lab: StoreLab, tmp_path: Path) -> None:
    text = await cancel(lab, tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(text)
    loaded = load(path, tmp_path)
    assert loaded.configuration is None
    assert loaded.cancelled
    assert "cancelled" in loaded.mistakes[0]
    path.write_text(text + "# a new holder\n")
    assert load(path, tmp_path).configuration is not None


async def test_the_reset_that_belongs_to_it_is_begun_where_a_power_cut_came_before(
    lab: StoreLab, tmp_path: Path
) -> None:
    text = await cancel(lab, tmp_path)
    await lab.stop()
    (tmp_path / "factory-reset").unlink()
    assert is_cancelled(tmp_path, text)
    resume_reset(tmp_path)
    assert finish_reset(tmp_path, {})
    assert not lab.path.exists()
    resume_reset(tmp_path)
    assert not finish_reset(tmp_path, {}), "there is nothing left to erase"
