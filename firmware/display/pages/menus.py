"""Pages of menus: whatever a menu shows, said in a language."""

from collections.abc import Iterable

from firmware.display.model import Block, Body, Card, Code, Entry, Flow, Importance, List, ListRow, Role
from firmware.display.pages.blocks import MANY_ROWS
from firmware.display.translation import Translator
from firmware.phone.menu.views import (
    CardView,
    CodeView,
    EntryKind,
    EntryView,
    ListView,
    MenuRow,
    MenuView,
    NoticeView,
)

_HIDDEN = "•"


def menu_body(menu: MenuView, translator: Translator) -> Body:
    """Show what the menu's page is about."""
    say = translator.say
    match menu:
        case ListView(total=0):
            return (_sentence(say(menu.empty)),)
        case ListView():
            return List(_rows(menu.rows, translator), menu.first, menu.selected, menu.total)
        case CardView():
            return Card(_rows(menu.rows, translator), menu.scroll)
        case EntryView():
            text = _HIDDEN * len(menu.text) if menu.kind is EntryKind.PIN else menu.text
            return Entry(text, menu.mode, menu.candidates, menu.candidate, say(menu.note))
        case CodeView():
            return Code(menu.payload, say(menu.caption))
        case NoticeView():
            return (_sentence(say(menu.text)),)


def _rows(rows: Iterable[MenuRow], translator: Translator) -> tuple[ListRow, ...]:
    return tuple(ListRow(translator.say(row.label), translator.say(row.value), row.number) for row in rows)


def _sentence(text: str) -> Block:
    return Block(text, Role.TEXT, Flow.WRAP, importance=Importance.NEEDED, rows=MANY_ROWS)
