"""Character displays of 20 by 4: every page in four rows of letters.

The first row holds the status bar, or a menu's title; the last one what the keys do; the body has what is left.
"""

from dataclasses import dataclass
from typing import Final

from firmware.display.families.arrange import RowSetter, arrange, in_parts, lay_out, page_of
from firmware.display.families.entry import tail
from firmware.display.families.fitting import cleaned, cut, wrap
from firmware.display.families.people import place_names, with_small_clock
from firmware.display.families.rom import SIGNS, encode, readable
from firmware.display.model import (
    Block,
    Card,
    Code,
    Entry,
    Flow,
    Icon,
    Importance,
    List,
    Page,
    Role,
)

COLUMNS: Final = 20
ROWS: Final = 4
_LISTENING_ICONS: Final = frozenset({Icon.MICROPHONE, Icon.MUTED, Icon.RECORDING})
_PERCENT_COLUMNS: Final = 5


@dataclass(frozen=True, slots=True)
class _Cells:
    """What letters are measured in: each takes one cell."""

    height_px: int = 1

    def advance(self, letter: str) -> int:
        return len(letter)

    def shows(self, text: str) -> bool:
        return text is not None


_CELLS: Final = _Cells()


class CharacterRenderer:
    """Puts a page into 80 characters of the controller's A02 set, and those of rom.GLYPHS."""

    def render(self, page: Page) -> bytes:
        """Return the frame; see Renderer."""
        return encode("".join(self.rows(page)))

    def rows(self, page: Page) -> list[str]:
        """Return the rows, before they become the controller's codes."""
        page = cleaned(page, readable)
        keys = [_keys(page.cancel, page.ok)] if page.cancel or page.ok else []
        bar = [_bar(page.bar_percent)] if page.bar_percent is not None else []
        if isinstance(page.body, Code):
            return self._code(page, page.body, keys)
        count = ROWS - 1 - len(keys) - len(bar)
        match page.body:
            case List():
                body, head_right = _list(page.body, count, page.turn)
            case Card():
                body, head_right = _card(page.body, count)
            case Entry():
                body, head_right = _entry(page.body, count), page.body.mode
            case _:
                rows = (_people(page, count) if page.people and not bar else None) or _blocks(page, page.body, count)
                return [*rows, *bar, *keys]
        head = _title(page, head_right or page.status.text)
        return [head, *body, *[" " * COLUMNS] * (count - len(body)), *bar, *keys]

    def _code(self, page: Page, body: Code, keys: list[str]) -> list[str]:
        """Show what a QR code says, and of the rest what it leaves room for."""
        lines = wrap(readable(body.payload), _CELLS, COLUMNS, ROWS).lines
        room = ROWS - len(lines)
        head = [_title(page, page.status.text)] if room else []
        keys = keys if room > len(head) else []
        lines = (*lines, *[""] * (room - len(head) - len(keys)))
        return [*head, *(line.ljust(COLUMNS) for line in lines), *keys]


def _people(page: Page, count: int) -> list[str] | None:
    """Return the first row, with the time, and below it whom the digits call; None where something else is needed."""
    page = with_small_clock(page)
    if not isinstance(page.body, tuple) or any(block.importance is not Importance.SPARE for block in page.body):
        return None
    rows = []
    for names in place_names(page.people, _CELLS, COLUMNS, count):
        row = ""
        for name in names:
            row = row.ljust(name.left) + name.text
        rows.append(row.ljust(COLUMNS))
    return [_status(page), *rows, *[" " * COLUMNS] * (count - len(rows))] if rows else None


def _blocks(page: Page, blocks: tuple[Block, ...], count: int) -> list[str]:
    """Return the first row and the rows below it for a page of texts."""
    title = Block(page.title, Role.HEADLINE, importance=Importance.NEEDED)
    head = _status(page)
    arrangement = arrange((title, *blocks), lambda _: (_CELLS,), COLUMNS, count)
    if page.title and not arrangement.is_whole:
        # The title goes where the signs would be, if that leaves more room for what the page is about.
        head = _title(page, page.status.text)
        arrangement = arrange(blocks, lambda _: (_CELLS,), COLUMNS, count)
    if not arrangement.is_whole and len(blocks) == 1 and blocks[0].flow is Flow.WRAP:
        rows = _long_sentence(page, blocks[0].text, count)
        if rows is not None:
            return rows
    rows = []
    for placed in arrangement.placed:
        is_loud = page.is_urgent and placed.block.role is Role.HEADLINE
        for line in placed.lines:
            text = f" {line} ".center(COLUMNS, "*")[:COLUMNS] if is_loud and len(line) <= COLUMNS - 2 else line
            rows.append(text.center(COLUMNS) if placed.block.centred else text.ljust(COLUMNS))
    above = (count - len(rows)) // 2 if any(block.centred for block in blocks) else 0
    rows = [" " * COLUMNS] * above + rows
    return [head, *rows, *[" " * COLUMNS] * (count - len(rows))]


def _long_sentence(page: Page, text: str, count: int) -> list[str] | None:
    """Return a sentence that the rows below the first do not hold: over that one too, or else a part of it.

    None where it has to be cut, since nobody can turn it over.
    """
    lines = wrap(text, _CELLS, COLUMNS, len(text)).lines
    is_recorded = any(icon in _LISTENING_ICONS for icon, _ in page.status.icons)
    if len(lines) <= count + 1 and not is_recorded:
        return [line.center(COLUMNS) for line in (*lines, *[""] * (count + 1 - len(lines)))]
    if (card := in_parts(page)) is None:
        return None
    rows, part = _card(card, count)
    return [_title(page, part), *rows, *[" " * COLUMNS] * (count - len(rows))]


def _status(page: Page) -> str:
    text = cut(page.status.text, _CELLS, COLUMNS)
    room = COLUMNS - len(text) - 1
    signs = ""
    for icon, count in page.status.icons:
        sign = f"{' ' if signs else ''}{SIGNS[icon]}{count or ''}"
        if len(signs) + len(sign) > room:
            break
        signs += sign
    return signs + text.rjust(COLUMNS - len(signs))


def _title(page: Page, right: str) -> str:
    """Put the title at the left, with the sign of an open microphone before it, and a word at the right.

    The time goes where a title would be cut for it.
    """
    sign = "".join(SIGNS[icon] for icon, _ in page.status.icons if icon in _LISTENING_ICONS)
    right = cut(right, _CELLS, COLUMNS // 2)
    if right == page.status.text and len(sign + page.title) + len(right) >= COLUMNS:
        right = ""
    room = COLUMNS - len(sign) - len(right) - bool(right)
    left = sign + cut(page.title, _CELLS, room)
    return left + right.rjust(COLUMNS - len(left))


def _keys(cancel: str, ok: str) -> str:
    """Put what the keys do at both ends of a row; where there is no room, each has half of it at least."""
    room = COLUMNS - len("[][]") if cancel and ok else COLUMNS - len("[]")
    left = cut(cancel, _CELLS, max(room - len(ok), room // 2))
    right = cut(ok, _CELLS, room - len(left))
    left, right = (f"[{word}]" if word else "" for word in (left, right))
    return left + right.rjust(COLUMNS - len(left))


def _bar(percent: int) -> str:
    percent = min(max(0, percent), 100)
    room = COLUMNS - 2 - _PERCENT_COLUMNS
    return f"[{('#' * (room * percent // 100)).ljust(room)}]{percent:>{_PERCENT_COLUMNS - 1}}%"


def _list(body: List, count: int, turn: int) -> tuple[list[str], str]:
    """Return the rows of a list, and which of how many is chosen, or seen, where not all are seen."""
    has_numbers, has_signs = any(row.number for row in body.rows), any(row.sign for row in body.rows)
    indent = (body.selected is not None) + 2 * has_numbers + 2 * has_signs
    shown, first = lay_out(body, RowSetter(_CELLS, _CELLS, COLUMNS, indent, 1), count, turn)
    rows = []
    for placed in shown:
        number = f"{str(placed.row.number or '')[-1:]:2}" if has_numbers else ""
        sign = f"{placed.row.sign:2}" if has_signs else ""
        mark = ("" if body.selected is None else ">" if placed.is_selected else " ") + number + sign
        for index, line in enumerate(placed.lines):
            text = (mark if not (index or placed.part) else " " * indent) + line.label if line.label else ""
            rows.append(text + line.value.rjust(COLUMNS - len(text)))
    total = max(body.total, body.first + len(body.rows))
    if total <= len(shown):
        return rows, ""
    if body.selected is None:
        others = f"-{first + len(shown)}" if len(shown) > 1 else ""
        return rows, f"{first + 1}{others}/{total}"
    place = min(max(body.selected, first), first + max(0, len(shown) - 1))
    return rows, f"{place + 1}/{total}"


def _card(body: Card, count: int) -> tuple[list[str], str]:
    """Return one page of a card, and which of how many it is."""
    items: list[tuple[str, ...]] = []
    for row in body.rows:
        label, value = row.label, row.value
        if not value:
            items += [(line,) for line in wrap(label, _CELLS, COLUMNS).lines]
        elif len(label) + 1 + len(value) <= COLUMNS:
            items.append((label + value.rjust(COLUMNS - len(label)),))
        else:
            lines = wrap(value, _CELLS, COLUMNS).lines
            items.append((cut(label, _CELLS, COLUMNS), lines[0]) if label and count > 1 else (lines[0],))
            items += [(line,) for line in lines[1:]]
    start, end, page, pages = page_of([len(item) for item in items], count, body)
    rows = [line.ljust(COLUMNS) for item in items[start:end] for line in item]
    return rows[:count], f"{page + 1}/{pages}" if pages > 1 else ""


def _entry(body: Entry, count: int) -> list[str]:
    """Return the end of what is typed with a cursor, then candidates or else a note."""
    text = tail(body.text)
    typed = readable(text) + (" " if text.endswith(" ") else "")
    rows = [cut(f"{typed}_", _CELLS, COLUMNS, Flow.CUT_START)]
    if body.above is not None:
        theirs = body.note if body.note and count <= len(rows) + 1 else readable(tail(body.above))
        rows.insert(0, cut(theirs, _CELLS, COLUMNS, Flow.CUT_START))
    if body.candidates and len(rows) == count:
        rows[-1] = _candidates(body)
    elif body.candidates:
        rows.append(_candidates(body))
    if body.note:
        rows += wrap(body.note, _CELLS, COLUMNS, max(1, count - len(rows))).lines
    return [row.ljust(COLUMNS) for row in rows[:count]]


def _candidates(body: Entry) -> str:
    """Name as many candidates as fit, the chosen one in brackets; where all sound alike, only its number tells."""
    chosen = min(max(0, body.candidate), len(body.candidates) - 1)
    words = [cut(word, _CELLS, COLUMNS - 2) for word in body.candidates]
    if len(words) > 1 and len(set(words)) == 1:
        number = f" {chosen + 1}/{len(words)}"
        return f"[{cut(words[0], _CELLS, COLUMNS - 2 - len(number))}]{number}"
    row = ""
    for index, word in enumerate(words):
        shown = f"[{word}]" if index == chosen else f" {word} "
        if len(row) + len(shown) > COLUMNS:
            if index > chosen:
                break
            row = ""
        row += shown
    return row
