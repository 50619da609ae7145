"""A page as lines of text, and what is said aloud of it: what is new on it, in the words that stand there.

Lines are for whoever cannot stand before the display: nothing that the display itself hides.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from os.path import commonprefix

from firmware.base.words import word
from firmware.display.model import Block, Card, Code, Entry, List, ListRow, Page, Role
from firmware.display.pages.page import without_anything_personal
from firmware.display.translation import Language, translator
from firmware.phone.menu_views import NoticeView
from firmware.phone.view import Hint, Mode, PhoneView

_A_MENU = word("A menu is open.")

_MOST_CHARACTERS = 300
_MOST_OF_A_WHOLE_PAGE = 600
_ENDS = (".", "!", "?", "…", "。", "\uff01", "\uff1f")
_PIN_DOT = "•"
_SPACE = word("space")
_DIALLED = frozenset("0123456789*#+")
# A number of this length is read digit by digit, a shorter one as a count.
_COUNT = re.compile(r"\d+")
"""What changes by itself in a note is not said each time, such as the seconds of a wait."""
_LONG_NUMBER = re.compile(r"\d{5,}")


def about_nobody(view: PhoneView) -> PhoneView:
    """Return what somebody may read from afar: of calls that there are some, of a menu only what is of the handset.

    The display shows the rest to whoever stands before it, and nobody watches them there.
    """
    menu = view.menu if view.menu_is_public else NoticeView("", _A_MENU)
    bare = without_anything_personal(view)
    return replace(
        bare,
        # Whoever stands there may read what is written in a call for help; nobody else.
        call=replace(bare.call, text=None) if bare.call is not None else None,
        digits=view.digits if view.hint is Hint.EMERGENCY_NUMBER else "",
        forwarding="",
        # It may be the beginning of a PIN.
        help_number=view.help_number if view.menu_is_public else "",
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
            return [entry.above or "", _told(entry), " ".join(entry.candidates), entry.note]
        case Code(caption=caption):
            return [caption]
        case blocks:
            return [*(block.text for block in blocks), *_people(page)]


def _people(page: Page) -> Iterable[str]:
    return [", ".join(filter(None, (f"{tile.digit} {tile.name}", tile.said))) for tile in page.people]


def _row(row: ListRow) -> str:
    number, sign = f"{row.number} " if row.number else "", f"{row.sign} " if row.sign else ""
    known = " ".join(filter(None, (row.value, row.detail)))
    return f"{number}{sign}{row.label}: {known}" if known else f"{number}{sign}{row.label}"


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
        phrases = [_heading(page, language), *_whole(page)]
    else:
        blank = translator(language).say(_SPACE)
        phrases = [blank if phrase.isspace() else phrase for phrase in _changes(page, before)]
    return _sentence(phrases)


def spoken_whole(page: Page, language: Language) -> str:
    """Return all that there is to say of a page, for somebody who asks where they are.

    That is also what the eye has at the top and at the bottom: how late it is or how long a call has lasted, and what
    OK and CANCEL do.
    """
    say = translator(language).say
    clock = [block.text for block in page.body if block.role is Role.CLOCK] if isinstance(page.body, tuple) else []
    keys = [
        *([say(word("OK: {what}", what=page.ok))] if page.ok not in {"", say(word("OK"))} else []),
        *([say(word("Cancel: {what}", what=page.cancel))] if page.cancel else []),
    ]
    beside = _sentence([*clock, page.status.text, *keys])
    return _joined((_sentence([_heading(page, language), *_whole(page)], _MOST_OF_A_WHOLE_PAGE), beside))


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
            return _phrases_of_row(_selected(now)) if _selected(now) != _selected(then) else []
        case List() as now, _:
            return _phrases_of_row(_selected(now))
        case tuple() as now, then:
            said = {block.text for block in then} if isinstance(then, tuple) else set()
            return [block.text for block in now if block.role is not Role.DIGITS and block.text not in said]
    return []


def _heading(page: Page, language: Language) -> str:
    """Return what a page is and, of a list, how far down in it the person is."""
    title = _spelled(page.title) if _digits(page) else page.title or page.told_as
    match page.body:
        case List(selected=int(selected), total=total) if title and total:
            where = word("{title}, {place} of {total}", title=title, place=selected + 1, total=total)
            return translator(language).say(where)
        case _:
            return title


def _whole(page: Page) -> Iterable[str]:
    match page.body:
        case List(rows, selected=None):
            # Nothing is preselected: whoever does not see the rows has to hear them all to choose one.
            return [phrase for row in rows for phrase in (str(row.number or ""), *_phrases_of_row(row))]
        case List() as rows:
            return _phrases_of_row(_selected(rows))
        case Card(rows, scroll):
            return [phrase for row in rows[scroll:] for phrase in _phrases_of_row(row)]
        case Entry() as entry:
            return [entry.above or "", _spelled(_told(entry)), _candidate(entry), entry.note]
        case Code(caption=caption):
            return [caption]
        case blocks:
            told = (_block(block) for block in blocks if block.text not in page.told_as)
            return [*told, *_people(page)]


def _changes(page: Page, before: Page) -> Iterable[str]:
    match page.body, before.body:
        case List() as now, List() as then:
            return _row_changes(_selected(now), _selected(then), moved=now.selected != then.selected)
        case Card() as now, Card() as then if now.scroll != then.scroll:
            return _phrases_of_row(now.rows[min(now.scroll, len(now.rows) - 1)])
        case Card() as now, Card() as then:
            return [phrase for row in now.rows if row not in then.rows for phrase in _phrases_of_row(row)]
        case Entry() as now, Entry() as then:
            candidate = _candidate(now)
            typed = candidate if candidate and candidate != _candidate(then) else _typed(_told(now), _told(then))
            theirs = now.above if now.above and now.above != then.above else ""
            return [typed, theirs, now.note if _COUNT.sub("", now.note) != _COUNT.sub("", then.note) else ""]
        case Code() as now, Code() as then:
            return [now.caption] if now != then else []
        case tuple() as now, tuple() as then:
            return _block_changes(now, then)
    return []


def _row_changes(now: ListRow | None, then: ListRow | None, *, moved: bool) -> Iterable[str]:
    if moved or now is None or then is None or now.label != then.label:
        return _phrases_of_row(now)
    return [now.value] if now.value != then.value else []


def _block_changes(now: Iterable[Block], then: Iterable[Block]) -> Iterable[str]:
    said = {block.text for block in then}
    return [_block(block) for block in now if block.text not in said]


def _selected(rows: List) -> ListRow | None:
    if rows.selected is None:
        return None
    index = rows.selected - rows.first
    return rows.rows[index] if 0 <= index < len(rows.rows) else None


def _phrases_of_row(row: ListRow | None) -> Iterable[str]:
    return [] if row is None else [row.said or row.label, row.value, row.detail]


def _told(entry: Entry) -> str:
    return _PIN_DOT * len(entry.text) if entry.for_the_eye else entry.text


def _candidate(entry: Entry) -> str:
    return entry.candidates[entry.candidate] if entry.candidate < len(entry.candidates) else ""


def _block(block: Block) -> str:
    if block.role is Role.CLOCK:
        return ""
    return block.text if set(block.text) - _DIALLED else _spelled(block.text)


def _typed(now: str, then: str) -> str:
    """Return what was typed; where something was deleted, what is left."""
    return _spelled(now[len(commonprefix([now, then])) :] or now)  # noqa: RUF071 - of letters, not of paths


def _spelled(text: str) -> str:
    """Return a text with its digits one by one; of a PIN nothing."""
    return re.sub(r"(?<=\d)(?=\d)", " ", text.replace(_PIN_DOT, ""))


def _joined(phrases: Iterable[str]) -> str:
    """Put sentences one behind the other, each with a full stop where it has no end of its own."""
    text = ""
    for phrase in filter(None, phrases):
        text += (" " if text.endswith(_ENDS) else ". " if text else "") + phrase
    return text


def _sentence(phrases: Iterable[str], most_characters: int = _MOST_CHARACTERS) -> str:
    text = _joined(phrase.strip() for phrase in phrases)
    return _LONG_NUMBER.sub(lambda number: " ".join(number[0]), text[:most_characters])
