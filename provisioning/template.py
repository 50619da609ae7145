"""A commented `config.toml`, written from the schema: all that can be set, with what it means and what it takes."""

import json
import textwrap
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from itertools import groupby
from typing import Any, Final

from provisioning.reference import Setting, Table, tables, top_settings
from provisioning.remarks import KeyPath

_WIDTH: Final = 110
_TO_FILL_IN: Final = "to be filled in"
_OFF: Final = "#"

_HEAD: Final = """\
# What a WeCall handset is set up with. A line that begins with # and a name is not in force: it shows what holds
# without it, or an example. Take the # away to set it. `wecall bundle check` tells every mistake, with its line.
"""


def template(filled: Mapping[KeyPath, Any], tables_on: Collection[KeyPath] = ()) -> str:
    """Write a configuration.

    Args:
        filled: values of settings; those that are required and stand in a table that is in force are left to be filled
            in where they are not here. Of a list of tables there is one.
        tables_on: tables that need not be there and are in force all the same.
    """
    top = "\n".join(
        line
        for setting in top_settings()
        for line in (*_comment(_meaning(setting)), *_setting(setting, (), filled, on=True))
    )
    parts = [_HEAD, f"{top}\n"]
    parts += ["\n".join(_table(table, filled, tables_on)) + "\n" for table in tables()]
    return "\n".join(parts)


def to_toml(value: Any) -> str:
    """Write a value as TOML has it."""
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return to_toml(value.value)
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case Mapping():
            return "{ " + ", ".join(f"{json.dumps(str(key))} = {to_toml(each)}" for key, each in value.items()) + " }"
        case frozenset():
            return to_toml(sorted(value))
        case tuple() | list():
            return f"[{', '.join(map(to_toml, value))}]"
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def shown_text(setting: Setting) -> str:
    """Return what a setting is shown with: what holds without it, or else an example."""
    value = setting.default
    if value is None or (not value and not isinstance(value, bool | int | float)):
        value = setting.form.examples[0] if setting.form.examples else value
    if setting.form.hexadecimal:
        return f"0x{value:02X}"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return "[\n" + "".join(f"  {to_toml(line)},\n" for line in value) + "]"
    return to_toml(value)


def _table(table: Table, filled: Mapping[KeyPath, Any], tables_on: Collection[KeyPath]) -> Iterator[str]:
    on = table.path in tables_on or not table.optional
    place: KeyPath = (*table.path, 0) if table.several else table.path
    for paragraph in table.meaning.split("\n\n"):
        yield from _comment(" ".join(paragraph.split()))
    if table.settings:
        yield table.header if on else _OFF + table.header
    for _, group in groupby(table.settings, key=lambda setting: setting.names):
        settings = list(group)
        yield from _comment(_meaning(settings[0]))
        for setting in settings:
            yield from _setting(setting, place, filled, on=on)


def _setting(setting: Setting, place: KeyPath, filled: Mapping[KeyPath, Any], *, on: bool) -> Iterator[str]:
    path = (*place, setting.name)
    hint = setting.form.hint if setting.form.choices not in ((True, False), (setting.default,)) else ""
    if path in filled:
        yield _line(setting.name, to_toml(filled[path]), hint if filled[path] != "" else _TO_FILL_IN)
    elif setting.required and on:
        yield _line(setting.name, '""', _TO_FILL_IN)
    elif not place:
        yield _line(setting.name, to_toml(setting.default), hint)
    elif not setting.form.secret:
        value = shown_text(setting)
        yield from (_OFF + line for line in _line(setting.name, value, "" if "\n" in value else hint).split("\n"))


def _line(name: str, value: str, remark: str) -> str:
    return f"{name} = {value}" + (f"  # {remark}" if remark else "")


def _meaning(setting: Setting) -> str:
    if setting.form.secret:
        return f"{setting.name}: {setting.meaning}."
    return f"{setting.meaning[:1].upper()}{setting.meaning[1:]}."


def _comment(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
