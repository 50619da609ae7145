"""The map as a page of the documentation."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from firmware.phone.key import Key
from firmware.phone.menu_views import CardView, CodeView, EntryKind, EntryView, ListView, MenuView
from tools.menu_map.walk import MOST_KEYS, Stop, english

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "menu.md"

_HEAD: Final = f"""# Menu map

Every page of the menu and the keys that lead to it, none more than {MOST_KEYS} from the idle page.

On every page the volume keys move, OK chooses, CANCEL goes back (held: leaves) and MENU leaves. A digit chooses the row
with that number; among the contacts digits search instead and `*` changes the one that is selected. Lifting the handset
calls whom the page is about. Before something is deleted the page asks. While the phone is locked MENU and OK ask for
the PIN.

`make menu` draws the map: it walks through the menus of a phone that has everything, one contact (Anna), one call, one
message, one picture, a PIN, and an operator with invitations and a way to top up. What an operator lacks is not in the
menu.

| keys | page | what is there |
| --- | --- | --- |
"""


def document(stops: Iterable[Stop]) -> str:
    """Return the page, in Markdown."""
    return _HEAD + "".join(
        f"| {_keys(stop)} | {_cell(stop.title)} | {_cell(_contents(stop.view))} |\n" for stop in stops
    )


def _keys(stop: Stop) -> str:
    return " ".join(f"`{key.value.upper() if len(key.value) > 1 else key.value}`" for key in stop.keys)


def _contents(view: MenuView) -> str:
    match view:
        case ListView():
            rows = [f"{row.number} {english(row.label)}" if row.number else english(row.label) for row in view.rows]
            return " · ".join(rows) or english(view.empty)
        case CardView():
            rows = [english(row.label) for row in view.rows]
            return f"to read: {' · '.join(rows)}" + (
                f"; {Key.OK.value.upper()}: {english(view.keys.ok)}" if view.keys.ok else ""
            )
        case EntryView(kind=EntryKind.NUMBER):
            return "a number is typed"
        case EntryView(kind=EntryKind.PIN):
            return "a PIN is typed"
        case EntryView():
            return "a text is typed"
        case CodeView():
            return "a QR code to photograph"
        case _ if view.percent is not None:
            return "more or less of it, by the volume keys" if view.percent else "how far the work has come"
        case _:
            return english(view.text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
