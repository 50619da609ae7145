import json
import logging
from typing import Any

import pytest

from contract.messages import CallDetailRecord, CdrMessage, ConsentMessage, Topic
from firmware.ports.outbox import OutboxKey, OutboxMessage
from firmware.sync.publications import Publication, pack

EPOCH = 5
PLENTY_BYTES = 128 * 1024


def record(seq: int, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"{seq:032x}",
        "device": "dev-1",
        "account": "a" * 32,
        "direction": "outgoing",
        "number": "+8613800138000",
        "started_at": "2026-03-01T10:00:00.000Z",
        "answered_at": None,
        "ended_at": "2026-03-01T10:00:30.000Z",
        "result": "no_answer",
        "sip_code": 480,
        "clock_quality": {"synced": True, "boot_id": "7cd135d5-022d-46ac-81ce-18d084236757"},
        "epoch": EPOCH,
        "seq": seq,
        **changed,
    }


def cdr(seq: int, **changed: Any) -> OutboxMessage:
    return OutboxMessage(OutboxKey(EPOCH, seq), "cdr", retain=False, payload=record(seq, **changed))


def consent(seq: int) -> OutboxMessage:
    payload = {
        "device": "dev-1",
        "purposes": [{"purpose": "cdr_sync", "granted": False, "since": None}],
        "policy_version": "2024-06-17",
        "ledger_entries": 0,
        "ledger_head": "0" * 64,
        "ledger_intact": True,
        "epoch": EPOCH,
        "seq": seq,
    }
    return OutboxMessage(OutboxKey(EPOCH, seq), "consent", retain=True, payload=payload)


def erasure(seq: int, **changed: Any) -> OutboxMessage:
    payload = {
        "device": "dev-1",
        "reason": "deleted",
        "cancelled": False,
        "records": [{"epoch": EPOCH, "first": 1, "last": 1}],
        "epoch": EPOCH,
        "seq": seq,
        **changed,
    }
    return OutboxMessage(OutboxKey(EPOCH, seq), "erasure", retain=False, payload=payload)


def outcome(seq: int, **changed: Any) -> OutboxMessage:
    payload = {"device": "dev-1", "message": "a" * 64, "code": "taken", "epoch": EPOCH, "seq": seq, **changed}
    return OutboxMessage(OutboxKey(EPOCH, seq), "outcome", retain=False, payload=payload)


def sequences(publications: list[Publication]) -> list[list[int]]:
    return [[key.seq for key in publication.keys] for publication in publications]


def test_records_that_follow_each_other_share_a_message() -> None:
    [publication] = pack([cdr(1), cdr(2), cdr(3)], "dev-1", PLENTY_BYTES)
    assert (publication.topic, publication.retain) == (Topic.CDR, False)
    assert [item.seq for item in CdrMessage.read(publication.payload).records] == [1, 2, 3]
    assert publication.keys == tuple(OutboxKey(EPOCH, seq) for seq in (1, 2, 3))


def test_the_order_of_the_outbox_is_kept() -> None:
    publications = pack([cdr(1), consent(2), cdr(3), consent(4)], "dev-1", PLENTY_BYTES)
    assert sequences(publications) == [[1], [2], [3], [4]]
    assert ConsentMessage.read(publications[1].payload).seq == 2
    assert publications[1].retain


def test_a_notice_that_tells_to_delete_comes_after_the_records_before_it_and_alone() -> None:
    publications = pack([cdr(1), cdr(2), erasure(3), outcome(4), cdr(5)], "dev-1", PLENTY_BYTES)
    assert sequences(publications) == [[1, 2], [3], [4], [5]]
    assert [publication.topic for publication in publications] == [Topic.CDR, Topic.ERASURE, Topic.OUTCOME, Topic.CDR]
    assert not any(publication.retain for publication in publications)


def test_a_message_is_no_longer_than_the_broker_takes() -> None:
    size_bytes = len(pack([cdr(1), cdr(2)], "dev-1", PLENTY_BYTES)[0].payload)
    publications = pack([cdr(seq) for seq in range(1, 6)], "dev-1", size_bytes)
    assert all(len(publication.payload) <= size_bytes for publication in publications)
    assert [seq for some in sequences(publications) for seq in some] == [1, 2, 3, 4, 5]


def test_a_message_holds_a_hundred_records_at_most() -> None:
    publications = pack([cdr(seq) for seq in range(1, 131)], "dev-1", 10 * PLENTY_BYTES)
    assert [len(publication.keys) for publication in publications] == [100, 30]


def test_the_same_record_is_written_the_same_whatever_it_travels_with() -> None:
    [alone] = pack([cdr(2)], "dev-1", PLENTY_BYTES)
    [together] = pack([cdr(1), cdr(2), cdr(3)], "dev-1", PLENTY_BYTES)
    assert alone.payload.removeprefix(b'{"records":[').removesuffix(b"]}") in together.payload


def test_the_order_of_fields_on_the_way_here_changes_nothing() -> None:
    shuffled = OutboxMessage(OutboxKey(EPOCH, 1), "cdr", retain=False, payload=dict(reversed(record(1).items())))
    assert pack([shuffled], "dev-1", PLENTY_BYTES) == pack([cdr(1)], "dev-1", PLENTY_BYTES)


def test_an_empty_message_has_the_broker_forget_the_state_of_consent() -> None:
    clearing = OutboxMessage(OutboxKey(EPOCH, 2), "consent", retain=True, payload={})
    publications = pack([cdr(1), clearing, cdr(3)], "dev-1", PLENTY_BYTES)
    assert sequences(publications) == [[1], [2], [3]]
    assert publications[1] == Publication((OutboxKey(EPOCH, 2),), Topic.CONSENT, b"", retain=True)


@pytest.mark.parametrize(
    "stowaway",
    [
        cdr(1, note="Planted"),
        cdr(1, number="Planted Zhang"),
        cdr(1, result="Planted"),
        cdr(1, clock_quality={"synced": True, "boot_id": "Planted"}),
        cdr(1, device="planted"),
        OutboxMessage(OutboxKey(EPOCH, 1), "cdr", retain=False, payload=record(99)),
        cdr(1, epoch=6),
        OutboxMessage(OutboxKey(EPOCH, 1), "cdr", retain=True, payload=record(1)),
        OutboxMessage(OutboxKey(EPOCH, 1), "consent", retain=True, payload=record(1)),
        erasure(1, reason="Planted"),
        erasure(1, records=[{"epoch": EPOCH, "first": 1, "last": 1, "note": "Planted"}]),
        erasure(1, device="planted"),
        outcome(1, message="Planted"),
        outcome(1, code="Planted"),
        OutboxMessage(OutboxKey(EPOCH, 1), "status", retain=True, payload={"state": "online"}),
        OutboxMessage(OutboxKey(EPOCH, 1), "consent", retain=False, payload={}),
        OutboxMessage(OutboxKey(EPOCH, 1), "status", retain=True, payload={}),
        OutboxMessage(OutboxKey(EPOCH, 1), "planted", retain=False, payload=record(1)),
        OutboxMessage(OutboxKey(EPOCH, 1), "cdr", retain=False, payload={}),
    ],
)
def test_what_is_no_message_of_ours_is_left_out_and_not_quoted(
    stowaway: OutboxMessage, caplog: pytest.LogCaptureFixture
) -> None:
    assert sequences(pack([stowaway, cdr(2)], "dev-1", PLENTY_BYTES)) == [[2]]
    [line] = [entry for entry in caplog.records if entry.levelno == logging.ERROR]
    assert "planted" not in line.getMessage().lower()


def test_nothing_makes_nothing() -> None:
    assert pack([], "dev-1", PLENTY_BYTES) == []


def test_a_payload_is_exactly_its_model() -> None:
    [publication] = pack([cdr(1)], "dev-1", PLENTY_BYTES)
    assert json.loads(publication.payload) == {"records": [record(1)]}
    assert set(record(1)) == set(CallDetailRecord.__struct_fields__)
