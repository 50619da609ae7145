"""What a setting takes, in words and by example: read off the schema, for the reference, the template and mistakes."""

import types
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from provisioning.remarks import joined
from provisioning.section import HEXADECIMAL, Section

_LISTS: Final = (tuple, frozenset)
_NUMBERS: Final = {int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Form:
    """What a setting takes.

    Attributes:
        words: in words, such as "a whole number from 1 to 65535".
        hint: the same in short where a few words say it, such as "1 to 65535"; empty where they don't.
        kind: what TOML has for it where that is a single value: bool, int, float or str.
        choices: the only values that it takes, where these are few.
        examples: values that it may have.
        table: what the keys of a table, or of each table of a list, are.
        item: what each value of a list is.
        keys, values: what each key and each value of a table with free keys is.
        secret: it must not be seen.
        hexadecimal: it is a number that is usually written so.
    """

    words: str
    hint: str = ""
    kind: type[bool | float | str] = str
    choices: tuple[str | int, ...] = ()
    examples: tuple[Any, ...] = ()
    table: type[Section] | None = None
    item: "Form | None" = None
    keys: "Form | None" = None
    values: "Form | None" = None
    secret: bool = False
    hexadecimal: bool = False


def form_of(field: FieldInfo) -> Form:
    """Return what a field of a table takes."""
    if get_origin(field.annotation) in {Union, types.UnionType}:
        return form_of(_chosen(field))
    form = _composite(field) or _simple(field)
    return replace(form, examples=tuple(field.examples or ()) or form.examples or form.choices)


def _chosen(field: FieldInfo) -> FieldInfo:
    """Return what "X or nothing" takes, or the first of kinds of address that are described together."""
    chosen = FieldInfo.from_annotation(next(kind for kind in get_args(field.annotation) if kind is not type(None)))
    chosen.description = chosen.description or field.description
    chosen.examples = chosen.examples or field.examples
    return chosen


def _composite(field: FieldInfo) -> Form | None:
    annotation = field.annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _choice(arguments)
    if origin in _LISTS:
        item = form_of(FieldInfo.from_annotation(arguments[0]))
        examples = ((item.examples[0],),) if item.examples else ()
        return Form(_list_words(item, field), item.hint, examples=examples, item=item)
    if origin is dict:
        keys, values = (form_of(FieldInfo.from_annotation(argument)) for argument in arguments)
        words = f"a table; its keys are {keys.words}, its values {values.words}"
        return Form(words, examples=({keys.examples[0]: values.examples[0]},), keys=keys, values=values)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Form("a table", table=annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choice(tuple(member.value for member in annotation))
    return None


def _choice(values: tuple[Any, ...]) -> Form:
    return Form(joined(values), joined(values), type(values[0]), choices=values)


def _simple(field: FieldInfo) -> Form:
    kind: Any = field.annotation
    if kind is bool:
        return Form("true or false", kind=bool, choices=(True, False))
    if kind is int or kind is float:
        hexadecimal = field.json_schema_extra == HEXADECIMAL
        ends = (_limit(field, "ge"), _limit(field, "le"))
        bounds = " to ".join(f"0x{end:02X}" if hexadecimal else str(end) for end in ends)
        return Form(f"{_NUMBERS[kind]} from {bounds}", bounds, kind, hexadecimal=hexadecimal)
    if kind is SecretStr:
        return Form(field.description or "a text", secret=True)
    if kind is Path:
        return Form(field.description or "the name of a file")
    if kind in {IPv4Address, IPv6Address, IPv4Interface, IPv6Interface, str}:
        return Form(field.description or f"a text{_length(field, ' letters')}")
    raise TypeError(f"There are no words for a setting that is {kind}.")


def _list_words(item: Form, field: FieldInfo) -> str:
    if item.table is not None:
        return f"a list of tables{_length(field)}"
    return f"a list{_length(field, ' values')}, each {item.words}"


def _length(field: FieldInfo, noun: str = "") -> str:
    least, most = _limit(field, "min_length"), _limit(field, "max_length")
    if most is None:
        return f", at least {least} of them" if least else ""
    return f", {least} to {most}{noun}" if least else f", up to {most}{noun}"


def _limit(field: FieldInfo, name: str) -> Any:
    """Return a bound that was said beside the type, the last of several; None where there is none."""
    return next((getattr(said, name) for said in reversed(field.metadata) if hasattr(said, name)), None)
