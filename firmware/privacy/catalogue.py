"""The catalogue of purposes: what the holder is told before answering, and what is written on a receipt.

One comes with the firmware. The operator may send others, signed; they change words and for how long something is
kept, and nothing of what this firmware does: which data it uses, where they go and what it cannot do without.
"""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from firmware.base.errors import HandsetError
from firmware.phone.purpose import Purpose
from firmware.privacy.dpv import DataCategory, Region

_MOST_PURPOSES: Final = 32
_MOST_DAYS: Final = 36_500

Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")]
PurposeId = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]
Sentences = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CatalogueError(HandsetError):
    """A catalogue cannot be used with this firmware."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BothNames(_Part):
    """A name in both languages."""

    en: Name
    zh: Name

    def in_language(self, language: str) -> str:
        """Return it in the language of the display."""
        return self.zh if language == "zh" else self.en


class BothTexts(_Part):
    """Sentences in both languages."""

    en: Sentences
    zh: Sentences

    def in_language(self, language: str) -> str:
        """Return them in the language of the display."""
        return self.zh if language == "zh" else self.en


class Retention(BothTexts):
    """For how long what is used is kept, in words.

    Attributes:
        days: the same as a number, where it is one: 0 for no longer than the call.
    """

    days: Annotated[int, Field(ge=0, le=_MOST_DAYS)] | None


class PurposeEntry(_Part):
    """One purpose.

    Attributes:
        id: names it; one that this firmware does not know cannot be asked for.
        name: in a few words.
        covers: what is done and what is not.
        recipients: who gets something.
        retention: for how long it is kept.
        data: what it takes.
        region: where that comes to.
        needed: there is no service without it.
        since_policy: the first policy that this entry, as it is, belongs to.
    """

    id: PurposeId
    name: BothNames
    covers: BothTexts
    recipients: BothTexts
    retention: Retention
    data: Annotated[tuple[DataCategory, ...], Field(min_length=1, max_length=len(DataCategory))]
    region: Region
    needed: bool
    since_policy: Version

    @property
    def purpose(self) -> Purpose | None:
        """The purpose, None where this firmware does not know it."""
        return Purpose(self.id) if self.id in set(Purpose) else None

    def does_the_same(self, other: Self) -> bool:
        """Tell whether another entry takes the same data to the same place, and is needed as much."""
        return (set(self.data), self.region, self.needed) == (set(other.data), other.region, other.needed)


class Catalogue(_Part):
    """Purposes, each once.

    Attributes:
        version: what it is called.
        purposes: what the holder may say yes to.
    """

    version: Version
    purposes: Annotated[tuple[PurposeEntry, ...], Field(min_length=1, max_length=_MOST_PURPOSES)]

    @model_validator(mode="after")
    def _each_stands_once(self) -> Self:
        if len({entry.id for entry in self.purposes}) < len(self.purposes):
            raise ValueError("a purpose stands more than once")
        return self

    def entry(self, purpose: Purpose) -> PurposeEntry:
        """Return what is said of a purpose; every one that this firmware knows is there in a catalogue in force."""
        return next(entry for entry in self.purposes if entry.id == purpose)


@functools.cache
def built_in() -> Catalogue:
    """Return the catalogue that comes with this firmware. It needs no signature beside that of the firmware."""
    text = (resources.files("firmware.privacy") / "texts" / "purposes.json").read_text(encoding="utf-8")
    return Catalogue.model_validate_json(text)


def read_catalogue(content: Mapping[str, Any]) -> Catalogue:
    """Read a catalogue of the operator's, whose signature the caller has checked.

    Raises:
        CatalogueError: it is none, or it says of a purpose what this firmware does not do.
    """
    try:
        # As JSON: a list there is a tuple here.
        catalogue = Catalogue.model_validate_json(json.dumps(content))
    except ValidationError as error:
        # The error's own text quotes the content.
        places = ", ".join(".".join(map(str, item["loc"])) or "the whole" for item in error.errors(include_input=False))
        raise CatalogueError(f"The catalogue of purposes is not understood at: {places}.") from error
    for entry in catalogue.purposes:
        if (purpose := entry.purpose) is not None and not entry.does_the_same(built_in().entry(purpose)):
            raise CatalogueError(
                f"The catalogue says of the purpose {purpose} that it takes other data, to another place, or is needed "
                "where this firmware does without. Sign one that says what this firmware does."
            )
    return catalogue


def merge(current: Catalogue, newer: Catalogue) -> tuple[Catalogue, frozenset[Purpose]]:
    """Put a newer catalogue in the place of the one in force.

    Purposes of which it says nothing stay as they are; those that this firmware does not know are left out.

    Returns:
        The catalogue, and the purposes of which it says something else than before: no earlier answer counts for them.
    """
    told = {purpose: entry for entry in newer.purposes if (purpose := entry.purpose) is not None}
    entries = {purpose: told.get(purpose, current.entry(purpose)) for purpose in Purpose}
    changed = frozenset(purpose for purpose, entry in entries.items() if entry != current.entry(purpose))
    return Catalogue(version=newer.version, purposes=tuple(entries.values())), changed
