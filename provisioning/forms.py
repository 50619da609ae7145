"""What a setting takes, in words and by example: read off the schema, for the reference, the template and mistakes."""

import types
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
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


@dataclass(frozen=True, slots=True)
class _Limits:
    """What was said beside a type."""

    lowest: Any = None
    highest: Any = None
    shortest: int = 0
    longest: int | None = None
    description: str = ""
    examples: tuple[Any, ...] = ()
    hexadecimal: bool = False


def form_of(field: FieldInfo) -> Form:
    """Return what a field of a table takes."""
    return _form(field.annotation, _limits([field]))


def _form(annotation: Any, limits: _Limits) -> Form:
    if get_origin(annotation) is Annotated:
        inner, *said = get_args(annotation)
        return _form(inner, _limits(said, limits))
    if get_origin(annotation) in {Union, types.UnionType}:
        # "X or nothing", or kinds of address that are described together.
        return _form(next(kind for kind in get_args(annotation) if kind is not type(None)), limits)
    form = _composite(annotation, limits) or _simple(annotation, limits)
    return replace(form, examples=limits.examples or form.examples or form.choices)


def _composite(annotation: Any, limits: _Limits) -> Form | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _choice(arguments)
    if origin in _LISTS:
        item = _form(arguments[0], _Limits())
        examples = ((item.examples[0],),) if item.examples else ()
        return Form(_list_words(item, limits), item.hint, examples=examples, item=item)
    if origin is dict:
        keys, values = (_form(argument, _Limits()) for argument in arguments)
        words = f"a table; its keys are {keys.words}, its values {values.words}"
        return Form(words, examples=({keys.examples[0]: values.examples[0]},), keys=keys, values=values)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Form("a table", table=annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choice(tuple(member.value for member in annotation))
    return None


def _choice(values: tuple[Any, ...]) -> Form:
    return Form(joined(values), joined(values), type(values[0]), choices=values)


def _simple(kind: Any, limits: _Limits) -> Form:
    if kind is bool:
        return Form("true or false", kind=bool, choices=(True, False))
    if kind in _NUMBERS:
        ends = (limits.lowest, limits.highest)
        bounds = " to ".join(f"0x{end:02X}" if limits.hexadecimal else str(end) for end in ends)
        return Form(f"{_NUMBERS[kind]} from {bounds}", bounds, kind, hexadecimal=limits.hexadecimal)
    if kind is SecretStr:
        return Form(limits.description or "a text", secret=True)
    if kind is Path:
        return Form(limits.description or "the name of a file")
    if kind in {IPv4Address, IPv6Address, IPv4Interface, IPv6Interface, str}:
        return Form(limits.description or f"a text{_length(limits, ' letters')}")
    raise TypeError(f"There are no words for a setting that is {kind}.")


def _list_words(item: Form, limits: _Limits) -> str:
    if item.table is not None:
        return f"a list of tables{_length(limits)}"
    return f"a list{_length(limits, ' values')}, each {item.words}"


def _length(limits: _Limits, noun: str = "") -> str:
    least, most = limits.shortest, limits.longest
    if most is None:
        return f", at least {least} of them" if least else ""
    return f", {least} to {most}{noun}" if least else f", up to {most}{noun}"


def _limits(said: Iterable[Any], found: _Limits = _Limits()) -> _Limits:
    for word in said:
        match word:
            case FieldInfo():
                found = _limits(word.metadata, found)
                found = replace(
                    found,
                    description=word.description or found.description,
                    hexadecimal=found.hexadecimal or word.json_schema_extra == HEXADECIMAL,
                    examples=tuple(word.examples or ()) or found.examples,
                )
            case Ge(ge=lowest):
                found = replace(found, lowest=lowest)
            case Le(le=highest):
                found = replace(found, highest=highest)
            case MinLen(min_length=shortest):
                found = replace(found, shortest=shortest)
            case MaxLen(max_length=longest):
                found = replace(found, longest=longest)
            case _:
                pass
    return found
