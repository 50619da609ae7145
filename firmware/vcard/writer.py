"""Writes contacts as vCards, version 3.0 or 4.0."""

import base64
from collections.abc import Iterator
from typing import Final

from vobject.base import backslashEscape, dquoteEscape

from firmware.phone.contact import ContactNumber, NumberKind
from firmware.vcard.properties import Card, CardParameter, CardProperty, Properties, Version, is_sip_address

_TYPES: Final = {NumberKind.MOBILE: "CELL", NumberKind.HOME: "HOME", NumberKind.WORK: "WORK"}
_MAX_LINE_BYTES: Final = 75
_SPELLED: Final = {"X-ABLABEL": "X-ABLabel", "X-ABSHOWAS": "X-ABShowAs"}
"""As Apple's programs write them."""


def card_text(card: Card, version: Version = "3.0") -> str:
    """Write one contact: its name, its numbers, its photo, which is a JPEG, and what was kept of its card.

    Ring and blocking are this handset's own.
    """
    return "".join(_folded(line) for line in _lines(card, version))


def _lines(card: Card, version: Version) -> Iterator[str]:
    contact = card.contact
    name: str = backslashEscape(contact.name)
    yield "BEGIN:VCARD"
    yield f"VERSION:{version}"
    if not any(each.name == "N" for each in card.properties):
        yield f"N:{name};;;;"
    yield f"FN:{name}"
    for number in contact.numbers:
        yield _line(_number(number, card.properties), version)
    for each in card.properties:
        if not each.is_number:
            yield _line(each, version)
    if card.photo:
        data = base64.b64encode(card.photo).decode()
        yield f"PHOTO;ENCODING=b;TYPE=JPEG:{data}" if version == "3.0" else f"PHOTO:data:image/jpeg;base64,{data}"
    yield "END:VCARD"


def _folded(line: str) -> str:
    """Return a line in pieces of at most 75 bytes that begin with a space (RFC 6350 section 3.2), no letter cut."""
    pieces: list[str] = []
    data = line.encode()
    while data:
        end = _MAX_LINE_BYTES - (1 if pieces else 0)
        while end < len(data) and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a byte within a letter of UTF-8
            end -= 1
        pieces.append(data[:end].decode())
        data = data[end:]
    return "\r\n ".join(pieces) + "\r\n"


def _number(number: ContactNumber, properties: Properties) -> CardProperty:
    """Return a number's property, with what its card said of it; what it is may have been changed since."""
    kept = next((each for each in properties if each.is_number and each.value == number.number), None)
    if kept is None:
        kept = CardProperty(name="IMPP" if is_sip_address(number.number) else "TEL", value=number.number)
    types = [value for each in kept.parameters if each.name == "TYPE" for value in each.values]
    wanted = _TYPES.get(number.kind)
    if not (wanted in types if wanted else set(types).isdisjoint(_TYPES.values())):
        types = [*([wanted] if wanted else []), *(each for each in types if each not in _TYPES.values())]
    others = tuple(each for each in kept.parameters if each.name != "TYPE")
    parameters = (*([CardParameter(name="TYPE", values=tuple(types))] if types else []), *others)
    value = number.number if is_sip_address(number.number) else backslashEscape(number.number)
    return kept.model_copy(update={"value": value, "parameters": parameters})


def _line(kept: CardProperty, version: Version) -> str:
    name = _SPELLED.get(kept.name, kept.name)
    said = "".join(f";{name}={','.join(map(dquoteEscape, values))}" for name, values in _parameters(kept, version))
    return f"{kept.group}{'.' if kept.group else ''}{name}{said}:{kept.value}"


def _parameters(kept: CardProperty, version: Version) -> Iterator[tuple[str, tuple[str, ...]]]:
    for each in kept.parameters:
        if each.name == "TYPE" and version == "4.0":
            # What version 3.0 has a type for (RFC 6350 section 5.3).
            types = tuple(value.lower() for value in each.values if value != "PREF")
            yield from [("TYPE", types)] if types else []
            yield from [("PREF", ("1",))] if "PREF" in each.values else []
        else:
            yield each.name, each.values
