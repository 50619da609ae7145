"""What is said of a mistake in a configuration: what the setting takes, and what may have been meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

from pydantic_core import ErrorDetails

from provisioning.reference import form_at, headers_with
from provisioning.remarks import KeyPath, joined

_PYDANTICS_WORDS: Final = "Value error, "
_LEAST_OF_A_NAME: Final = 4


def words_of(item: ErrorDetails, path: KeyPath, value: Any) -> str:
    """Say what is wrong with a setting, and what it takes instead; what stands there is not repeated.

    Args:
        item: what pydantic says.
        path: the setting.
        value: what stands there, None where it is missing.
    """
    form = form_at(path)
    if value == "" and form is not None:
        return f"has to be filled in; it takes {form.words}"
    if item["type"] == "value_error":
        return item["msg"].removeprefix(_PYDANTICS_WORDS)
    if path == ("version",):
        return "this firmware reads version 1 of configurations; newer ones need newer firmware"
    if form is None:
        return item["msg"]
    if item["type"] == "string_too_long":
        return f"is too long; it takes up to {item['ctx']['max_length']} letters"
    header = ".".join(str(key) for key in path if isinstance(key, str))
    if form.table is not None and isinstance(value, list):
        return f"there is only one of this table: write [{header}], in single brackets"
    if form.item is not None and form.item.table is not None and isinstance(value, dict):
        return f"there may be several of this table: write [[{header}]], in double brackets"
    if item["type"] == "missing":
        return "is missing" if form.table or form.item else f"is missing; it takes {form.words}"
    near = near_to(str(value), map(str, form.choices)) if isinstance(value, str) else None
    return f"takes {form.words}" + (f'; did you mean "{near}"?' if near else "")


def unknown_words(path: KeyPath, meant: Iterable[KeyPath]) -> str:
    """Say that there is no such setting, and which one is meant or where it belongs."""
    for near in meant:
        return f"there is no such setting; did you mean {near[-1]}?"
    if elsewhere := headers_with(str(path[-1])):
        return f"there is no such setting here; it belongs in {joined(elsewhere, quote=False)}"
    return "there is no such setting; look for a spelling mistake, or take it out"


def key_words(path: KeyPath) -> str:
    """Say that a table with keys of its own has no such key."""
    table = form_at(path[:-1])
    return "there is no such key" + (f"; there are {table.keys.words}" if table and table.keys else "")


def near_to(name: str, names: Iterable[str]) -> str | None:
    """Return which of some names somebody may have meant."""
    by_spelling = {known.lower(): known for known in names}
    spelling = name.lower().replace("-", "_").replace(" ", "_")
    if near := get_close_matches(spelling, by_spelling, n=1):
        return by_spelling[near[0]]
    longer = [known for known in by_spelling if len(spelling) >= _LEAST_OF_A_NAME and known.startswith(spelling)]
    return by_spelling[longer[0]] if len(longer) == 1 else None
