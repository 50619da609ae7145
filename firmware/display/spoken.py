"""What is said aloud of a page, for whoever does not see it: what is new on it, in the words that stand there."""

import re
from collections.abc import Iterable
from os.path import commonprefix

from firmware.base.words import word
from firmware.display.model import Block, Card, Code, Entry, List, ListRow, Page, Role
from firmware.display.translation import Language, translator

_MOST_CHARACTERS = 300
_PIN_DOT = "•"
_SPACE = word("space")
_DIALLED = frozenset("0123456789*#+")
# A number of this length is read digit by digit, a shorter one as a count.
_LONG_NUMBER = re.compile(r"\d{5,}")


def spoken(page: Page, before: Page | None, language: Language = Language.ENGLISH) -> str:
    """Return what to say when a page is shown after another one; empty where there is nothing new.

    A page that has nothing on it yet says nothing: its title is said with what it comes to hold. Compare with it only
    what came of `is_said`.

    Args:
        page: the page.
        before: the one of which something was said last, None where nothing was for a while.
        language: of the page, for what has no letters there.
    """
    if not is_said(page):
        return ""
    digits = _digits(page)
    if before is not None and digits and (dialled := _digits(before)):
        phrases = [_typed(digits, dialled) if digits != dialled else "", *_beside_digits(page, before)]
    elif before is None or page.title != before.title or type(page.body) is not type(before.body):
        phrases = [_spelled(page.title) if digits else page.title, *_whole(page)]
    else:
        blank = translator(language).say(_SPACE)
        phrases = [blank if phrase.isspace() else phrase for phrase in _changes(page, before)]
    return _sentence(phrases)


def is_said(page: Page) -> bool:
    """Whether there is anything on a page yet."""
    match page.body:
        case List(rows) | Card(rows):
            return bool(rows)
        case body:
            return bool(body)


def _digits(page: Page) -> str:
    """Return what has been dialled so far: it stands large, or above the contacts that it may mean."""
    if page.title and not set(page.title) - _DIALLED:
        return page.title
    blocks = page.body if isinstance(page.body, tuple) else ()
    return next((block.text for block in blocks if block.role is Role.DIGITS), "")


def _beside_digits(page: Page, before: Page) -> Iterable[str]:
    match page.body, before.body:
        case List() as now, List() as then:
            return _row(_selected(now)) if _selected(now) != _selected(then) else []
        case List() as now, _:
            return _row(_selected(now))
        case tuple() as now, then:
            said = {block.text for block in then} if isinstance(then, tuple) else set()
            return [block.text for block in now if block.role is not Role.DIGITS and block.text not in said]
    return []


def _whole(page: Page) -> Iterable[str]:
    match page.body:
        case List() as rows:
            return _row(_selected(rows))
        case Card(rows, scroll):
            return [phrase for row in rows[scroll:] for phrase in _row(row)]
        case Entry() as entry:
            return [_spelled(entry.text), _candidate(entry), entry.note]
        case Code(caption=caption):
            return [caption]
        case blocks:
            return [_block(block) for block in blocks]


def _changes(page: Page, before: Page) -> Iterable[str]:
    match page.body, before.body:
        case List() as now, List() as then:
            return _row_changes(_selected(now), _selected(then), moved=now.selected != then.selected)
        case Card() as now, Card() as then if now.scroll != then.scroll:
            return _row(now.rows[min(now.scroll, len(now.rows) - 1)])
        case Card() as now, Card() as then:
            return [phrase for row in now.rows if row not in then.rows for phrase in _row(row)]
        case Entry() as now, Entry() as then:
            candidate = _candidate(now)
            typed = candidate if candidate and candidate != _candidate(then) else _typed(now.text, then.text)
            return [typed, now.note if now.note != then.note else ""]
        case Code() as now, Code() as then:
            return [now.caption] if now != then else []
        case tuple() as now, tuple() as then:
            return _block_changes(now, then)
    return []


def _row_changes(now: ListRow | None, then: ListRow | None, *, moved: bool) -> Iterable[str]:
    if moved or now is None or then is None or now.label != then.label:
        return _row(now)
    return [now.value] if now.value != then.value else []


def _block_changes(now: Iterable[Block], then: Iterable[Block]) -> Iterable[str]:
    said = {block.text for block in then}
    return [_block(block) for block in now if block.text not in said]


def _selected(rows: List) -> ListRow | None:
    if rows.selected is None:
        return None
    index = rows.selected - rows.first
    return rows.rows[index] if 0 <= index < len(rows.rows) else None


def _row(row: ListRow | None) -> Iterable[str]:
    return [] if row is None else [row.label, row.value]


def _candidate(entry: Entry) -> str:
    return entry.candidates[entry.candidate] if entry.candidate < len(entry.candidates) else ""


def _block(block: Block) -> str:
    if block.role is Role.CLOCK:
        return ""
    return _spelled(block.text) if block.role is Role.DIGITS else block.text


def _typed(now: str, then: str) -> str:
    """Return what was typed; where something was deleted, what is left."""
    return _spelled(now[len(commonprefix([now, then])) :] or now)  # noqa: RUF071 - of letters, not of paths


def _spelled(text: str) -> str:
    """Return a text with its digits one by one; of a PIN nothing."""
    return re.sub(r"(?<=\d)(?=\d)", " ", text.replace(_PIN_DOT, ""))


def _sentence(phrases: Iterable[str]) -> str:
    text = ". ".join(phrase.strip() for phrase in phrases if phrase.strip())
    return _LONG_NUMBER.sub(lambda number: " ".join(number[0]), text[:_MOST_CHARACTERS])
