"""Reads contacts from vCards of versions 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350), as phones old and new write them.

vobject knows no version 4 of its own and reads it as version 3; what differs for names and numbers (URIs as values,
several types in one parameter) is understood here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import unquote

import vobject

from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.phone.contact_text import MAX_NUMBERS, cleaned
from firmware.vcard.cards import Broken, Mistake, RawCard, split

_KINDS: Final = {
    "CELL": NumberKind.MOBILE,
    "IPHONE": NumberKind.MOBILE,
    "HOME": NumberKind.HOME,
    "WORK": NumberKind.WORK,
}
_CHARSET: Final = re.compile(rb"CHARSET=\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_CHINESE: Final = re.compile("[\u3400-\u9fff]")
_MOST_NUMBERS_LOOKED_AT: Final = 500
MOST_CARDS: Final = 200_000
"""Twice as many as an address book holds: a file with more of them is made to be long."""


@dataclass(frozen=True, slots=True)
class Read:
    """A contact that was read.

    Attributes:
        line: where its card begins.
        cut: something of it was left out, because it was too long or there was too much of it.
    """

    contact: Contact
    line: int
    cut: bool = False


def read_contacts(file: BinaryIO) -> Iterator[Read | Broken]:
    """Yield what is on each card of a file, or what is wrong with it; one card's mistake is nothing to the others.

    After MOST_CARDS the last thing that is yielded is that there are too many.
    """
    for place, card in enumerate(split(file)):
        if place == MOST_CARDS:
            yield Broken(card.line, Mistake.TOO_MANY)
            return
        yield card if isinstance(card, Broken) else _read(card)


def _read(card: RawCard) -> Read | Broken:
    text = "\r\n".join(["BEGIN:VCARD", *_decoded(card).split("\n"), "END:VCARD", ""])
    try:
        parsed = vobject.readOne(text, allowQP=True)
        contact = _contact(parsed)
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over, the card is broken and the next one may not be
        return Broken(_line_of(card, error), Mistake.UNREADABLE)
    kept = cleaned(contact)
    if not kept.name and not kept.numbers:
        return Broken(card.line, Mistake.EMPTY)
    if not kept.name:
        kept = cleaned(Contact(0, kept.numbers[0].number, kept.numbers))
    shorter = len(kept.name) < len(" ".join(contact.name.split())) - _HIDDEN_AT_MOST
    return Read(kept, card.line, cut=shorter or len(contact.numbers) > MAX_NUMBERS)


_HIDDEN_AT_MOST: Final = 8
"""So many invisible characters may go without a word."""


def _decoded(card: RawCard) -> str:
    """Return a card's text: UTF-8, or else what its lines name, or else what phones of its time wrote."""
    data = re.sub(rb"(?i)quoted-printable", b"QUOTED-PRINTABLE", b"\n".join(card.lines))
    named = [match.decode("ascii") for match in _CHARSET.findall(data)]
    for encoding in ("utf-8", *named, "gb2312"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace")


def _line_of(card: RawCard, error: Exception) -> int:
    place = getattr(error, "lineNumber", None)
    # The line that begins the card comes first for vobject.
    index = place - 2 if isinstance(place, int) else -1
    return card.numbers[index] if 0 <= index < len(card.numbers) else card.line


def _contact(parsed: Any) -> Contact:
    numbers = sorted(
        (line for line in parsed.contents.get("tel", [])[:_MOST_NUMBERS_LOOKED_AT] if _number(line)),
        key=lambda line: not _is_preferred(line),
    )
    return Contact(0, _name(parsed), tuple(ContactNumber(_number(line), _kind(line)) for line in numbers))


def _name(parsed: Any) -> str:
    contents = parsed.contents
    for key in ("fn", "n", "nickname", "org"):
        for line in contents.get(key, []):
            if name := _text(line.value):
                return name
    return ""


def _text(value: Any) -> str:
    """Return a value in one line; a name of parts in the order in which people say it."""
    if isinstance(value, vobject.vcard.Name):
        family, given = _text(value.family), _text(value.given)
        if _CHINESE.search(family + given):
            return family + given
        parts = (_text(value.prefix), given, _text(value.additional), family, _text(value.suffix))
        return " ".join(filter(None, parts))
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(_text, value)))
    return str(value).strip()


def _types(line: Any) -> set[str]:
    named = [value for values in (line.params.get("TYPE", []), line.singletonparams) for value in values]
    return {part.strip().upper() for value in named for part in value.split(",")}


def _kind(line: Any) -> NumberKind:
    types = _types(line)
    return next((kind for name, kind in _KINDS.items() if name in types), NumberKind.OTHER)


def _is_preferred(line: Any) -> bool:
    return "PREF" in _types(line) or "PREF" in line.params


def _number(line: Any) -> str:
    """Return a number; of a `tel:` URI (RFC 3966) without its parameters."""
    text = str(line.value).strip()
    if not re.match(r"(?i)tel:", text):
        return text
    return unquote(text[4:].partition(";")[0])
