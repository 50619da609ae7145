import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import ValidationError

from contract import discovery, messages
from contract.discovery import DiscoveryMessage
from contract.messages import MODELS as MODELS_BY_TOPIC
from contract.messages import (
    CallDetailRecord,
    CdrMessage,
    ConsentMessage,
    ErasureMessage,
    Message,
    OutcomeMessage,
    StatusMessage,
    Topic,
    timestamp,
    topic_name,
)

RECORD: dict[str, Any] = {
    "id": "0123456789abcdef0123456789abcdef",
    "device": "handset-7",
    "account": "fedcba9876543210fedcba9876543210",
    "direction": "outgoing",
    "number": "+861012345678",
    "started_at": "2026-03-01T10:00:00.000Z",
    "answered_at": "2026-03-01T10:00:04.500Z",
    "ended_at": "2026-03-01T10:01:00.250Z",
    "result": "remote_hangup",
    "sip_code": 200,
    "clock_quality": {"synced": True, "boot_id": "7cd135d5-022d-46ac-81ce-18d084236757"},
    "epoch": 4711,
    "seq": 12,
}
CONSENT: dict[str, Any] = {
    "device": "handset-7",
    "purposes": [{"purpose": "cdr_sync", "granted": True, "since": "2026-03-01T09:00:00.000Z"}],
    "policy_version": "2024-06-17",
    "ledger_entries": 1,
    "ledger_head": "a" * 64,
    "ledger_intact": True,
    "requests": [
        {"number": 3, "epoch": 4711, "kind": "access", "due": "2026-03-08", "state": "open", "objected": False}
    ],
    "epoch": 4711,
    "seq": 11,
}
ERASURE: dict[str, Any] = {
    "device": "handset-7",
    "reason": "deleted",
    "cancelled": False,
    "records": [{"epoch": 4711, "first": 3, "last": 9}],
    "epoch": 4711,
    "seq": 13,
}
OUTCOME: dict[str, Any] = {"device": "handset-7", "message": "b" * 64, "code": "taken", "epoch": 4711, "seq": 14}
SAMPLES: dict[type[Message], dict[str, Any]] = {
    CallDetailRecord: RECORD,
    ConsentMessage: CONSENT,
    ErasureMessage: ERASURE,
    OutcomeMessage: OUTCOME,
    StatusMessage: {"state": "online"},
}
MODELS = st.sampled_from(sorted(SAMPLES, key=lambda model: model.__name__))


def record(**changes: object) -> CallDetailRecord:
    return CallDetailRecord.read(json.dumps(RECORD | changes))


def test_a_record_is_written_with_exactly_the_allowed_fields() -> None:
    assert json.loads(record().written()) == RECORD


@pytest.mark.parametrize("model", SAMPLES)
def test_a_message_is_written_with_exactly_the_allowed_fields(model: type[Message]) -> None:
    assert json.loads(model.read(json.dumps(SAMPLES[model])).written()) == SAMPLES[model]


@given(MODELS, st.text(max_size=30), st.text() | st.integers() | st.none() | st.booleans(), st.data())
def test_no_field_can_be_added_to_a_message_at_any_depth(
    model: type[Message], name: str, value: object, data: st.DataObject
) -> None:
    sample = copy.deepcopy(SAMPLES[model])
    place = data.draw(st.sampled_from(objects_in(sample)))
    assume(name not in place)
    place[name] = value
    with pytest.raises(ValidationError):
        model.read(json.dumps(sample))


@given(MODELS, st.text(max_size=200), st.data())
def test_words_of_a_persons_choosing_fit_into_no_field(model: type[Message], words: str, data: st.DataObject) -> None:
    sample = copy.deepcopy(SAMPLES[model])
    place = data.draw(st.sampled_from(objects_in(sample)))
    name = data.draw(st.sampled_from(sorted(place)))
    place[name] = f"to {words}"
    with pytest.raises(ValidationError):
        model.read(json.dumps(sample))


def objects_in(node: object) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        return [node, *(found for child in node.values() for found in objects_in(child))]
    return [found for child in node for found in objects_in(child)] if isinstance(node, list) else []


@pytest.mark.parametrize(
    "change",
    [
        {"records": []},
        {"records": [{"epoch": 1, "first": 9, "last": 3}]},
        {"records": [{"epoch": 1, "first": 0, "last": 3}]},
        {"records": [{"epoch": 1, "first": 3, "last": 2**53}]},
        {"records": [{"epoch": 1, "first": 3, "last": 3}] * 51},
        {"reason": "because I say so"},
        {"reason": "cancelled"},
        {"cancelled": True},
    ],
    ids=str,
)
def test_an_erasure_notice_that_is_not_one_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ErasureMessage.read(json.dumps(ERASURE | change))


def test_a_cancellation_needs_no_records() -> None:
    notice = ERASURE | {"reason": "cancelled", "cancelled": True, "records": []}
    assert ErasureMessage.read(json.dumps(notice)).cancelled


def test_requests_of_an_older_firmware_are_read_and_a_day_may_be_unknown() -> None:
    old = {"number": 3, "kind": "access", "due": "2026-03-08", "state": "open"}
    undated = {"number": 4, "epoch": 1, "kind": "access", "due": None, "state": "open", "objected": True}
    read = ConsentMessage.read(json.dumps(CONSENT | {"requests": [old, undated]})).requests
    assert [(each.epoch, each.due, each.objected) for each in read] == [(None, "2026-03-08", False), (1, None, True)]


def test_of_many_open_requests_no_more_than_twenty_fit() -> None:
    requests = CONSENT["requests"] * 20
    assert len(ConsentMessage.read(json.dumps(CONSENT | {"requests": requests})).requests) == 20
    with pytest.raises(ValidationError):
        ConsentMessage.read(json.dumps(CONSENT | {"requests": [*requests, requests[0]]}))


@pytest.mark.parametrize("extra", ["name", "note", "dialled", "dtmf", "audio", "latitude"])
def test_a_field_that_is_not_on_the_list_is_refused(extra: str) -> None:
    with pytest.raises(ValidationError, match="unknown field"):
        record(**{extra: "x"})


def test_a_record_cannot_be_changed_once_made() -> None:
    made = record()
    with pytest.raises(AttributeError, match="immutable"):
        made.number = "1"  # type: ignore[misc]


def test_a_record_with_a_value_outside_its_bounds_is_refused(subtests: pytest.Subtests) -> None:
    changes: list[dict[str, Any]] = [
        {"id": "0123"},
        {"id": "0123456789abcdef0123456789abcdef\n"},
        {"device": "Handset"},
        {"device": "a/b"},
        {"account": "1001@example.org"},
        {"direction": "sideways"},
        {"number": ""},
        {"number": "call Ann"},
        {"number": "sip:a:secret@example.org"},
        {"number": "sip:a@example.org;transport=tcp"},
        {"number": "sip:a@example.org?subject=x"},
        {"number": "12\n34"},
        {"number": "p:0123"},
        {"number": "p:" + "A" * 32},
        {"number": "1234,5678"},
        {"number": "9" * 129},
        {"number": 1234},
        {"started_at": "2026-03-01T10:00:00Z"},
        {"started_at": "2026-03-01T10:00:00.000+08:00"},
        {"started_at": "2026-03-01T10:00:05.000Z"},
        {"ended_at": None},
        {"ended_at": "2026-03-01T09:00:00.000Z"},
        {"result": "it rang for a while"},
        {"sip_code": 700},
        {"sip_code": "200"},
        {"epoch": 2**53},
        {"seq": 0},
        {"clock_quality": {"synced": "yes", "boot_id": RECORD["clock_quality"]["boot_id"]}},
        {"clock_quality": {"synced": True, "boot_id": "the second boot"}},
    ]
    for change in changes:
        with subtests.test(change=change), pytest.raises(ValidationError):
            record(**change)


def test_only_an_interrupted_call_has_no_end() -> None:
    assert record(ended_at=None, result="interrupted", answered_at=None).ended_at is None


def test_a_message_holds_one_to_a_hundred_records() -> None:
    one = record()
    assert len(CdrMessage(records=(one,) * 100).records) == 100
    for count in (0, 101):
        with pytest.raises(ValidationError):
            CdrMessage(records=(one,) * count)


def test_the_status_is_one_of_three_words_and_says_nothing_beside_it() -> None:
    for state in ("online", "no_line", "offline"):
        text = f'{{"state":"{state}"}}'
        assert StatusMessage.read(text).written().decode() == text
    for document in ('{"state":"ringing"}', '{"state":"no_line","accounts":2}', '{"state":"no_line","since":1}', "{}"):
        with pytest.raises(ValidationError):
            StatusMessage.read(document)


def test_every_model_is_closed_and_every_string_in_it_is_bounded() -> None:
    models = [
        each
        for module in (messages, discovery)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Message)
    ]
    assert len(models) >= 14
    for model in models:
        assert model.__struct_config__.forbid_unknown_fields
        assert model.__struct_config__.frozen
    assert set(MODELS_BY_TOPIC) == set(Topic) - {Topic.STATUS}
    for model in (CdrMessage, StatusMessage, DiscoveryMessage, *MODELS_BY_TOPIC.values()):
        for schema in strings_of(model):
            bounded = "enum" in schema or "const" in schema or "pattern" in schema
            assert bounded, f"{model.__name__} has a string without bounds: {schema}"


def strings_of(model: type[Message]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "string" or "enum" in node:
                found.append(node)
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(msgspec.json.schema(model))
    assert found
    return found


def test_topics_are_built_from_one_level_names() -> None:
    assert topic_name("default", "handset-7", Topic.CDR) == "wecall/v1/default/handset-7/cdr"


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "a b", "A", "-a", "a-", "a\n", "é", "x" * 65, "$sys"])
def test_a_name_that_is_not_one_level_of_a_topic_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        topic_name(name, "handset-7", Topic.CDR)
    with pytest.raises(ValidationError):
        topic_name("default", name, Topic.CDR)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1772359200.25, "2026-03-01T10:00:00.250Z"),
        (1772359200, "2026-03-01T10:00:00.000Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_milliseconds(seconds: float, text: str) -> None:
    assert timestamp(seconds) == text
