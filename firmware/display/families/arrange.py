"""Which blocks, rows and lines of a page there is room for; the same for pixels and for characters."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, Protocol, TypeVar

from firmware.display.families.fitting import cut, fits, width, wrap
from firmware.display.model import Block, Card, Flow, Importance, List, ListRow, Page, Role


class LineFace(Protocol):
    """What text is set in: a font in one size, or a controller's characters."""

    @property
    def height_px(self) -> int: ...
    def advance(self, letter: str) -> int: ...
    def shows(self, text: str) -> bool: ...


F = TypeVar("F", bound=LineFace)


@dataclass(frozen=True, slots=True)
class Placed(Generic[F]):
    """A block, and the lines that are shown of it."""

    block: Block
    face: F
    lines: tuple[str, ...]

    @property
    def height_px(self) -> int:
        return self.face.height_px * len(self.lines)


@dataclass(frozen=True, slots=True)
class Arrangement(Generic[F]):
    """The blocks that are shown, top to bottom.

    Attributes:
        is_whole: nothing but spare blocks was left out, cut or made smaller for want of height.
        is_cut: something but spare blocks is not there to its end.
    """

    placed: tuple[Placed[F], ...]
    height_px: int
    is_whole: bool
    is_cut: bool


def arrange(
    blocks: Sequence[Block],
    faces: Callable[[Role], Sequence[F]],
    width_px: int,
    height_px: int,
    *,
    gap_px: int = 0,
    fewer_words: bool = False,
) -> Arrangement[F]:
    """Choose a setting for each block so that all fit.

    As long as they do not, letters become smaller, but not as small as can be; then go spare blocks; then letters are
    as small as can be; then useful blocks lose lines and go; then needed ones lose lines. The least important are
    first, and of these the last.

    Args:
        blocks: top to bottom; their texts are cleaned.
        faces: what a role may be set in, best first.
        width_px: the room.
        height_px: the room.
        gap_px: what is left free between blocks.
        fewer_words: spare blocks go before letters become smaller.
    """
    setters = [_Setter(block, _settings(block, faces(block.role), width_px)) for block in blocks]
    setters = [setter for setter in setters if setter.settings]

    def height() -> int:
        shown = [setter.height_px for setter in setters if setter.is_shown]
        return sum(shown) + gap_px * max(0, len(shown) - 1)

    losses = 0
    for lose in _losses(setters, fewer_words=fewer_words):
        if height() <= height_px:
            break
        losses += 1
        lose()
    # What went early may have made place in vain: a block that could be larger after all is.
    for setter in sorted(setters, key=lambda each: each.block.importance):
        while losses and setter.is_shown and setter.chosen:
            setter.chosen -= 1
            if height() > height_px:
                setter.chosen += 1
                break
    placed = tuple(setter.placed for setter in setters if setter.is_shown)
    lasting = [setter for setter in setters if setter.block.importance is not Importance.SPARE]
    is_whole = all(setter.is_shown and not setter.chosen for setter in lasting)
    is_cut = not all(setter.is_shown and setter.chosen < setter.whole for setter in lasting)
    return Arrangement(placed, height(), is_whole, is_cut)


class _Setter(Generic[F]):
    """One block on its way to a setting: `settings` from best to least, the first `whole` of which hold all of it."""

    def __init__(self, block: Block, settings: tuple[list[Placed[F]], int]) -> None:
        self.block = block
        self.settings, self.whole = settings
        self.chosen = 0
        self.is_shown = True

    @property
    def placed(self) -> Placed[F]:
        return self.settings[self.chosen]

    @property
    def height_px(self) -> int:
        return self.placed.height_px

    def become_smaller(self) -> None:
        self.chosen = min(self.chosen + 1, max(0, self.whole - 1))

    def lose_a_line(self) -> None:
        self.chosen = min(self.chosen + 1, len(self.settings) - 1)

    def go(self) -> None:
        self.is_shown = False


def _losses(setters: Sequence[_Setter[F]], *, fewer_words: bool) -> Iterator[Callable[[], None]]:
    """Yield what to give up, the least first."""
    least_first = sorted(setters, key=lambda setter: setter.block.importance)[::-1]

    def of(importance: Importance) -> list[_Setter[F]]:
        return [setter for setter in least_first if setter.block.importance is importance]

    gone = [setter.go for setter in of(Importance.SPARE)]
    smaller = [setter.become_smaller for setter in least_first for _ in range(setter.whole - 2)]
    smallest = [setter.become_smaller for setter in least_first]
    yield from [*gone, *smaller, *smallest] if fewer_words else [*smaller, *gone, *smallest]
    for importance in (Importance.USEFUL, Importance.NEEDED):
        for setter in of(importance):
            yield from [setter.lose_a_line] * len(setter.settings)
        # Needed blocks go only where a page has more of them than a display has lines.
        for setter in of(importance):
            yield setter.go


def _settings(block: Block, faces: Sequence[F], width_px: int) -> tuple[list[Placed[F]], int]:
    """Return the ways to set a block, each less tall than the one before, and how many of them hold it whole."""
    text = block.text
    if not text:
        return [], 0
    usable = [face for face in faces if face.shows(text)] or [faces[-1]]
    rows = block.rows if block.flow is Flow.WRAP else 1
    wrapped = [(face, wrap(text, face, width_px, rows)) for face in usable]
    fitting = [(face, each) for face, each in wrapped if each.is_whole]
    # A face in which no word is torn apart is better than a larger one.
    fitting = [(face, each) for face, each in fitting if not each.breaks_words] or fitting
    whole: list[Placed[F]] = []
    for face, each in fitting:
        placed = Placed(block, face, each.lines)
        if not whole or placed.height_px < whole[-1].height_px:
            whole.append(placed)
    face = whole[-1].face if whole else min(usable, key=lambda each: each.height_px)
    cuts = []
    for count in range(len(whole[-1].lines) - 1 if whole else rows, 0, -1):
        lines = (cut(text, face, width_px, block.flow),) if rows == 1 else wrap(text, face, width_px, count).lines
        cuts.append(Placed(block, face, lines))
    return whole + cuts, len(whole)


class RowLine(NamedTuple):
    """One line of a row of a list: what stands at its left, and at its right."""

    label: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row of a list, and the lines that are shown of it; `part` says which of its parts they are, from 0."""

    row: ListRow
    lines: tuple[RowLine, ...]
    is_selected: bool = False
    part: int = 0


@dataclass(frozen=True, slots=True)
class RowSetter:
    """Sets rows of lists in lines: a label is never cut, and goes on in the next line.

    Attributes:
        face: labels are set in it, all of a list.
        value_face: and what stands beside or below them in this one, no taller.
        width_px: of a line.
        indent_px: left free before labels, and not before a value that stands below one.
        gap_px: left free between a label and what stands beside it.
    """

    face: LineFace
    value_face: LineFace
    width_px: int
    indent_px: int
    gap_px: int

    def lines(self, row: ListRow, *, is_selected: bool) -> tuple[RowLine, ...]:
        """Return all lines of a row; a value that has no room beside the label stands below it."""
        value = " ".join(filter(None, (row.value, row.detail if is_selected else "")))
        room_px = self.width_px - self.indent_px
        lines = [RowLine(line) for line in wrap(row.label, self.face, room_px).lines or ("",)]
        if value and fits(value, self.value_face, room_px - self.gap_px - width(lines[-1].label, self.face)):
            lines[-1] = RowLine(lines[-1].label, value)
        elif value:
            lines += [RowLine("", line) for line in wrap(value, self.value_face, self.width_px).lines]
        return tuple(lines)


def lay_out(rows: List, setter: RowSetter, count: int, turn: int) -> tuple[tuple[PlacedRow, ...], int]:
    """Return the rows that a display with room for `count` lines shows, and which row of the list they begin with.

    The selected row is always among them, in the middle where there are enough on both sides. Where it has more lines
    than there are its parts follow each other in a circle; other rows are whole, if need be without their value.
    """
    if not rows.rows:
        return (), rows.first
    chosen = min(max(0, (rows.selected or 0) - rows.first), len(rows.rows) - 1)
    lines = setter.lines(rows.rows[chosen], is_selected=rows.selected is not None)
    part = turn % -(-len(lines) // count)
    room = max(0, count - len(lines))
    lines = lines[part * count : (part + 1) * count]
    shown = deque([PlacedRow(rows.rows[chosen], lines, rows.selected is not None, part)])
    first, end = chosen, chosen + 1
    # One below the selected row, one above it, and so on; nothing is left out in between.
    sides = deque(["below", "above"])
    while room and sides:
        side = sides.popleft()
        index = end if side == "below" else first - 1
        placed = _neighbour(rows.rows[index], setter, room) if 0 <= index < len(rows.rows) else None
        if placed is None:
            continue
        sides.append(side)
        room -= len(placed.lines)
        if side == "below":
            shown.append(placed)
            end += 1
        else:
            shown.appendleft(placed)
            first -= 1
    return tuple(shown), rows.first + first


def _neighbour(row: ListRow, setter: RowSetter, room: int) -> PlacedRow | None:
    """Return a row that is not selected in no more lines than there is room for; None where its label has more."""
    ways = (setter.lines(each, is_selected=False) for each in (row, replace(row, value="")))
    return next((PlacedRow(row, lines) for lines in ways if len(lines) <= room), None)


def in_parts(page: Page) -> Card | None:
    """Return a sentence as what is turned over page by page; None for what has to do with the room there is."""
    match page.body:
        case (Block(text=text, flow=Flow.WRAP),) if page.scroll is not None:
            return Card((ListRow(text),), page.scroll, is_circular=True)
    return None


def page_of(heights: Sequence[int], room_px: int, card: Card) -> tuple[int, int, int, int]:
    """Break items of given heights into pages, as a card is scrolled.

    Returns:
        Which items the page begins with and ends before, which page it is, and of how many.
    """
    starts = [0]
    used_px = 0
    for index, height_px in enumerate(heights):
        if used_px + height_px > room_px and index > starts[-1]:
            starts.append(index)
            used_px = 0
        used_px += height_px
    page = card.scroll % len(starts) if card.is_circular else min(max(0, card.scroll), len(starts) - 1)
    ends = [*starts[1:], len(heights)]
    return starts[page], ends[page], page, len(starts)
