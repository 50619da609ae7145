"""What the operator's messages do to a store that is real."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import DecodeError

from contract.consent import Purpose
from contract.downlink import AckMessage, DownTopic
from contract.messages import Topic
from contract.results import OutcomeCode
from firmware.base.errors import StorageError
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.ports.outbox import OutboxKey
from firmware.privacy.consent import LedgerAction
from firmware.services.operator.inbound import BrokerMemory, Inbound, InboundBusyError
from firmware.store.outbox import Recipient
from tests.lab.store import RECIPIENT, StoreLab

CONNECTING, CONNECTED = BrokerState.CONNECTING, BrokerState.CONNECTED
UNREACHABLE, REFUSED = BrokerState.UNREACHABLE, BrokerState.REFUSED


class PolicyTaker:
    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.outcome = OutcomeCode.TAKEN
        self.failure: StorageError | None = None

    async def take(self, document: bytes) -> OutcomeCode:
        if self.failure is not None:
            raise self.failure
        self.taken.append(document)
        return self.outcome


class InboundLab(StoreLab):
    """A store whose records a collector completes, and what comes in to it."""

    def make_parts(self) -> None:
        super().make_parts()
        self.policies = PolicyTaker()
        self.inbound = Inbound(self.outbox, self.consents, {DownTopic.POLICY: self.policies}, lambda: self.monotonic_s)

    async def deliver(self) -> list[OutboxKey]:
        """Have the broker acknowledge what waits."""
        keys = [message.key for message in await self.outbox.next_batch(1000)]
        await self.outbox.hand_over(keys)
        await self.outbox.complete(keys)
        return keys

    async def outcomes(self) -> list[tuple[str, str]]:
        return [
            (str(message.payload["message"]), str(message.payload["code"]))
            for message in await self.outbox.next_batch(1000)
            if message.topic == Topic.OUTCOME
        ]

    async def confirm(self, *keys: OutboxKey, **changes: Any) -> None:
        messages = [{"epoch": key.epoch, "first": key.seq, "last": key.seq} for key in keys]
        ack = {"collector": "collector-1", "messages": messages, **changes}
        await self.inbound.take(DownTopic.ACK, json.dumps(ack).encode())


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[InboundLab]:
    lab = InboundLab(tmp_path, recipient=Recipient(RECIPIENT.device, RECIPIENT.name, confirms=True))
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.deliver()
    yield lab
    await lab.stop()


def digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


async def test_a_collectors_confirmation_completes_a_record(lab: InboundLab) -> None:
    await lab.make_call()
    [key] = await lab.deliver()
    await lab.confirm(key)
    assert await lab.outbox.waiting() == 0


async def test_that_a_recipient_has_erased_is_written_into_the_ledger_once(lab: InboundLab) -> None:
    call_id = await lab.make_call()
    await lab.deliver()
    await lab.call_log.delete(call_id)
    [notice] = await lab.deliver()
    await lab.confirm(notice)
    await lab.confirm(notice)
    entries = [entry for entry in await lab.consents.entries() if entry.action is LedgerAction.RECIPIENT_ERASED]
    assert [entry.about for entry in entries] == [f"{notice.epoch}-{notice.seq}"]


@pytest.mark.parametrize(
    "change",
    [
        {"collector": "Planted Name"},
        {"messages": []},
        {"messages": [{"epoch": 1, "first": 2, "last": 1}]},
        {"messages": [{"epoch": 1, "first": 1, "last": 1}] * 101},
        {"messages": "all"},
        {"note": "planted"},
    ],
    ids=lambda change: str(change)[:50],
)
async def test_a_confirmation_with_mistakes_does_nothing_and_is_not_quoted(
    lab: InboundLab, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await lab.make_call()
    [key] = await lab.deliver()
    await lab.confirm(key, **change)
    assert await lab.outbox.waiting() == 1
    assert "planted" not in caplog.text.lower()


@given(st.binary(max_size=300))
def test_whatever_comes_as_a_confirmation_is_one_or_is_refused(document: bytes) -> None:
    with pytest.raises(DecodeError):
        AckMessage.read(document)


async def test_the_operator_is_told_what_became_of_a_document_by_its_digest(lab: InboundLab) -> None:
    await lab.inbound.take(DownTopic.POLICY, b"signed")
    lab.policies.outcome = OutcomeCode.FORGED
    await lab.inbound.take(DownTopic.POLICY, b"forged")
    assert lab.policies.taken == [b"signed", b"forged"]
    assert await lab.outcomes() == [(digest(b"signed"), "taken"), (digest(b"forged"), "forged")]


async def test_a_retained_document_that_comes_again_is_known(lab: InboundLab) -> None:
    for _ in range(30):
        await lab.inbound.take(DownTopic.POLICY, b"signed")
    assert lab.policies.taken == [b"signed"]
    assert len(await lab.outcomes()) == 1


async def test_a_document_that_cannot_be_looked_at_now_is_brought_again(lab: InboundLab) -> None:
    lab.policies.failure = StorageError("The store is full.")
    with pytest.raises(StorageError):
        await lab.inbound.take(DownTopic.POLICY, b"signed")
    lab.policies.failure = None
    await lab.inbound.take(DownTopic.POLICY, b"signed")
    assert lab.policies.taken == [b"signed"]


@pytest.mark.parametrize("document", [(DownTopic.POLICY, b""), (DownTopic.NOTICE, b"nobody looks into it")])
async def test_nothing_is_said_of_what_is_cleared_or_has_no_reader(
    lab: InboundLab, document: tuple[DownTopic, bytes]
) -> None:
    await lab.inbound.take(*document)
    assert await lab.outcomes() == []


async def test_a_flood_of_documents_is_slowed_down_and_confirmations_are_not(lab: InboundLab) -> None:
    for number in range(10):
        await lab.inbound.take(DownTopic.POLICY, b"%d" % number)
    with pytest.raises(InboundBusyError):
        await lab.inbound.take(DownTopic.POLICY, b"one more")
    await lab.confirm(OutboxKey(1, 1))
    lab.pass_time(5)
    await lab.inbound.take(DownTopic.POLICY, b"one more")
    with pytest.raises(InboundBusyError):
        await lab.inbound.take(DownTopic.POLICY, b"and another")


async def test_a_flood_of_confirmations_is_slowed_down_too(lab: InboundLab) -> None:
    for _ in range(200):
        await lab.confirm(OutboxKey(1, 1))
    with pytest.raises(InboundBusyError):
        await lab.confirm(OutboxKey(1, 1))


@pytest.mark.parametrize(
    ("states", "announcements"),
    [
        ([CONNECTING, CONNECTED], 0),
        ([CONNECTING, UNREACHABLE, CONNECTED], 0),
        ([CONNECTING, CONNECTED, UNREACHABLE, CONNECTED], 1),
        ([CONNECTED, UNREACHABLE, UNREACHABLE, CONNECTED, CONNECTED], 1),
        ([CONNECTED, UNREACHABLE, CONNECTED, UNREACHABLE, CONNECTED], 2),
        # The sync process has begun anew, and whether the broker has as well it cannot say.
        ([CONNECTED, CONNECTING, CONNECTED], 1),
        # One message was not taken; the connection stood.
        ([CONNECTED, REFUSED, CONNECTED], 0),
    ],
)
async def test_a_broker_that_was_there_and_comes_back_is_told_again(
    states: list[BrokerState], announcements: int
) -> None:
    announced: list[None] = []
    told: list[tuple[BrokerState, BrokerProblem]] = []

    async def announce() -> None:
        announced.append(None)

    memory = BrokerMemory(announce, lambda *what: told.append(what))
    for state in states:
        memory.note(state, BrokerProblem.NONE)
        await asyncio.sleep(0)
    assert told == [(state, BrokerProblem.NONE) for state in states]
    assert len(announced) == announcements


async def test_a_store_that_fails_keeps_nobody_from_hearing_of_the_broker(caplog: pytest.LogCaptureFixture) -> None:
    async def announce() -> None:
        raise StorageError("The card is full.")

    told: list[BrokerState] = []
    memory = BrokerMemory(announce, lambda state, _problem: told.append(state))
    for state in (CONNECTED, UNREACHABLE, CONNECTED):
        memory.note(state, BrokerProblem.NONE)
    await asyncio.sleep(0)
    assert told == [CONNECTED, UNREACHABLE, CONNECTED]
    assert "The card is full." in caplog.text
