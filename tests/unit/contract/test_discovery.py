import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError

from contract.calls import DisconnectReason
from contract.discovery import DiscoveryMessage, discovery, discovery_topic
from contract.results import OutcomeCode

Change = Callable[[Any], object]
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True)


def told(fleet: str = "lab", device: str = "handset-7") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(discovery(fleet, device).written())
    return document


def is_refused(document: dict[str, Any]) -> bool:
    try:
        DiscoveryMessage.read(json.dumps(document))
    except ValidationError:
        return True
    return False


def values_of(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to each value in a document."""
    if isinstance(node, dict):
        return [found for key, child in node.items() for found in values_of(child, (*path, key))]
    if isinstance(node, list):
        return [found for index, child in enumerate(node) for found in values_of(child, (*path, index))]
    return [path]


@given(NAMES, NAMES)
def test_every_handset_says_the_same_but_for_its_names(fleet: str, device: str) -> None:
    template = discovery("fleet-name", "device-name").written().decode()
    text = template.replace("device-name", device).replace("fleet-name", fleet)
    assert discovery(fleet, device).written().decode() == text


def test_it_has_a_handful_of_entities_each_with_an_id_of_its_own() -> None:
    entities = told()["components"]
    assert list(entities) == ["online", "line", "last_call", "consents", "last_outcome"]
    ids = [entity["unique_id"] for entity in entities.values()]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith("wecall_handset-7_") for each in ids)


def test_it_points_to_the_handsets_own_topics() -> None:
    entities = told()["components"]
    assert {name: entity["state_topic"] for name, entity in entities.items()} == {
        "online": "wecall/v1/lab/handset-7/status",
        "line": "wecall/v1/lab/handset-7/status",
        "last_call": "wecall/v1/lab/handset-7/cdr",
        "consents": "wecall/v1/lab/handset-7/consent",
        "last_outcome": "wecall/v1/lab/handset-7/outcome",
    }


def test_every_value_that_can_come_is_among_the_options() -> None:
    entities = told()["components"]
    assert entities["last_call"]["options"] == list(DisconnectReason)
    assert entities["last_outcome"]["options"] == list(OutcomeCode)


@given(st.data(), st.text(max_size=40))
def test_no_value_in_it_can_be_another(data: st.DataObject, words: str) -> None:
    document = copy.deepcopy(told())
    *way, last = data.draw(st.sampled_from(values_of(document)))
    place: Any = document
    for key in way:
        place = place[key]
    place[last] = f"{place[last]}{words} "
    assert is_refused(document)


@pytest.mark.parametrize("name", ["online", "line", "last_call", "consents", "last_outcome"])
def test_no_entity_can_be_another_handsets(name: str) -> None:
    for field in ("state_topic", "unique_id"):
        document = told()
        document["components"][name][field] = document["components"][name][field].replace("handset-7", "handset-8")
        assert is_refused(document)


def test_nothing_can_be_added_or_left_out() -> None:
    changes: tuple[Change, ...] = (
        lambda document: document.update(serial_number="1"),
        lambda document: document["device"].update(sw_version="1"),
        lambda document: document["components"].update(call_17=document["components"]["online"]),
        lambda document: document["components"].pop("consents"),
        lambda document: document["components"]["last_call"]["options"].pop(),
        lambda document: document["components"]["last_call"]["options"].reverse(),
    )
    for change in changes:
        document = told()
        change(document)
        assert is_refused(document)


@pytest.mark.parametrize("device", ["", "a/b", "+", "#", "Handset", "a b", "a_b", "x" * 65])
def test_a_name_that_is_not_one_level_of_a_topic_is_refused(device: str) -> None:
    with pytest.raises(ValidationError):
        discovery_topic(device)
    with pytest.raises(ValidationError):
        discovery("lab", device)
    with pytest.raises(ValidationError):
        discovery(device, "handset-7")


def test_the_topic_is_the_one_that_home_assistant_listens_to() -> None:
    assert discovery_topic("handset-7") == "homeassistant/device/handset-7/config"
