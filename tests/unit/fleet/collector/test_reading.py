"""What bytes on a topic say, and why they are not taken."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.messages import ConsentMessage, StatusMessage, Topic
from fleet.collector.quarantine import Reason, Sender
from fleet.collector.reading import MAX_BYTES, Calls, Cleared, Reader, Reading
from fleet.publications import Publication
from tests.lab.fleet_messages import cancellation, cdr, consent, erasure, outcome, record, records

NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)
CDR = "wecall/v1/north/handset-1/cdr"


def read(topic: str, payload: bytes, reader: Reader | None = None) -> Reading:
    return (reader or Reader()).read(topic, payload, NOW)


def reasons(reading: Reading) -> list[Reason]:
    return [rejection.reason for rejection in reading.rejections]


def test_a_record_is_read_with_its_times_and_its_sender() -> None:
    reading = read(CDR, cdr("handset-1", 5))
    assert isinstance(reading.contents, Calls)
    [call] = reading.contents.calls
    assert (call.fleet, call.device, call.seq) == ("north", "handset-1", 5)
    assert call.started_at == datetime(2024, 5, 6, 10, tzinfo=UTC)
    assert not reading.rejections


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN-", b'["\\ud800"]'])
def test_what_is_no_json_is_told_from_what_is_no_message(payload: bytes) -> None:
    assert reasons(read(CDR, payload)) == [Reason.NOT_JSON]


@pytest.mark.parametrize(
    "payload",
    [
        b"{}", b"[]", b"null", b'"x"', b'{"records": []}', b'{"records": [{}]}', b'{"records": {}}',
        json.dumps({"records": [record("handset-1", 1)], "more": 1}).encode(),
        records([record("handset-1", 1, contact="Mother")]),
        records([record("handset-1", 1, number="a b")]),
        records([record("handset-1", 1) | {"seq": "1"}]),
        records([record("handset-1", 1) | {"seq": 2**53}]),
        records([record("handset-1", 1) | {"seq": 10**400}]),
        records([record("handset-1", 1, ended_at=None)]),
        records([record("handset-1", 1, started_at="2024-02-31T10:00:00.000Z")]),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_not_taken(payload: bytes) -> None:
    reading = read(CDR, payload)
    assert (reading.contents, reasons(reading)) == (None, [Reason.SCHEMA])


def test_a_broken_record_does_not_keep_those_back_that_are_sent_with_it() -> None:
    reading = read(CDR, records([record("handset-1", 1), record("handset-1", 2, number=7), record("handset-1", 3)]))
    assert isinstance(reading.contents, Calls)
    assert [call.seq for call in reading.contents.calls] == [1, 3]
    assert reasons(reading) == [Reason.SCHEMA]


@pytest.mark.feature("rubbish at the collector")
@pytest.mark.parametrize(
    ("started_at", "reason"),
    [("1970-01-01T00:00:12.000Z", Reason.CLOCK_PAST), ("2100-01-01T00:00:00.000Z", Reason.CLOCK_FUTURE)],
)
def test_a_clock_that_cannot_be_right_has_a_reason_of_its_own(started_at: str, reason: Reason) -> None:
    wrong = record("handset-1", 1, started_at=started_at, answered_at=None, ended_at=started_at)
    reading = read(CDR, records([wrong, record("handset-1", 2)]))
    assert isinstance(reading.contents, Calls)
    assert [call.seq for call in reading.contents.calls] == [2]
    assert reasons(reading) == [reason]


def test_a_call_that_ends_in_a_time_to_come_is_not_believed() -> None:
    assert reasons(read(CDR, cdr("handset-1", 1, ended_at="9999-12-31T23:59:59.999Z"))) == [Reason.CLOCK_FUTURE]


def test_a_handset_whose_clock_is_some_hours_ahead_is_believed() -> None:
    ahead = (NOW + timedelta(hours=20)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reading = read(CDR, cdr("handset-1", 1, started_at=ahead, answered_at=None, ended_at=ahead))
    assert isinstance(reading.contents, Calls)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("cdr", cdr("handset-2", 1)),
        ("consent", consent("handset-2", 1)),
        ("erasure", erasure("handset-2", 1, (1, 2))),
        ("erasure", cancellation("handset-2", 1)),
        ("outcome", outcome("handset-2", 1)),
    ],
)
def test_nobody_speaks_for_another_handset(topic: str, payload: bytes) -> None:
    reading = read(f"wecall/v1/north/handset-1/{topic}", payload)
    assert (reading.contents, reasons(reading)) == (None, [Reason.OTHER_DEVICE])


def test_only_handsets_of_the_list_are_known_where_there_is_one() -> None:
    reader = Reader({"north": frozenset({"handset-1"})})
    assert reasons(read(CDR, cdr("handset-1", 1), reader)) == []
    for topic in ("wecall/v1/north/handset-2/cdr", "wecall/v1/south/handset-1/cdr"):
        assert reasons(read(topic, cdr("handset-2", 1), reader)) == [Reason.UNKNOWN_DEVICE]


def test_what_is_too_long_is_not_looked_into() -> None:
    assert reasons(read(CDR, b"[" * (MAX_BYTES + 1))) == [Reason.TOO_LARGE]


def test_the_longest_message_of_a_handset_is_not_too_long() -> None:
    name = "d" * 64
    longest = [
        record(name, 2**53 - 1 - seq, epoch=2**53 - 1, number=f"sip:{'1' * 60}@{'a' * 63}", result="interrupted")
        for seq in range(100)
    ]
    reading = read(f"wecall/v1/north/{name}/cdr", records(longest))
    assert isinstance(reading.contents, Calls)
    assert len(reading.contents.calls) == 100


@pytest.mark.parametrize(
    "topic",
    ["", "wecall/v1/north/handset-1", "wecall/v1/north/handset-1/cdr/more", "wecall/v1/north/Handset/cdr",
     "wecall/v1//handset-1/cdr", "wecall/v1/north/handset-1/ack", "wecall/v2/north/handset-1/cdr",
     f"wecall/v1/north/{'d' * 65}/cdr"],
)  # fmt: skip
def test_other_topics_are_counted_without_a_name_that_somebody_made_up(topic: str) -> None:
    [rejection] = read(topic, b"{}").rejections
    assert (rejection.sender, rejection.topic, rejection.reason) == (Sender("", ""), "other", Reason.WRONG_TOPIC)


def test_status_and_consent_can_be_cleared() -> None:
    for topic in (Topic.STATUS, Topic.CONSENT):
        assert read(f"wecall/v1/north/handset-1/{topic}", b"").contents == Cleared(topic)


def test_states_are_read() -> None:
    assert read("wecall/v1/north/handset-1/status", b'{"state":"online"}').contents == StatusMessage(state="online")
    assert isinstance(read("wecall/v1/north/handset-1/consent", consent("handset-1", 3)).contents, ConsentMessage)


def test_a_day_that_no_calendar_has_is_no_day() -> None:
    payload = consent("handset-1", 3, requests=[(1, "2024-02-31")])
    assert reasons(read("wecall/v1/north/handset-1/consent", payload)) == [Reason.SCHEMA]


def test_what_an_operator_says_of_a_message_is_read_where_its_topic_says_the_same() -> None:
    said: dict[str, Any] = {
        "kind": "bundle", "name": "2026.7", "message": "c" * 64, "published_at": "2024-05-06T10:00:00.000Z"
    }  # fmt: skip
    payload = json.dumps(said).encode()
    reading = read(f"wecall-fleet/v1/north/publication/{'c' * 64}", payload)
    assert isinstance(reading.contents, Publication)
    assert reading.sender == Sender("north", "")
    assert read(f"wecall-fleet/v1/north/publication/{'d' * 64}", payload).contents is None
