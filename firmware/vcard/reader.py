"""Reads contacts from vCards of versions 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350), as phones old and new write them.

vobject takes each line apart. What a line's value says differs by version and program, and is understood here.
"""

import base64
import binascii
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import unquote

from pydantic import ValidationError
from vobject.base import ParseError, getLogicalLines, textLineToContentLine
from vobject.vcard import splitFields

from firmware.phone.contact import MAX_NUMBERS, Contact, ContactNumber, NumberKind, cleaned, cleaned_number
from firmware.vcard.cards import Broken, Mistake, RawCard, split
from firmware.vcard.properties import (
    MAX_PHOTO_BYTES,
    STANDARD_NAMES,
    Card,
    CardParameter,
    CardProperty,
    bounded,
    is_sip_address,
    of_contact,
)

_KINDS: Final = {
    "CELL": NumberKind.MOBILE,
    "IPHONE": NumberKind.MOBILE,
    "HOME": NumberKind.HOME,
    "WORK": NumberKind.WORK,
}
_CHARSET: Final = re.compile(rb"CHARSET=\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_CHINESE: Final = re.compile("[\u3400-\u9fff]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MOST_NUMBERS_LOOKED_AT: Final = 500
MOST_CARDS: Final = 200_000
"""Twice as many as an address book holds: a file with more of them is made to be long."""

_ENCODINGS: Final = frozenset({"B", "BASE64", "QUOTED-PRINTABLE", "8BIT", "7BIT"})
_BINARY: Final = frozenset({"B", "BASE64"})
_OLD: Final = "2.1"
_STRUCTURED: Final = frozenset({"ADR", "N", "ORG"})
_NOT_TEXT: Final = frozenset(
    {"ANNIVERSARY", "BDAY", "CALADRURI", "CALURI", "FBURL", "GEO", "IMPP", "PHOTO", "UID", "URL"}
)
"""Values without escapes in version 2.1: dates and addresses."""
_SAID_OTHERWISE: Final = frozenset({"TYPE", "ENCODING", "CHARSET", "VALUE", "PREF"})
"""Parameters that are not kept as they are."""


@dataclass(frozen=True, slots=True)
class Read:
    """A contact that was read.

    Attributes:
        line: where its card begins.
        cut: something of it was left out, because it was too long or there was too much of it.
        photo_left_out: its picture was.
    """

    card: Card
    line: int
    cut: bool = False
    photo_left_out: bool = False

    @property
    def contact(self) -> Contact:
        """The contact that the card is of."""
        return self.card.contact


def read_contacts(file: BinaryIO) -> Iterator[Read | Broken]:
    """Yield what is on each card of a file, or what is wrong with it; one card's mistake is nothing to the others.

    After MOST_CARDS the last thing that is yielded is that there are too many.
    """
    for place, card in enumerate(split(file)):
        if place == MOST_CARDS:
            yield Broken(card.line, Mistake.TOO_MANY)
            return
        yield card if isinstance(card, Broken) else _read(card)


def _read(raw: RawCard) -> Read | Broken:
    try:
        needed = [_parsed(text, place) for text, place in _logical_lines(raw.lines)]
        more, unreadable = _readable(raw.more)
        contact = _contact(needed, more)
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over, the card is broken and the next one may not be
        return Broken(_line_of(raw, error), Mistake.UNREADABLE)
    kept = cleaned(contact)
    if not kept.name and not kept.numbers:
        return Broken(raw.line, Mistake.EMPTY)
    if not kept.name:
        kept = cleaned(Contact(0, kept.numbers[0].number, kept.numbers))
    shorter = len(kept.name) < len(" ".join(contact.name.split())) - _HIDDEN_AT_MOST
    photo, photo_left_out = _photo(bytes(raw.photo))
    said = [line for line in (*needed, *more, *photo) if not _is_only(line, contact.name)]
    found, impossible = _properties(said, is_old=_version(needed) == _OLD)
    properties = of_contact(bounded(found), kept)
    cut = (
        shorter
        or raw.left_out
        or unreadable
        or impossible
        or len(contact.numbers) > MAX_NUMBERS
        or not all(cleaned_number(each.number) for each in contact.numbers)
        or len(properties) < len(of_contact(tuple(found), kept))
    )
    content = next((line.value for line in photo if isinstance(line.value, bytes)), b"")
    return Read(Card(kept, properties, content), raw.line, cut, raw.photo_left_out or photo_left_out)


_HIDDEN_AT_MOST: Final = 8
"""So many invisible characters may go without a word."""


# --- lines ------------------------------------------------------------------------------------------------------------


def _logical_lines(lines: Sequence[bytes]) -> Iterator[tuple[str, int]]:
    """Yield each unfolded line, and which of `lines` it ends with."""
    yield from getLogicalLines(io.StringIO(_decoded(lines)), allowQP=True)


def _parsed(text: str, place: int | None = None) -> Any:
    return textLineToContentLine(text, place)


def _readable(lines: Sequence[bytes]) -> tuple[list[Any], bool]:
    """Return what can be read, and whether something cannot."""
    found, unreadable = [], False
    for text, _ in _logical_lines(lines):
        try:
            found.append(_parsed(text))
        except (ParseError, ValueError, LookupError):
            unreadable = True
    return found, unreadable


def _decoded(lines: Sequence[bytes]) -> str:
    """Return lines as text: UTF-8, or else what they name, or else what phones of its time wrote."""
    data = re.sub(rb"(?i)quoted-printable", b"QUOTED-PRINTABLE", b"\n".join(lines))
    named = [match.decode("ascii") for match in _CHARSET.findall(data)]
    for encoding in ("utf-8", *named, "gb2312"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace")


def _line_of(card: RawCard, error: Exception) -> int:
    place = getattr(error, "lineNumber", None)
    index = place - 1 if isinstance(place, int) else -1
    return card.numbers[index] if 0 <= index < len(card.numbers) else card.line


def _version(lines: Iterable[Any]) -> str:
    return next((str(line.value).strip() for line in lines if line.name == "VERSION"), "")


# --- name and numbers -------------------------------------------------------------------------------------------------


def _contact(needed: Sequence[Any], more: Sequence[Any]) -> Contact:
    lines = [line for line in (*needed, *more) if _number(line)][:_MOST_NUMBERS_LOOKED_AT]
    numbers = sorted(lines, key=lambda line: not _is_preferred(line))
    return Contact(0, _name(needed), tuple(ContactNumber(_number(line), _kind(line)) for line in numbers))


def _name(lines: Sequence[Any]) -> str:
    for name in ("FN", "N", "NICKNAME", "ORG"):
        for line in lines:
            if line.name == name and (said := _person(line.value) if name == "N" else _text(line.value, name)):
                return said
    return ""


def _text(value: str, name: str) -> str:
    """Return a value in one line."""
    if name in _STRUCTURED:
        return " ".join(part for part in map(_joined, splitFields(value)) if part)
    return _ESCAPED.sub(lambda match: " " if match[1] in "nN" else match[1], value).strip()


def _person(value: str) -> str:
    """Return a name of parts in the order in which people say it."""
    family, given, additional, prefix, suffix, *_ = [*map(_joined, splitFields(value)), *[""] * 5]
    if _CHINESE.search(family + given):
        return family + given
    return " ".join(filter(None, (prefix, given, additional, family, suffix)))


def _is_only(line: Any, name: str) -> bool:
    """Whether a line says that the first part of a name is all of it, as programs write that know no parts."""
    if line.name != "N" or line.value.startswith(";"):
        return False
    return [part for part in map(_joined, splitFields(line.value)) if part] == [name]


def _joined(part: str | list[str]) -> str:
    return part.strip() if isinstance(part, str) else " ".join(each.strip() for each in part)


def _types(line: Any) -> list[str]:
    named = [value for values in (line.params.get("TYPE", []), line.singletonparams) for value in values]
    types = [part.strip().upper() for value in named for part in value.split(",")]
    return [each for each in dict.fromkeys(types) if each and each not in _ENCODINGS]


def _kind(line: Any) -> NumberKind:
    types = _types(line)
    return next((kind for name, kind in _KINDS.items() if name in types), NumberKind.OTHER)


def _is_preferred(line: Any) -> bool:
    return "PREF" in _types(line) or "PREF" in line.params


def _number(line: Any) -> str:
    """Return a number as people write it, or a SIP address; empty where the line has neither."""
    if line.name not in {"TEL", "IMPP", "X-SIP"}:
        return ""
    text = _text(str(line.value), line.name)
    if line.name == "X-SIP" and text and not is_sip_address(text):
        # Without its scheme, as Android writes it.
        return f"sip:{text}"
    if line.name == "IMPP" and not is_sip_address(text):
        return ""
    return _of_tel_uri(text[4:]) if text[:4].lower() == "tel:" else text


def _of_tel_uri(text: str) -> str:
    """Return the number of a `tel:` URI (RFC 3966) with its extension, and without its other parameters."""
    number, *parameters = unquote(text).split(";")
    extension = next((each[4:] for each in parameters if each[:4].lower() == "ext="), "")
    return f"{number} ext. {extension}" if extension else number


# --- what else is kept ------------------------------------------------------------------------------------------------


def _photo(text: bytes) -> tuple[list[Any], bool]:
    """Return a card's picture as a line whose value is a file or an address, and whether it was left out."""
    if not text:
        return [], False
    try:
        line = _parsed(text.decode("ascii"))
    except (ParseError, ValueError, LookupError):
        return [], True
    value = str(line.value).strip()
    uri = re.match(r"data:[^,;]*(?:;[^,;]*)*;base64,", value, re.IGNORECASE)
    if not (_is_binary(line) or uri):
        return ([line], False) if re.match(r"https?://\S+\Z", value) else ([], True)
    try:
        content = base64.b64decode(re.sub(r"\s", "", value[uri.end() :] if uri else value), validate=True)
    except binascii.Error:
        return [], True
    if not 0 < len(content) <= MAX_PHOTO_BYTES:
        return [], True
    line.value = content
    return [line], False


def _is_binary(line: Any) -> bool:
    said = (*line.params.get("ENCODING", []), *line.singletonparams)
    return not _BINARY.isdisjoint(map(str.upper, said))


def _properties(lines: Sequence[Any], *, is_old: bool) -> tuple[list[CardProperty], bool]:
    """Return what can be kept, and whether something cannot."""
    found, impossible = [], False
    for line in lines:
        if not (line.name in STANDARD_NAMES or line.name.startswith("X-")) or isinstance(line.value, bytes):
            continue
        if _is_binary(line):
            impossible = True
            continue
        try:
            if (kept := _property(line, is_old=is_old)) is not None:
                found.append(kept)
        except ValidationError:
            impossible = True
    return found, impossible


def _property(line: Any, *, is_old: bool) -> CardProperty | None:
    """Return a line as it is kept; None where it says nothing, or nothing that is not said by a number's kind.

    Raises:
        ValidationError: it holds what is not kept.
    """
    name, group = line.name, line.group or ""
    if number := _number(line):
        name, value = "IMPP" if is_sip_address(cleaned_number(number)) else "TEL", cleaned_number(number)
        if name == "TEL" and _says_no_more_than_a_kind(line):
            return None
    else:
        value = _in_one_line(str(line.value).strip(), name, is_old=is_old)
    if not value.replace(";", ""):
        return None
    return CardProperty(name=name, value=value, group=group, parameters=tuple(_parameters(line)))


def _says_no_more_than_a_kind(line: Any) -> bool:
    types = set(_types(line)) - {"VOICE", "PREF"}
    return not line.group and len(types) <= 1 and types <= set(_KINDS) and not set(line.params) - _SAID_OTHERWISE


def _parameters(line: Any) -> Iterator[CardParameter]:
    """Yield a line's parameters, without those that say how its value is encoded."""
    # Version 4.0 has a parameter for what versions before have a type for (RFC 6350 section 5.3).
    types = [each for each in _types(line) if each != "PREF"] + (["PREF"] if _is_preferred(line) else [])
    if types:
        yield CardParameter(name="TYPE", values=tuple(types))
    for name, values in line.params.items():
        kept = tuple(filter(None, values))
        if kept and (name not in _SAID_OTHERWISE or (name == "VALUE" and line.name not in {"TEL", "IMPP"})):
            yield CardParameter(name=name, values=kept)


def _in_one_line(value: str, name: str, *, is_old: bool) -> str:
    """Return a value as it stands in a card of version 3.0, whose escapes version 4.0 has too."""
    if is_old and name not in _NOT_TEXT:
        # Version 2.1 knows none of the escapes but that of a semicolon between parts; many programs wrote them all.
        value = re.sub(r"\\(?![\\;,nN:])", r"\\\\", value)
        value = re.sub(r"(?<!\\),", r"\\,", value)
    # Apple's programs escape colons, for which neither version has an escape.
    value = _ESCAPED.sub(lambda match: ":" if match[1] == ":" else match[0], value)
    return re.sub(r"\r\n?|\n", r"\\n", value).replace("\t", " ")
