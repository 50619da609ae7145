"""Finds every mistake in a configuration at once, each with its place.

A table with a mistake in it says nothing of what its other settings do together. So what has a mistake is left out and
the rest is looked at again, until nothing new turns up. What only follows from something that was left out is not told.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from provisioning.errors import ProvisioningError
from provisioning.mistake_words import key_words, near_to, unknown_words, words_of
from provisioning.places import Places
from provisioning.reference import form_at, forms_of
from provisioning.remarks import BYTE_ORDER_MARK, KeyPath, Remark, by_place, counted, mistake
from provisioning.schema import Configuration
from provisioning.section import ConflictError
from provisioning.toml_text import TomlText, read_toml
from provisioning.trust import TrustedKey

_STAND_INS: Final[dict[str, Any]] = {
    "device": {"id": "stand-in"},
    "accounts": [{"username": "stand-in", "domain": "stand-in.invalid"}],
}
"""What takes the place of what every configuration must have, so that the rest can be looked at without it."""

_MOST_ROUNDS: Final = 20
_MOST_MISTAKES: Final = 100
"""Nobody reads more of them at once, and whoever wrote thousands must not keep a handset busy."""


@dataclass(frozen=True)
class Examination:
    """What was found in a text.

    Attributes:
        text: the text, without lines that are not TOML.
        mistakes: everything that must be corrected, in the order of the text.
        configuration: what the text says, None where it has mistakes.
        rest: what it says without what has mistakes, None where nothing can be made of it.
        left_out: the settings that have mistakes.
        lost: the names of settings in lines that are not TOML.
        account_order: for each account of `rest`, the default one first, which one of the file it is.
    """

    text: str
    mistakes: tuple[Remark, ...]
    configuration: Configuration | None = None
    rest: Configuration | None = None
    left_out: tuple[KeyPath, ...] = ()
    lost: frozenset[str] = frozenset()
    account_order: tuple[int, ...] = ()

    @cached_property
    def _places(self) -> Places:
        return Places(self.text)

    def located(self, remarks: Iterable[Remark]) -> tuple[Remark, ...]:
        """Give remarks about `rest` their places in the text; drop those that only follow from what was left out."""
        given = (self._in_file(remark) for remark in remarks)
        return tuple(
            replace(remark, place=self._places.nearest(remark.path))
            for remark in given
            if not _follows(remark, self.left_out, self.lost)
        )

    def _in_file(self, remark: Remark) -> Remark:
        order = self.account_order
        return replace(
            remark,
            path=_in_file_order(remark.path, order),
            about=tuple(_in_file_order(path, order) for path in remark.about),
        )


def examine(text: str) -> Examination:
    """Find every mistake in a configuration."""
    toml = read_toml(text.removeprefix(BYTE_ORDER_MARK))
    if not toml.whole:
        return Examination(text, toml.mistakes)
    search = _Search(toml)
    rest = search.run()
    mistakes = by_place((*toml.mistakes, *search.found))
    return Examination(
        toml.text,
        mistakes,
        None if mistakes else rest,
        rest,
        tuple(search.left_out),
        toml.lost,
        tuple(search.account_order),
    )


def trusted_keys(text: str) -> tuple[TrustedKey, ...]:
    """Return the keys that a configuration trusts; what else is in it need not be finished.

    A folder for many handsets never is: names and accounts are in the table beside it.

    Raises:
        ProvisioningError: nothing can be made of the text, or there is a mistake about its keys.
    """
    found = examine(text)
    mistakes = found.mistakes
    if found.rest is not None:
        mistakes = tuple(remark for remark in mistakes if remark.path[:1] in {(), ("trust",)})
        if not mistakes:
            return found.rest.trust.keys
    raise ProvisioningError(
        f"The configuration has {counted(len(mistakes), 'mistake')}.", tuple(remark.sentence for remark in mistakes)
    )


class _Search:
    """Looks at values again and again, each time without what had a mistake."""

    def __init__(self, toml: TomlText) -> None:
        self.found: list[Remark] = []
        self.left_out: list[KeyPath] = []
        self.account_order: list[int] = []
        self._text = toml.text
        self._values = toml.values
        self._lost = toml.lost

    @cached_property
    def _places(self) -> Places:
        return Places(self._text)

    def run(self) -> Configuration | None:
        """Look until nothing new turns up; return what is left, None where that is nothing."""
        for _ in range(_MOST_ROUNDS):
            self.account_order = _account_order(self._values)
            try:
                return Configuration.model_validate(self._values)
            except ValidationError as error:
                items = error.errors(include_url=False, include_input=False)[:_MOST_MISTAKES]
            remarks = [remark for item in items if not _is_too_short_by(item, items) for remark in self._remarks(item)]
            self.found += [remark for remark in remarks if not self._is_told(remark)]
            left_out_before = len(self.left_out)
            for remark in remarks:
                self._leave_out(remark.path)
            for item in items:
                if item["type"] == "extra_forbidden":
                    for path in self._meant(item["loc"]):
                        self._leave_out(path)
            if len(self.left_out) == left_out_before or len(self.found) >= _MOST_MISTAKES:
                break
        return None

    def _is_told(self, remark: Remark) -> bool:
        """Whether something follows from what was told, or is what remains of a conflict once a part was left out."""
        return _follows(remark, self.left_out, self._lost) or any(
            remark.about and set(remark.about) <= set(before.about) for before in self.found
        )

    def _remarks(self, item: ErrorDetails) -> list[Remark]:
        path = item["loc"]
        match item["type"]:
            case "value_error" if isinstance(conflict := item.get("ctx", {}).get("error"), ConflictError):
                return [self._conflict(text, [(*path, *deeper) for deeper in about]) for text, about in conflict.found]
            case "extra_forbidden":
                return [self._unknown(path)]
            case "missing" if any(self._misspelt(path)):
                return []
        if path[-1:] == ("[key]",):
            path = path[:-1]
            return [replace(mistake(key_words(path), *path), place=self._places.key(path))]
        return [
            replace(mistake(words_of(item, path, _at(self._values, path)), *path), place=self._places.nearest(path))
        ]

    def _conflict(self, text: str, about: list[KeyPath]) -> Remark:
        about = [_in_file_order(path, self.account_order) for path in about]
        first = next((path for path in about if self._places.has(path)), about[0])
        return replace(mistake(text, *first, about=about), place=self._places.nearest(first))

    def _unknown(self, path: KeyPath) -> Remark:
        return replace(mistake(unknown_words(path, self._meant(path)), *path), place=self._places.key(path))

    def _meant(self, path: KeyPath) -> list[KeyPath]:
        """Return what a setting that there is not may be meant to be."""
        table = form_at(path[:-1])
        if table is None or table.table is None:
            return []
        near = near_to(str(path[-1]), forms_of(table.table))
        return [(*path[:-1], near)] if near else []

    def _misspelt(self, path: KeyPath) -> list[KeyPath]:
        """Return what may be meant to be a setting that is missing."""
        table = _at(self._values, path[:-1])
        names = table if isinstance(table, dict) else {}
        known = forms_of(form.table) if (form := form_at(path[:-1])) and form.table else {}
        unknown = [name for name in names if name not in known][:_MOST_MISTAKES]
        return [(*path[:-1], name) for name in unknown if path in self._meant((*path[:-1], name))]

    def _leave_out(self, path: KeyPath) -> None:
        """Take a setting out, with the list that it is in, so that no other moves; or the table that needs it."""
        while path and isinstance(path[-1], int):
            path = path[:-1]
        if not path or path in self.left_out:
            return
        table = _at(self._values, path[:-1])
        if not isinstance(table, dict):
            return
        stand_in = _stand_in(path)
        if stand_in is not None:
            table[path[-1]] = stand_in
        elif _is_required(path):
            self._leave_out(path[:-1])
        elif path[-1] in table:
            del table[path[-1]]
        self.left_out.append(path)


def _stand_in(path: KeyPath) -> Any:
    match path:
        case (("device" | "accounts") as name,):
            return deepcopy(_STAND_INS[name])
        case ("device", "id"):
            return _STAND_INS["device"]["id"]
        case ("accounts", int(position), ("username" | "domain") as name):
            return f"{position}.{_STAND_INS['accounts'][0][name]}"
        case _:
            return None


def _is_required(path: KeyPath) -> bool:
    table = form_at(path[:-1])
    if table is None or table.table is None:
        return False
    return any(
        field.is_required() and path[-1] in {name, field.alias} for name, field in table.table.model_fields.items()
    )


def _is_too_short_by(item: ErrorDetails, items: list[ErrorDetails]) -> bool:
    """Whether a list is only said to be too short because its one entry has a mistake of its own."""
    place = item["loc"]
    return item["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in items
    )


def _follows(remark: Remark, left_out: Iterable[KeyPath], lost: Iterable[str]) -> bool:
    """Whether something may only be wrong because a setting was left out."""
    left_out, lost = tuple(left_out), frozenset(lost)
    return any(
        any(path[: len(gone)] == gone[: len(path)] for gone in left_out) or (bool(path) and path[-1] in lost)
        for path in (remark.path, *remark.about)
    )


def _account_order(values: dict[str, Any]) -> list[int]:
    """Return the accounts of a file in the order that the configuration has them in: the default one first."""
    accounts = values.get("accounts")
    if not isinstance(accounts, list):
        return []
    return sorted(
        range(len(accounts)),
        key=lambda position: not (isinstance(accounts[position], dict) and accounts[position].get("default") is True),
    )


def _in_file_order(path: KeyPath, order: Sequence[int]) -> KeyPath:
    match path:
        case ("accounts", int(position), *deeper) if position < len(order):
            return ("accounts", order[position], *deeper)
        case _:
            return path


def _at(values: Any, path: KeyPath) -> Any:
    for key in path:
        try:
            values = values[key]
        except (KeyError, IndexError, TypeError):
            return None
    return values
