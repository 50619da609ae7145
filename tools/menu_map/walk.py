"""Walking through the menus: every page, by the fewest keys."""

from collections import deque
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Final

from firmware.base.words import Text, Word
from firmware.phone.call import CallId
from firmware.phone.events import Event, KeyPressed
from firmware.phone.key import Key
from firmware.phone.menu.question import Notice, Question
from firmware.phone.menu_stack import Screen
from firmware.phone.menu_views import EntryView, ListView, MenuView, NoticeView
from firmware.phone.phone import Phone
from firmware.phone.request import Request
from tools.menu_map.store import NEWS, SETTINGS, answer_to

MOST_KEYS: Final = 4
"""From the idle page to any other one, MENU included."""

_SINGLE_KEYS: Final = (*(Key(digit) for digit in "123456789"), Key.OK, Key.STAR, Key.HASH)
_LAST_ROW: Final = (Key.VOLUME_UP, Key.OK)
"""From the first row to the last: the ends of a list meet."""
_PROBED: Final = (*((key,) for key in _SINGLE_KEYS), _LAST_ROW)
_ORDER: Final = (*_SINGLE_KEYS, Key.VOLUME_UP)


@dataclass(frozen=True, slots=True)
class Stop:
    """A page on the way.

    Attributes:
        keys: what is pressed on the idle page to come here.
        kind: the name of the page's class.
        view: what it shows.
    """

    keys: tuple[Key, ...]
    kind: str
    view: MenuView

    @property
    def title(self) -> str:
        """What stands above it, in English."""
        return english(self.view.title)


class Walker:
    """Somebody with a phone whose store answers at once."""

    def __init__(self) -> None:
        ids = count(1)
        self._phone = Phone(SETTINGS, lambda: CallId(f"{next(ids):032x}"))
        for event in NEWS:
            self._handle(event)

    def press(self, *keys: Key) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self._handle(KeyPressed(key))

    @property
    def screens(self) -> list[Screen]:
        """The pages that are open, the one that is shown last."""
        return list(self._phone._state.menu.screens)  # noqa: SLF001 - a map of the inside is drawn from the inside

    @property
    def view(self) -> MenuView | None:
        """The page that is shown, None where no menu is."""
        return self._phone.view.menu

    def _handle(self, event: Event) -> None:
        waiting = self._phone.handle(event)
        while waiting:
            command = waiting.pop(0)
            if isinstance(command, Request) and (answer := answer_to(command)) is not None:
                waiting += self._phone.handle(answer)


@cache
def walk() -> tuple[Stop, ...]:
    """Return every page of the menus by its shortest way, in the order of the ways.

    A question belongs to the page that asks it, as does what is said of what has been done.
    """
    found: dict[tuple[str, str], Stop] = {}
    ways: deque[tuple[Key, ...]] = deque([(Key.MENU,)])
    while ways:
        keys = ways.popleft()
        walker = Walker()
        walker.press(*keys)
        stop = _stop(walker, keys)
        if (stop.kind, stop.title) in found:
            continue
        found[stop.kind, stop.title] = stop
        ways += [(*keys, *more) for more in _PROBED if _opens_page(walker, keys, more)]
    return tuple(sorted(found.values(), key=lambda stop: [_ORDER.index(key) for key in stop.keys[1:]]))


def english(text: Text) -> str:
    """Return a text as it is read in English."""
    if isinstance(text, str):
        return text
    values: dict[str, object] = {
        name: english(value) if isinstance(value, (Word, str)) else value for name, value in text.values
    }
    message = text.many if text.many and values.get("count") != 1 else text.text
    return message.format(**values)


def _opens_page(here: Walker, keys: tuple[Key, ...], more: tuple[Key, ...]) -> bool:
    if isinstance(here.view, EntryView | NoticeView) or _is_shortcut(here.view, more):
        return False
    there = Walker()
    there.press(*keys, *more)
    return len(there.screens) > len(here.screens) and not isinstance(there.screens[-1], Question | Notice)


def _is_shortcut(view: MenuView | None, more: tuple[Key, ...]) -> bool:
    """Whether OK would only do what a digit does, too."""
    if more[-1] is not Key.OK:
        return False
    has_digit = [bool(row.number) for row in view.rows] if isinstance(view, ListView) else []
    return has_digit[-1:] != [False] if more == _LAST_ROW else any(has_digit)


def _stop(walker: Walker, keys: tuple[Key, ...]) -> Stop:
    view = walker.view
    if view is None:
        message = f"The keys {' '.join(keys)} open no page."
        raise RuntimeError(message)
    return Stop(keys, type(walker.screens[-1]).__name__, view)
