"""What a NOTIFY says of another phone's calls (RFC 4235): how each of them stands, and never with whom.

A list of good forms: tags with quoted attributes, properly nested. A document with a declaration of types or entities,
a comment, CDATA or an instruction is refused, so that nothing in it can grow or lead elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from firmware.phone.news import Watched

_TOKEN: Final = re.compile(
    r"""<(?P<end>/?)(?:[A-Za-z][\w.-]{0,31}:)?(?P<name>[A-Za-z][\w.-]{0,63})"""
    r"""(?P<attributes>(?:\s+[A-Za-z][\w.:-]{0,63}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?P<empty>/?)>|(?P<text>[^<]+)""",
    re.ASCII,
)
_ATTRIBUTE: Final = re.compile(r"""\s([A-Za-z][\w.:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.ASCII)
_PROLOGUE: Final = re.compile(r"\s*(?:<\?xml\s[^<>?]{0,100}\?>)?\s*")
_ROOT: Final = ("dialog-info",)
_DIALOG: Final = ("dialog-info", "dialog")
_STATE: Final = ("dialog-info", "dialog", "state")
_DEEPEST: Final = 8
MOST_DIALOGS: Final = 16
_STATES: Final = frozenset({"trying", "proceeding", "early", "confirmed", "terminated"})


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """How another phone's calls stand.

    Attributes:
        is_full: calls that are not named are over; otherwise they are as they were.
        dialogs: each by the id that the server gives it.
    """

    is_full: bool
    dialogs: Mapping[str, Watched]


class _NoDialogInfoError(ValueError):
    """A text is no document of the good forms."""


def overall(dialogs: Iterable[Watched]) -> Watched:
    """Return how a phone stands that has these calls: one that rings can be picked up, whatever else there is."""
    states = set(dialogs)
    return next((state for state in (Watched.RINGING, Watched.BUSY) if state in states), Watched.FREE)


def read_dialog_info(text: str) -> DialogInfo | None:
    """Read a document of dialog-info; None where it is none."""
    is_full: bool | None = None
    identifier = direction = ""
    dialogs: dict[str, Watched] = {}
    try:
        for path, attributes, said in _parts(text):
            if path == _ROOT and attributes is not None:
                is_full = _one_of(attributes.get("state", ""), {"full", "partial"}) == "full"
            elif path == _DIALOG and attributes is not None:
                identifier, direction = attributes.get("id", ""), attributes.get("direction", "")
            elif path == _STATE and said:
                dialogs[identifier] = _state(_one_of(said, _STATES), direction)
    except _NoDialogInfoError:
        return None
    return DialogInfo(is_full, dialogs) if is_full is not None and len(dialogs) <= MOST_DIALOGS else None


def _parts(text: str) -> Iterator[tuple[tuple[str, ...], Mapping[str, str] | None, str]]:
    """Go through a document: the names that lead to each tag, with its attributes, and to each text, with None."""
    start = _PROLOGUE.match(text)
    position = start.end() if start is not None else 0
    path: tuple[str, ...] = ()
    is_over = False
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or len(path) > _DEEPEST or (is_over and text[position:].strip()):
            raise _NoDialogInfoError
        position = token.end()
        if token["text"] is not None:
            yield path, None, token["text"].strip()
        elif token["end"]:
            if path[-1:] != (token["name"],) or token["attributes"] or token["empty"]:
                raise _NoDialogInfoError
            path = path[:-1]
        else:
            attributes = {each[1]: each[2] or each[3] or "" for each in _ATTRIBUTE.finditer(token["attributes"])}
            yield (*path, token["name"]), attributes, ""
            if not token["empty"]:
                path = (*path, token["name"])
        is_over = not path and token["text"] is None
    if path:
        raise _NoDialogInfoError


def _one_of(said: str, known: Iterable[str]) -> str:
    if said not in known:
        raise _NoDialogInfoError
    return said


def _state(said: str, direction: str) -> Watched:
    if said == "terminated":
        return Watched.FREE
    # Whoever calls somebody is as busy as one who talks; where it is not said who began, the phone rings.
    return Watched.BUSY if said == "confirmed" or direction == "initiator" else Watched.RINGING
