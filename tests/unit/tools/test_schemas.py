"""The files of fleet/schemas: what the models give now, and what others can rely on."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from contract.discovery import discovery_topic
from contract.downlink import DownTopic
from contract.messages import Message, Topic, topic_name
from firmware.services.egress_facts import leaving_models
from fleet.publications import publication_topic
from tools.schemas.files import ASYNCAPI, FOLDER, files
from tools.schemas.json_schema import parts_of
from tools.schemas.messages import KINDS, PARAMETERS, Kind, Way

Change = Callable[[Any], object]
ASYNCAPI_SCHEMA: Final = (
    Path(__file__).parents[3] / "build/asyncapi/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
)
WITH_MODEL: Final = [kind for kind in KINDS if kind.model is not None]
VALIDATORS: Final = {
    kind.name: Draft202012Validator(json.loads((FOLDER / f"{kind.name}.schema.json").read_text()))
    for kind in WITH_MODEL
}
KIND: Final = st.sampled_from(WITH_MODEL)


def model_of(kind: Kind) -> type[Message]:
    assert kind.model is not None
    return kind.model


def example_of(kind: Kind) -> Any:
    assert kind.example is not None
    return kind.example.plain()


def fits(kind: Kind, document: object) -> bool:
    return VALIDATORS[kind.name].is_valid(document)


def is_taken(kind: Kind, document: object) -> bool:
    try:
        model_of(kind).read(json.dumps(document))
    except ValueError:
        return False
    return True


def objects_in(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects_in(child)


def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / ASYNCAPI).read_text())
    return document


# --- the schemas ------------------------------------------------------------------------------------------------------


def test_the_files_are_what_the_models_give_now() -> None:
    paths = [*FOLDER.glob("*.schema.json"), FOLDER / ASYNCAPI]
    written = {path.name: path.read_text(encoding="utf-8") for path in paths}
    assert written == files(), "run make reference"


def test_every_message_that_leaves_or_comes_has_its_schema() -> None:
    told = {part.__name__ for kind in WITH_MODEL for part in parts_of(kind.model)}
    assert {model.__name__ for model in leaving_models()} <= told
    names = {kind.name for kind in KINDS}
    assert names == {*Topic, *DownTopic, "discovery", "publication"}


@pytest.mark.parametrize("kind", WITH_MODEL, ids=lambda kind: kind.name)
def test_a_schema_is_one_and_its_example_fits(kind: Kind) -> None:
    Draft202012Validator.check_schema(VALIDATORS[kind.name].schema)
    assert fits(kind, example_of(kind))


@pytest.mark.parametrize("kind", WITH_MODEL, ids=lambda kind: kind.name)
def test_each_object_in_a_message_is_closed_and_complete(kind: Kind) -> None:
    count = len(list(objects_in(example_of(kind))))
    for index in range(count):
        for name in [*list(objects_in(example_of(kind)))[index], "something of its own"]:
            document = example_of(kind)
            place = list(objects_in(document))[index]
            if name in place:
                del place[name]
            else:
                place[name] = "x"
            assert not fits(kind, document), f"{name} may be left out or added"


@given(KIND, st.data(), st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.lists(st.integers()))
def test_whatever_the_model_takes_fits_the_schema_and_words_fit_neither(
    kind: Kind, data: st.DataObject, value: object
) -> None:
    document = copy.deepcopy(example_of(kind))
    place = data.draw(st.sampled_from(list(objects_in(document))))
    name = data.draw(st.sampled_from(sorted(place)))
    # To Python true is 1, and pydantic takes it where 1 alone is allowed; what it writes is 1 all the same.
    assume(value != place[name] or type(value) is type(place[name]))
    place[name] = value
    if is_taken(kind, document):
        assert fits(kind, document)
    place[name] = f"to {value}"
    assert not fits(kind, document)
    assert not is_taken(kind, document)


def test_a_schema_says_what_its_docstring_says() -> None:
    schema: Any = VALIDATORS["cdr"].schema
    record = schema["$defs"]["CallDetailRecord"]
    assert record["description"] == "One call that is over."
    assert record["properties"]["answered_at"]["description"] == "null where nobody answered."
    assert "None" not in "".join((FOLDER / name).read_text() for name in files())


# --- the AsyncAPI document --------------------------------------------------------------------------------------------


def test_the_document_is_asyncapi() -> None:
    assert ASYNCAPI_SCHEMA.exists(), "AsyncAPI's own schema is not there. Run `tools/setup test`."
    judge = Draft7Validator(json.loads(ASYNCAPI_SCHEMA.read_text()))
    errors = [f"{error.json_path}: {error.message[:200]}" for error in judge.iter_errors(asyncapi())]
    assert errors == []


def test_a_document_that_is_not_asyncapi_is_noticed() -> None:
    judge = Draft7Validator(json.loads(ASYNCAPI_SCHEMA.read_text()))
    changes: tuple[Change, ...] = (
        lambda document: document["operations"]["sendCdr"].update(action="shout"),
        lambda document: document["channels"]["cdr"].update(topic="x"),
        lambda document: document["info"].pop("title"),
    )
    for change in changes:
        document = asyncapi()
        change(document)
        assert not judge.is_valid(document)


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi()
    references = [each["$ref"] for each in objects_in(document) if "$ref" in each]
    assert len(references) > 50
    for reference in references:
        name, _, pointer = reference.partition("#")
        node: Any = document if not name else json.loads((FOLDER / name).read_text())
        for key in pointer.split("/")[1:]:
            node = node[key]


def test_the_channels_have_the_addresses_that_the_code_publishes_to() -> None:
    addresses = {name: channel["address"] for name, channel in asyncapi()["channels"].items()}
    for topic in (*Topic, *DownTopic):
        assert addresses.pop(topic.value) == topic_name("fleet-x", "device-x", topic).replace(
            "fleet-x", "{fleet}"
        ).replace("device-x", "{device}")
    assert addresses.pop("discovery") == discovery_topic("device-x").replace("device-x", "{device}")
    assert addresses.pop("publication") == publication_topic("fleet-x", "a" * 64).replace("fleet-x", "{fleet}").replace(
        "a" * 64, "{message}"
    )
    assert not addresses
    for channel in asyncapi()["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"]) <= set(PARAMETERS)


def test_it_says_who_says_what_and_what_is_kept() -> None:
    operations = {
        operation["channel"]["$ref"].rpartition("/")[2]: operation for operation in asyncapi()["operations"].values()
    }
    assert {name for name, operation in operations.items() if operation["action"] == "receive"} == set(DownTopic)
    kept = {name for name, operation in operations.items() if operation["bindings"]["mqtt"]["retain"]}
    assert kept == {"status", "consent", "discovery", "policy", "notice", "answer", "update", "bundle", "publication"}
    assert {operation["bindings"]["mqtt"]["qos"] for operation in operations.values()} == {1}
    will = asyncapi()["servers"]["certificates"]["bindings"]["mqtt"]["lastWill"]
    assert VALIDATORS["status"].is_valid(json.loads(will["message"]))
    assert (will["retain"], will["qos"]) == (True, 1)


def test_who_only_reads_has_no_channel_to_a_handset() -> None:
    for kind in KINDS:
        servers = {each["$ref"] for each in asyncapi()["channels"][kind.name]["servers"]}
        assert ("#/servers/passwords" in servers) is (kind.way is not Way.TO_HANDSET)
