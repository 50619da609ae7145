"""Which blocks, rows and lines of a page there is room for; the same for pixels and for characters."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from firmware.display.families.fitting import clean, cut, wrap
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
        blocks: top to bottom.
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
    text = clean(block.text)
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


def window(rows: List, count: int) -> tuple[tuple[ListRow, ...], int]:
    """Return the rows that a display with room for `count` shows, and which row of the whole list they begin with.

    The selected row is always among them, in the middle where there are enough on both sides.
    """
    selected = min(max(0, (rows.selected or 0) - rows.first), max(0, len(rows.rows) - 1))
    start = max(0, min(selected - count // 2, len(rows.rows) - count))
    return rows.rows[start : start + count], rows.first + start


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
