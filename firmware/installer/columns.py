"""What the columns of a table of handsets set: the serial, a label's line, or any setting of a configuration."""

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import SecretStr

from firmware.installer.device_table import CellMistake, Column, DeviceTable
from provisioning.remarks import KeyPath
from provisioning.schema import Configuration
from provisioning.section import Section

SERIAL: Final = "serial"
PLACE: Final = "place"

_SHORT: Final[Mapping[str, str]] = {
    "serial_number": SERIAL,
    "location": PLACE,
    "room": PLACE,
    "device": "device.id",
    "device_id": "device.id",
    "fleet": "device.fleet",
    "country": "device.country",
    "region": "device.region",
    "language": "device.language",
    "username": "accounts.0.username",
    "user": "accounts.0.username",
    "extension": "accounts.0.username",
    "password": "accounts.0.password",
    "label": "accounts.0.label",
    "display_name": "accounts.0.display_name",
    "domain": "accounts.0.domain",
    "server": "accounts.0.server",
    "auth_username": "accounts.0.auth_username",
    "voicemail_number": "accounts.0.voicemail_number",
}
"""What the most frequent columns may be called; what stands for itself needs no line."""


class _Form(StrEnum):
    TEXT = "text"
    TRUTH = "truth"
    WHOLE = "whole"
    NUMBER = "number"


_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that a column gives each handset.

    Attributes:
        path: where it stands.
        is_list: several values, with semicolons between them.
        is_secret: it must not be shown.
        form: what TOML would have in its place.
    """

    path: KeyPath
    is_list: bool
    is_secret: bool
    form: _Form

    def value(self, cell: str) -> Any:
        """Return what TOML has for a cell; text that cannot be it is left for the schema to object to."""
        if not self.is_list:
            return self._single(cell)
        return [self._single(part.strip()) for part in cell.split(";") if part.strip()]

    def _single(self, text: str) -> Any:
        try:
            match self.form:
                case _Form.TRUTH:
                    return _TRUTHS.get(text.lower(), text)
                case _Form.WHOLE:
                    return int(text)
                case _Form.NUMBER:
                    return float(text)
                case _:
                    return text
        except ValueError:
            return text


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of one table are for.

    Attributes:
        serial: the handset's own number.
        place: where it goes, for its label.
        settings: the rest, but for columns of people's own.
    """

    serial: Column
    place: Column | None
    settings: tuple[tuple[Column, Setting], ...]

    def column_of(self, path: KeyPath) -> Column | None:
        """Return the column that sets a path, where one does."""
        return next((column for column, setting in self.settings if setting.path == path), None)


def read_columns(table: DeviceTable) -> tuple[Columns | None, tuple[CellMistake, ...]]:
    """Find out what each column is for; a heading that begins with # is people's own.

    Returns:
        What they are for, None where there is no serial; and every mistake.
    """
    serial: Column | None = None
    place: Column | None = None
    settings: list[tuple[Column, Setting]] = []
    taken: dict[KeyPath, Column] = {}
    mistakes: list[CellMistake] = []
    for column in table.columns:
        if column.heading.startswith("#"):
            continue
        plain = re.sub(r"[\s-]+", "_", column.heading.lower())
        name = _SHORT.get(plain, plain)
        setting = None if name in {SERIAL, PLACE} else _find(_path(name))
        key: KeyPath = setting.path if setting else (name,)
        if setting is None and name not in {SERIAL, PLACE}:
            mistakes.append(table.mistake(_unknown(plain), column=column))
            continue
        if key in taken:
            mistakes.append(table.mistake(f"{taken[key]} sets the same.", column=column))
            continue
        taken[key] = column
        if setting is not None:
            settings.append((column, setting))
        elif name == SERIAL:
            serial = column
        else:
            place = column
    if serial is None:
        mistakes.append(table.mistake("no column is called serial, so that nobody knows which handset is which."))
        return None, tuple(mistakes)
    return Columns(serial, place, tuple(settings)), tuple(mistakes)


def all_settings(model: type[Section] = Configuration, before: str = "") -> Iterator[str]:
    """Return what every setting is called as a column, with 0 for the entries of lists."""
    for name, field in model.model_fields.items():
        inner, is_list = _unwrap(field.annotation)
        section = _section(inner)
        if section is None:
            yield f"{before}{name}"
        else:
            yield from all_settings(section, f"{before}{name}.{'0.' if is_list else ''}")


def _unknown(name: str) -> str:
    names = [SERIAL, PLACE, *_SHORT, *all_settings()]
    close = get_close_matches(name, names, n=1, cutoff=0.7) or get_close_matches(
        name.rsplit(".", 1)[-1], [each.rsplit(".", 1)[-1] for each in names], n=1, cutoff=0.8
    )
    if close and close[0] not in names:
        close = [next(each for each in names if each.endswith(f".{close[0]}"))]
    hint = f'did you mean "{close[0]}"?' if close else "put # before it if it is a note of your own."
    return f"there is no such setting; {hint}"


def _path(name: str) -> KeyPath:
    """Read "accounts.0.username", or "accounts[1].username" as mistakes have it, which count from 1."""
    dotted = re.sub(r"\[([1-9][0-9]*)\]", lambda found: f".{int(found[1]) - 1}", name)
    return tuple(int(part) if part.isdigit() else part for part in dotted.split("."))


def _find(path: KeyPath) -> Setting | None:
    model: type[Section] = Configuration
    left = list(path)
    while left:
        name = left.pop(0)
        field = model.model_fields.get(name) if isinstance(name, str) else None
        if field is None:
            return None
        inner, is_list = _unwrap(field.annotation)
        section = _section(inner)
        if section is None:
            return None if left else Setting(path, is_list, _has(inner, SecretStr), _form(inner))
        if is_list and not (left and isinstance(left.pop(0), int)):
            return None
        model = section
    return None


def _unwrap(annotation: Any) -> tuple[Any, bool]:
    """Take off what pydantic is told besides the type; a tuple of any length is a list of its entries."""
    if get_origin(annotation) is Annotated:
        return _unwrap(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        parts = [part for part in get_args(annotation) if part is not type(None)]
        if len(parts) == 1:
            return _unwrap(parts[0])
        return annotation, False
    if get_origin(annotation) in {tuple, frozenset}:
        return _unwrap(get_args(annotation)[0])[0], True
    return annotation, False


def _section(inner: Any) -> type[Section] | None:
    return inner if isinstance(inner, type) and issubclass(inner, Section) else None


def _form(inner: Any) -> _Form:
    for form, kind in ((_Form.TRUTH, bool), (_Form.WHOLE, int), (_Form.NUMBER, float)):
        if _has(inner, kind):
            return form
    return _Form.TEXT


def _has(inner: Any, kind: type) -> bool:
    """Tell whether values of a type may be of this kind; of a choice of values those count."""
    if get_origin(inner) is Literal:
        return any(type(value) is kind for value in get_args(inner))
    return inner is kind or any(_has(part, kind) for part in _parts(inner))


def _parts(inner: Any) -> Iterable[Any]:
    return get_args(inner) if get_origin(inner) in {Union, types.UnionType, Annotated, tuple, frozenset} else ()
