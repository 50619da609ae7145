"""The page and the example."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from provisioning.reference import Setting, Table, tables, top_settings
from provisioning.template import shown_text, template, to_toml

_TOP: Final = Path(__file__).resolve().parents[2]

PATH: Final = _TOP / "docs" / "configuration.md"
EXAMPLE_PATH: Final = _TOP / "systemd" / "config.example.toml"

_HEAD: Final = """# What can be set

All that a configuration may say, table by table. It is a TOML file: `config.toml` in the folder that a bundle is made
from, or `/etc/wecall/config.toml` on a handset that is set up by hand. `wecall bundle init DIR` writes one with
everything in it as comments, and `wecall bundle check` tells every mistake with its line and column. What is not here
is a mistake there.

Passwords are better not in it: sealed into a bundle (`wecall bundle seal`) or kept as systemd credentials
([security](security.md#keys-and-passwords)) they have the names that the tables give.

`make reference` writes this page from the schema (`provisioning/`).

## Outside the tables

"""
_COLUMNS: Final = "| setting | takes | without it | |\n| --- | --- | --- | --- |\n"


def document() -> str:
    """Return the page, in Markdown."""
    parts = [_HEAD, _COLUMNS, *_rows(top_settings())]
    for table in tables():
        parts += [f"\n## `{table.header}`\n\n", f"{_meaning(table)}\n"]
        if table.settings:
            parts += ["\n", _COLUMNS, *_rows(table.settings)]
    return "".join(parts)


def example() -> str:
    """Return the example that an installation begins with."""
    return template(
        {
            ("device", "id"): "handset-1",
            ("accounts", 0, "username"): "1001",
            ("accounts", 0, "domain"): "sip.example.com",
        }
    )


def _meaning(table: Table) -> str:
    beginning = "May be left out. " if table.optional else ""
    paragraphs = [" ".join(paragraph.split()) for paragraph in table.meaning.split("\n\n")]
    return "\n\n".join((f"{beginning}{paragraphs[0]}", *paragraphs[1:]))


def _rows(settings: tuple[Setting, ...]) -> Iterator[str]:
    for _, group in groupby(settings, key=lambda setting: setting.names):
        meaning = None
        for setting in group:
            meaning = "likewise" if meaning is not None else _cell(f"{setting.meaning}.")
            yield f"| `{setting.name}` | {_cell(setting.form.words)} | {_without(setting)} | {meaning} |\n"


def _without(setting: Setting) -> str:
    if setting.required:
        return "must be there"
    if setting.default is None:
        return ""
    if isinstance(setting.default, tuple | dict | frozenset) and not setting.default:
        return "none"
    if isinstance(setting.default, tuple) and isinstance(setting.default[0], tuple):
        return "as in docs/wiring.md"
    text = shown_text(setting) if setting.form.hexadecimal else to_toml(setting.default)
    return f"`{text}`"


def _cell(text: str) -> str:
    """Write text so that nothing in it ends the cell or becomes emphasis; what is in backquotes stays as it is."""
    parts = re.split(r"(`[^`]*`)", text.replace("|", r"\|"))
    return "".join(part if part.startswith("`") else re.sub(r"([*<>_])", r"\\\1", part) for part in parts)
