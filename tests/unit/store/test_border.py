"""Numbers of calls that are reported to another region."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.calls import DisconnectReason
from contract.consent import Channel, Purpose
from contract.messages import ErasureReason, Topic
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord
from firmware.ports.outbox import OutboxKey
from firmware.privacy.egress.border import Border
from firmware.store.shares import Scope
from tests.lab.store import RECIPIENT, StoreLab

ABROAD = dataclasses.replace(RECIPIENT, border=Border(crossed=True))
NUMBER = "+861012345678"


@pytest.fixture
async def abroad(tmp_path: Path) -> AsyncIterator[StoreLab]:
    """The broker stands in another region; records may go there, numbers as they are may not."""
    lab = StoreLab(tmp_path, recipient=ABROAD)
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await deliver(lab)
    yield lab
    await lab.stop()


async def deliver(lab: StoreLab, *, acknowledged: bool = True) -> list[dict[str, Any]]:
    batch = await lab.outbox.next_batch(1000)
    leaving = await lab.outbox.hand_over([message.key for message in batch])
    if acknowledged:
        await lab.outbox.complete(sorted(leaving))
    return [dict(message.payload) for message in batch if message.key in leaving]


async def waiting(lab: StoreLab, topic: Topic = Topic.CDR) -> list[dict[str, Any]]:
    return [dict(message.payload) for message in await lab.outbox.next_batch(1000) if message.topic == topic]


async def numbers(lab: StoreLab) -> list[str]:
    return [record["number"] for record in await waiting(lab)]


def key_of(message: dict[str, Any]) -> OutboxKey:
    return OutboxKey(message["epoch"], message["seq"])


async def test_a_party_keeps_its_pseudonym_through_calls_and_restarts(abroad: StoreLab) -> None:
    await abroad.make_call(NUMBER)
    await abroad.restart()
    await abroad.make_call("01012345678")
    await abroad.make_call("+861012345679")
    first, again, other = await numbers(abroad)
    assert first == again != other
    assert first.startswith("p:")


async def test_another_handset_makes_other_pseudonyms(abroad: StoreLab, tmp_path: Path) -> None:
    await abroad.make_call(NUMBER)
    other = StoreLab(tmp_path / "other", recipient=ABROAD)
    await other.start()
    await other.consents.grant(Purpose.CDR_SYNC)
    await other.make_call(NUMBER)
    assert set(await numbers(other)).isdisjoint(await numbers(abroad))
    await other.stop()


async def test_the_call_log_keeps_the_number_and_only_the_record_has_the_pseudonym(abroad: StoreLab) -> None:
    await abroad.make_call(NUMBER)
    assert [entry.number for entry in await abroad.call_log.recent(1)] == [NUMBER]


async def test_calls_begun_after_the_grant_cross_as_they_are(abroad: StoreLab) -> None:
    going_on = await abroad.open_call(NUMBER)
    await abroad.consents.grant(Purpose.CROSS_BORDER_CDR)
    await abroad.call_log.close_record(CloseCallRecord(going_on, DisconnectReason.REMOTE_HANGUP, 200))
    await abroad.make_call(NUMBER)
    begun_before, begun_after = await numbers(abroad)
    assert begun_before.startswith("p:")
    assert begun_after == NUMBER


async def test_withdrawal_makes_what_waits_anew_and_says_nothing_where_nothing_left(abroad: StoreLab) -> None:
    await abroad.consents.grant(Purpose.CROSS_BORDER_CDR)
    call_id = await abroad.make_call(NUMBER)
    [before] = await waiting(abroad)
    await abroad.consents.withdraw(Purpose.CROSS_BORDER_CDR)
    [after] = await waiting(abroad)
    assert (after["id"], after["number"][:2]) == (call_id, "p:")
    assert key_of(after) != key_of(before)
    assert await waiting(abroad, Topic.ERASURE) == []


@pytest.mark.parametrize("acknowledged", [True, False])
async def test_withdrawal_takes_back_numbers_that_crossed_and_sends_their_pseudonyms(
    abroad: StoreLab, acknowledged: bool
) -> None:
    await abroad.consents.grant(Purpose.CROSS_BORDER_CDR)
    call_id = await abroad.make_call(NUMBER)
    *_, left = await deliver(abroad, acknowledged=acknowledged)
    await abroad.consents.withdraw(Purpose.CROSS_BORDER_CDR)
    [notice] = await waiting(abroad, Topic.ERASURE)
    assert notice["records"] == [{"epoch": left["epoch"], "first": left["seq"], "last": left["seq"]}]
    [again] = await waiting(abroad)
    assert (again["id"], again["number"][:2]) == (call_id, "p:")
    assert again["seq"] > notice["seq"]


async def test_a_yes_that_lapsed_holds_numbers_back_and_takes_none_back(abroad: StoreLab) -> None:
    await abroad.consents.grant(Purpose.CROSS_BORDER_CDR)
    await abroad.make_call(NUMBER)
    await deliver(abroad)
    await abroad.make_call(NUMBER)
    await abroad.lapse([Purpose.CROSS_BORDER_CDR], Channel.NETWORK)
    [number] = await numbers(abroad)
    assert number.startswith("p:")
    assert await waiting(abroad, Topic.ERASURE) == []


async def test_pseudonyms_that_left_stay_where_they_are_when_consent_to_numbers_is_withdrawn(
    abroad: StoreLab,
) -> None:
    await abroad.make_call(NUMBER)
    await deliver(abroad)
    await abroad.consents.grant(Purpose.CROSS_BORDER_CDR)
    await abroad.consents.withdraw(Purpose.CROSS_BORDER_CDR)
    assert await waiting(abroad, Topic.ERASURE) == []
    assert await waiting(abroad) == []


async def test_withdrawal_of_all_reports_takes_pseudonyms_back_too(abroad: StoreLab) -> None:
    await abroad.make_call(NUMBER)
    await deliver(abroad)
    await abroad.consents.withdraw(Purpose.CDR_SYNC)
    assert len(await waiting(abroad, Topic.ERASURE)) == 1


@pytest.mark.parametrize("reason", [ErasureReason.ERASED, ErasureReason.RETENTION_ENDED])
async def test_an_erasure_parts_the_past_from_what_comes(abroad: StoreLab, reason: ErasureReason) -> None:
    await abroad.make_call(NUMBER)
    before = await numbers(abroad)
    await deliver(abroad)
    await abroad.store.transact(lambda database: abroad.outbox.queue_erasure(database, reason, Scope.ALL_RECORDS))
    await abroad.make_call(NUMBER)
    # What ends by itself is erased all the time, and no reason to become somebody else each day.
    assert (await numbers(abroad) == before) is (reason is ErasureReason.RETENTION_ENDED)


async def test_a_border_that_has_moved_between_runs_holds_back_what_waits(abroad: StoreLab) -> None:
    abroad.recipient = RECIPIENT
    await abroad.restart()
    waits = await abroad.make_call(NUMBER)
    abroad.recipient = ABROAD
    await abroad.restart()
    assert await waiting(abroad) == [], "it left before anybody looked at the border"
    await abroad.consents.announce()
    [record] = await waiting(abroad)
    assert (CallId(record["id"]), record["number"][:2]) == (waits, "p:")


async def test_a_damaged_ledger_lets_no_number_cross(abroad: StoreLab) -> None:
    await abroad.consents.grant(Purpose.CROSS_BORDER_CDR)
    await abroad.make_call(NUMBER)
    await abroad.store.transact(lambda database: database.execute("UPDATE consent_head SET hash = ?", "0" * 64))
    assert await waiting(abroad) == []
