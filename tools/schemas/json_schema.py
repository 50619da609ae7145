"""JSON Schemas of the models (draft 2020-12), with the words of their docstrings."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, get_args

import msgspec

from contract.messages import Message
from provisioning.docstrings import told

_JSON: Final = {"None": "null", "True": "true", "False": "false"}
_PYTHON: Final = re.compile(rf"\b(?:{'|'.join(_JSON)})\b")

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(name: str, model: type[Message]) -> dict[str, Any]:
    """Return the schema of a message as it is published, which is with all its fields, defaults or not.

    Args:
        name: the file's, without its ending.
        model: what it is about.
    """
    definitions = msgspec.json.schema(model)["$defs"]
    parts = {part.__name__: part for part in parts_of(model)}
    for title, definition in definitions.items():
        _describe(definition, parts[title])
    schema = definitions.pop(model.__name__)
    defined = {"$defs": definitions} if definitions else {}
    return {"$schema": DIALECT, "$id": f"{name}.schema.json", **_as_ecmascript({**defined, **schema})}


def meaning_of(model: type) -> str:
    """Return what a class says of itself, each paragraph on one line."""
    return _in_json("\n\n".join(" ".join(paragraph.split()) for paragraph in told(model).meaning.split("\n\n")))


def parts_of(annotation: object) -> Iterator[type]:
    """Return the models and enumerations that a type is made of, itself among them, those within them, too."""
    if isinstance(annotation, type) and issubclass(annotation, Message | Enum):
        yield annotation
        if issubclass(annotation, Message):
            for field in msgspec.structs.fields(annotation):
                yield from parts_of(field.type)
    for part in get_args(annotation):
        yield from parts_of(part)


def _describe(schema: dict[str, Any], part: type) -> None:
    schema["description"] = meaning_of(part)
    attributes = told(part).attributes
    for name, field in schema.get("properties", {}).items():
        if name in attributes:
            names, text = attributes[name]
            about = f"{', '.join(names)}: " if len(names) > 1 else ""
            field["description"] = f"{about}{_in_json(text)}."
    if "properties" in schema:
        schema["required"] = list(schema["properties"])


def _as_ecmascript(node: Any) -> Any:
    """Return a schema whose patterns end as JavaScript has it: there `$` is the end, here a newline may follow."""
    if isinstance(node, dict):
        return {key: _as_ecmascript(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_as_ecmascript(value) for value in node]
    return re.sub(r"\\Z\Z", "$", node) if isinstance(node, str) else node


def _in_json(text: str) -> str:
    return _PYTHON.sub(lambda word: _JSON[word[0]], text)
