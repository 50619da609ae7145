"""Changes in a configuration: to what TOML says, and to its text, whose comments stay where they are."""

import copy
import tomllib
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from provisioning.errors import ProvisioningError
from provisioning.remarks import KeyPath

Settings = Iterable[tuple[KeyPath, Any]]
"""Where settings stand, and their values."""


def changed(raw: Mapping[str, Any], settings: Settings, without: Iterable[KeyPath] = ()) -> dict[str, Any]:
    """Return what TOML would say with other settings.

    Args:
        raw: what it says.
        settings: where each stands, and its value; tables that are missing are made.
        without: where those stand that go; what is not there is gone already.

    Raises:
        ProvisioningError: a table that would hold a setting is something else.
    """
    document = copy.deepcopy(dict(raw))
    _apply(document, settings, without, dict, list)
    return document


def change_text(text: str, settings: Settings, without: Iterable[KeyPath] = ()) -> str:
    """Do the same to a configuration as it is written.

    Raises:
        ProvisioningError: it is not TOML, or a table that would hold a setting is something else.
    """
    settings, without = tuple(settings), tuple(without)
    try:
        document = tomlkit.parse(text)
        _apply(document, settings, without, tomlkit.table, tomlkit.aot)
        written = tomlkit.dumps(document)
        wanted = changed(tomllib.loads(text), settings, without)
    except (TOMLKitError, tomllib.TOMLDecodeError) as error:
        raise ProvisioningError(f"The configuration is not valid TOML: {error}.") from error
    if tomllib.loads(written) != wanted:
        raise ProvisioningError("The configuration is written in a way that cannot be changed here. Write it plainer.")
    return written


def _apply(
    document: Any,
    settings: Settings,
    without: Iterable[KeyPath],
    new_table: Callable[[], Any],
    new_list: Callable[[], Any],
) -> None:
    for path, value in settings:
        place = document
        try:
            for part, following in pairwise(path):
                place = _below(place, part, new_list if isinstance(following, int) else new_table)
            place[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            name = ".".join(map(str, path))
            raise ProvisioningError(f"{name} cannot be set: what should hold it is missing, or no table.") from None
    for path in without:
        place = document
        try:
            for part in path[:-1]:
                place = place[part]
            del place[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue


def _below(place: Any, part: str | int, make: Callable[[], Any]) -> Any:
    """Return what stands there; a table, and the next entry of a list, are made where they are missing."""
    if isinstance(part, int):
        if part == len(place):
            place.append(make())
    elif part not in place:
        place[part] = make()
    return place[part]
