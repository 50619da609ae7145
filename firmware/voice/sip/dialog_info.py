"""What a NOTIFY says of another phone's calls (RFC 4235): how each of them stands, and never with whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from firmware.phone.news import Watched
from firmware.voice.sip.plain_xml import NoGoodFormError, one_of, parts

_ROOT: Final = ("dialog-info",)
_DIALOG: Final = ("dialog-info", "dialog")
_STATE: Final = ("dialog-info", "dialog", "state")
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
        for path, attributes, said in parts(text):
            if path == _ROOT and attributes is not None:
                is_full = one_of(attributes.get("state", ""), {"full", "partial"}) == "full"
            elif path == _DIALOG and attributes is not None:
                identifier, direction = attributes.get("id", ""), attributes.get("direction", "")
            elif path == _STATE and said:
                dialogs[identifier] = _state(one_of(said, _STATES), direction)
    except NoGoodFormError:
        return None
    return DialogInfo(is_full, dialogs) if is_full is not None and len(dialogs) <= MOST_DIALOGS else None


def _state(said: str, direction: str) -> Watched:
    if said == "terminated":
        return Watched.FREE
    # Whoever calls somebody is as busy as one who talks; where it is not said who began, the phone rings.
    return Watched.BUSY if said == "confirmed" or direction == "initiator" else Watched.RINGING
