"""A person in the menus: pages are opened by the words of their rows, as they are read."""

from firmware.base.words import Text, Word
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import MenuRow
from tests.unit.phone.desk import Desk


def open_page(desk: Desk, *path: str) -> None:
    """Press MENU and choose row after row."""
    desk.press(Key.MENU)
    for text in path:
        choose(desk, text)


def choose(desk: Desk, text: str) -> None:
    """Choose the row that says so: by its digit, or by moving to it."""
    menu = desk.listing
    place = next(place for place, row in enumerate(menu.rows, start=menu.first) if said(row.label) == text)
    if digit := menu.rows[place - menu.first].number:
        desk.press(str(digit))
        return
    while desk.listing.selected != place:
        desk.press(Key.VOLUME_DOWN)
    desk.press(Key.OK)


def type_keys(desk: Desk, keys: str) -> None:
    """Press one key after the other; a full stop is a pause, after which a key begins another letter."""
    for key in keys:
        if key == ".":
            desk.expire(Timer.INTER_DIGIT)
        else:
            desk.press(key)


def row_of(desk: Desk, text: str) -> MenuRow:
    return next(row for row in desk.listing.rows if said(row.label) == text)


def labels(desk: Desk) -> list[Text]:
    return [row.label for row in desk.listing.rows]


def values(desk: Desk) -> list[Text]:
    return [row.value for row in desk.listing.rows]


def facts(desk: Desk) -> list[tuple[str, Text]]:
    """Return what a card says."""
    return [(said(row.label), row.value) for row in desk.card.rows]


def sentence(desk: Desk) -> str:
    """Return what a page with a sentence says."""
    return said(desk.notice.text)


def said(text: Text) -> str:
    """Return what is read in English."""
    if isinstance(text, Word):
        return text.text.format(
            **{name: value if isinstance(value, int) else said(value) for name, value in text.values}
        )
    return text
