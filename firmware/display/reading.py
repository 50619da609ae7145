"""A page as lines of text, for whoever cannot stand before the display: nothing that the display itself hides."""

from collections.abc import Iterable
from dataclasses import replace

from firmware.base.words import word
from firmware.display.model import Card, Code, Entry, List, ListRow, Page
from firmware.display.pages.page import without_anything_personal
from firmware.phone.menu.views import NoticeView
from firmware.phone.view import Hint, Mode, PhoneView

_A_MENU = word("A menu is open.")


def about_nobody(view: PhoneView) -> PhoneView:
    """Return what somebody may read from afar: of calls that there are some, of a menu only what is of the handset.

    The display shows the rest to whoever stands before it, and nobody watches them there.
    """
    menu = view.menu if view.menu_is_public else NoticeView("", _A_MENU)
    return replace(
        without_anything_personal(view),
        digits=view.digits if view.hint is Hint.EMERGENCY_NUMBER else "",
        forwarding="",
        message_text=None,
        menu=menu if view.menu is not None or view.mode is Mode.WRITING else None,
        mode=Mode.MENU if view.mode is Mode.WRITING else view.mode,
    )


def lines_of(page: Page) -> tuple[str, ...]:
    """Return what the page says, from the top: its title, what it is about, and what CANCEL and OK do.

    Of what a small display turns over or scrolls to all is there; a code that is to be photographed is its caption.
    """
    percent = [f"{page.bar_percent}%"] if page.bar_percent is not None else []
    keys = "   ".join(f"[{word}]" for word in (page.cancel, page.ok) if word)
    return tuple(line for line in (page.status.text, page.title, *_body(page), *percent, keys) if line)


def _body(page: Page) -> Iterable[str]:
    match page.body:
        case List(rows, first, selected):
            return [f"{'>' if place == selected else ' '} {_row(row)}" for place, row in enumerate(rows, start=first)]
        case Card(rows):
            return [_row(row) for row in rows]
        case Entry() as entry:
            return [entry.text, " ".join(entry.candidates), entry.note]
        case Code(caption=caption):
            return [caption]
        case blocks:
            return [block.text for block in blocks]


def _row(row: ListRow) -> str:
    number = f"{row.number} " if row.number else ""
    return f"{number}{row.label}: {row.value}" if row.value else f"{number}{row.label}"
