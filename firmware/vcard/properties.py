"""What a vCard says beside name and numbers, kept so that it can be given back: an opaque part of a contact.

A property is kept as it is written in version 3.0 (RFC 2426 section 4): its value in one line, with a backslash before
what a line cannot hold. Nothing of it is shown or acted upon. Only known names are kept, and only so much: whoever has
written the card may mean harm.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from firmware.phone.contact import Contact

Version = Literal["3.0", "4.0"]
"""Of the cards that are written."""
VERSIONS: Final[tuple[Version, ...]] = ("3.0", "4.0")

MAX_PROPERTIES: Final = 100
MAX_PROPERTIES_BYTES: Final = 48_000
"""Of one contact, as JSON in ASCII."""
MAX_PHOTO_BYTES: Final = 1_000_000

STANDARD_NAMES: Final = frozenset({
    "ADR", "ANNIVERSARY", "BDAY", "CALADRURI", "CALURI", "CATEGORIES", "EMAIL", "FBURL", "GENDER", "GEO", "IMPP",
    "KIND", "LABEL", "LANG", "N", "NICKNAME", "NOTE", "ORG", "PHOTO", "RELATED", "ROLE", "SORT-STRING", "TEL", "TITLE",
    "TZ", "UID", "URL",
})  # fmt: skip
"""Those of RFC 2426, RFC 4770 and RFC 6350 that say something of a person and are text; names of private ones begin
with X-. A PHOTO is one of these only where it is an address, which is never fetched."""

_OF_THE_NAME: Final = re.compile(r"N|SORT-STRING|X-PHONETIC-.*")
_ONCE: Final = frozenset({"ANNIVERSARY", "BDAY", "GENDER", "GEO", "KIND", "N", "SORT-STRING", "TZ", "UID"})
"""A person has one of each: of two contacts that become one, what the first says stands."""
_OF_GROUPS: Final = frozenset({"X-ABLABEL", "X-ABADR"})
"""What a program of Apple's or Google's says of another property, which has the same group before its name."""


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        raise ValueError("has a character that cannot be part of a line")
    return text


_Text = Annotated[str, AfterValidator(_one_line)]


class CardParameter(BaseModel):
    """One parameter of a property, such as TYPE, with its values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,40}\z")]
    values: Annotated[
        tuple[Annotated[_Text, Field(max_length=200, pattern=r'^[^"]*\z')], ...], Field(min_length=1, max_length=10)
    ]


class CardProperty(BaseModel):
    """One property.

    Attributes:
        name: in capital letters.
        value: as it stands in a card of version 3.0, not folded; of a number (TEL, and IMPP with a SIP address) as the
            contact has it.
        group: what stands before the name, empty for nothing.
        parameters: without those that say how the value was encoded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=rf"^(?:{'|'.join(sorted(STANDARD_NAMES))}|X-[A-Z0-9-]{{1,60}})\z")]
    value: Annotated[_Text, Field(min_length=1, max_length=20_000)]
    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,40}\z")] = ""
    parameters: Annotated[tuple[CardParameter, ...], Field(max_length=10)] = ()

    @property
    def is_number(self) -> bool:
        """Whether it belongs to one of the contact's numbers, and is nothing without it."""
        return self.name == "TEL" or (self.name == "IMPP" and is_sip_address(self.value))


Properties = tuple[CardProperty, ...]

_PROPERTIES: Final[TypeAdapter[Properties]] = TypeAdapter(Annotated[Properties, Field(max_length=MAX_PROPERTIES)])


@dataclass(frozen=True, slots=True)
class Card:
    """A contact as a card has it.

    Attributes:
        contact: its name and its numbers.
        properties: what else is kept.
        photo: a picture file, empty where there is none.
    """

    contact: Contact
    properties: Properties = ()
    photo: bytes = b""


def is_sip_address(address: str) -> bool:
    """Whether a value is a SIP address, with its scheme (RFC 3261 section 19.1)."""
    return address.lower().startswith(("sip:", "sips:"))


def read_properties(text: str | bytes) -> Properties:
    """Read properties from JSON.

    Raises:
        ValueError: they are none, or there are too many.
    """
    if len(text) > MAX_PROPERTIES_BYTES:
        raise ValueError(f"The properties of a contact take more than {MAX_PROPERTIES_BYTES} bytes.")
    return _PROPERTIES.validate_json(text)


def properties_json(properties: Properties) -> str:
    """Write properties as JSON."""
    return _PROPERTIES.dump_json(properties, exclude_defaults=True).decode()


def bounded(properties: Iterable[CardProperty]) -> Properties:
    """Return as many of the first properties as may be kept."""
    kept: list[CardProperty] = []
    left_bytes = MAX_PROPERTIES_BYTES - len("[]")
    for each in properties:
        left_bytes -= _size_bytes(each)
        if left_bytes < 0 or len(kept) == MAX_PROPERTIES:
            break
        kept.append(each)
    return tuple(kept)


def _size_bytes(kept: CardProperty) -> int:
    return len(json.dumps(kept.model_dump())) + len(", ")


def of_contact(properties: Properties, contact: Contact) -> Properties:
    """Leave out what belongs to numbers that the contact does not have, and what says something of nothing."""
    numbers = {number.number for number in contact.numbers}
    left = [each for each in properties if not each.is_number or each.value in numbers]
    named = {each.group for each in left if each.name not in _OF_GROUPS}
    return tuple(each for each in left if each.name not in _OF_GROUPS or each.group in named)


def without_name(properties: Properties) -> Properties:
    """Leave out the parts of a name and how they are read: the contact has another name now."""
    return tuple(each for each in properties if not _OF_THE_NAME.fullmatch(each.name))


def merged(there: Properties, more: Properties) -> Properties:
    """Add properties to those that are there, none twice; of what there is one of, the one that is there stays.

    Properties of one group stay together, under a name that no other group has; there is room for all of them or for
    none.
    """
    result = list(there)
    known = [_said(unit) for unit in _units(there)]
    left_bytes = MAX_PROPERTIES_BYTES - len("[]") - sum(map(_size_bytes, there))
    for unit in _units(more):
        names = {each.name for each in result} & _ONCE
        if any(each.name in names for each in unit) or any(_said(unit) <= said for said in known):
            continue
        named = [each.model_copy(update={"group": _free_group(result, each.group)}) for each in unit]
        size_bytes = sum(map(_size_bytes, named))
        if size_bytes <= left_bytes and len(result) + len(named) <= MAX_PROPERTIES:
            known.append(_said(unit))
            result += named
            left_bytes -= size_bytes
    return tuple(result)


def _free_group(properties: Sequence[CardProperty], group: str) -> str:
    """Return a group's name, or another one where some other group is called so."""
    taken = {each.group for each in properties}
    if not group or group not in taken:
        return group
    return next(name for number in range(1, len(taken) + 2) if (name := f"item{number}") not in taken)


def _units(properties: Sequence[CardProperty]) -> list[list[CardProperty]]:
    """Put those of one group together; one without a group stands alone."""
    alone = [[each] for each in properties if not each.group]
    grouped = sorted((each for each in properties if each.group), key=lambda each: each.group)
    return alone + [list(unit) for _, unit in groupby(grouped, key=lambda each: each.group)]


def _said(unit: Sequence[CardProperty]) -> set[tuple[str, str]]:
    return {(each.name, each.value.casefold()) for each in unit}
