"""A page in the making: the picture, its colours, and what is drawn again and again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw

from firmware.display.families.fitting import cut, fits, width
from firmware.display.families.fonts import Face
from firmware.display.model import Flow, Role

_OVERSAMPLING = 4

Colour = int | tuple[int, int, int]
"""0 or 1 on mono displays; red, green and blue on others."""


class Box(NamedTuple):
    """A part of the display; right and bottom are the first pixels beyond it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def narrowed(self, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> "Box":
        """Return the box without so many pixels at its sides."""
        return Box(self.left + left, self.top + top, self.right - right, self.bottom - bottom)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a page.

    Attributes:
        ground: what text stands on, at its lightest; `ground_below` is what it becomes towards the bottom.
        text, dim, headline: letters, what explains them, and what must be seen first.
        plate: lies below headlines where it differs from the ground.
        selected, on_selected: the row that is chosen, and the letters on it.
        status, on_status: the top row.
        title, on_title: what a page is about.
        keys, on_keys: what CANCEL and OK do.
        mark: cursors, bars and what of a list is seen; `track` is what they move on.
    """

    ground: Colour
    ground_below: Colour
    text: Colour
    dim: Colour
    headline: Colour
    plate: Colour
    selected: Colour
    on_selected: Colour
    status: Colour
    on_status: Colour
    title: Colour
    on_title: Colour
    keys: Colour
    on_keys: Colour
    mark: Colour
    track: Colour


@dataclass(frozen=True, slots=True)
class Faces:
    """What is set in which font, best first; `row` and `row_value` are for lists, `plain` for candidates.

    `spaced` stands in for `plain` in lines below each other with texts that it has; None where they are apart anyway.
    """

    roles: Mapping[Role, Sequence[Face]]
    row: Face
    row_value: Face
    values: Sequence[Face]
    labels: Sequence[Face]
    entry: Sequence[Face]
    plain: Face
    spaced: Face | None = None

    def apart(self, face: Face, texts: Iterable[str]) -> Face:
        """Return what lines below each other are set in, in place of a face."""
        is_close = face is self.plain and self.spaced is not None and any(map(self.spaced.shows, texts))
        return self.spaced if is_close and self.spaced else face


@dataclass(frozen=True, slots=True)
class Style:
    """A family's measures, in pixels.

    Attributes:
        status_px: the top row.
        title_px: the row below it on pages with a title.
        margin_px: left free on both sides.
        gap_px: left free between blocks at least; `widest_gap_px` at most.
        pair_gap_px: left free between a label and its value at least.
        row_pad_px: added to the height of a list's row.
        key_pad_px: added to the height of a key's word.
        scroll_px: the bar beside a list, with what is free beside it.
        bar_px: the bar for volumes.
        picture_px: how tall a picture beside the body is, 0 where there is no room for one.
        least_picture_px: how tall one above the body is at least, 0 where it stands beside it.
        people_rows: how many rows of names there may be on the idle page.
        person_px: how tall the pictures above them are, 0 where there is no room for any.
        keys_always: the keys' words have a row of their own, also if the body then loses words.
        title_in_status: menus have their title in the top row.
    """

    width_px: int
    height_px: int
    status_px: int
    title_px: int
    margin_px: int
    gap_px: int
    widest_gap_px: int
    pair_gap_px: int
    row_pad_px: int
    key_pad_px: int
    scroll_px: int
    bar_px: int
    radius_px: int
    picture_px: int
    least_picture_px: int
    people_rows: int
    person_px: int
    keys_always: bool
    title_in_status: bool
    title_faces: Sequence[Face]
    key_faces: Sequence[Face]
    normal: Faces
    large: Faces


@dataclass(frozen=True, slots=True)
class Sheet:
    """The picture of a page, and what it is drawn with."""

    image: Image.Image
    canvas: ImageDraw.ImageDraw
    palette: Palette
    style: Style
    faces: Faces

    def text(self, box: Box, text: str, face: Face, colour: Colour, flow: Flow = Flow.CUT_END) -> int:
        """Draw a line in the middle of a box's height, from its left; return how wide it is."""
        text = cut(text, face, box.width, flow)
        if text:
            face.draw(self.canvas, box.left, box.top + (box.height - face.height_px) // 2, text, colour)
        return width(text, face)

    def text_right(self, box: Box, text: str, face: Face, colour: Colour, flow: Flow = Flow.CUT_END) -> int:
        """Draw a line in the middle of a box's height, at its right; return how wide it is."""
        text = cut(text, face, box.width, flow)
        return self.text(box.narrowed(left=box.width - width(text, face)), text, face, colour)

    def text_centred(self, box: Box, text: str, face: Face, colour: Colour, flow: Flow = Flow.CUT_END) -> None:
        """Draw a line in the middle of a box."""
        text = cut(text, face, box.width, flow)
        self.text(box.narrowed(left=(box.width - width(text, face)) // 2), text, face, colour)

    def plate(self, box: Box, colour: Colour, radius_px: int | None = None) -> None:
        """Fill a box; its corners are round where the style's are, or by so many pixels."""
        if box.width <= 0 or box.height <= 0:
            return
        radius_px = self.style.radius_px if radius_px is None else radius_px
        if radius_px and self.image.mode == "RGB":
            self.image.paste(colour, (box.left, box.top), rounded(box.width, box.height, radius_px))
        else:
            self.canvas.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), fill=colour)

    def scroll_bar(self, box: Box, first: int, shown: int, total: int) -> None:
        """Show at the right of a box which part of a whole is seen."""
        bar = Box(box.right - self.style.scroll_px + self.style.scroll_px // 2, box.top, box.right, box.bottom)
        middle = bar.left + bar.width // 2
        thumb_px = max(bar.width * 2, bar.height * shown // total)
        top = bar.top + (bar.height - thumb_px) * first // max(1, total - shown)
        self.canvas.line((middle, bar.top, middle, bar.bottom - 1), fill=self.palette.track)
        self.plate(Box(bar.left, top, bar.right, top + thumb_px), self.palette.mark, bar.width // 2)


@lru_cache(maxsize=64)
def rounded(width_px: int, height_px: int, radius_px: int) -> Image.Image:
    """Return a box with round corners as a mask of mode `L`, with smooth edges."""
    wide_px, tall_px = width_px * _OVERSAMPLING, height_px * _OVERSAMPLING
    mask = Image.new("L", (wide_px, tall_px))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, wide_px - 1, tall_px - 1), radius_px * _OVERSAMPLING, fill=255)
    return mask.resize((width_px, height_px), Image.Resampling.BOX)


def best_face(faces: Sequence[Face], text: str, room_px: int) -> Face:
    """Return the first face in which a text fits whole, else the first of the smallest that have its letters."""
    usable = [face for face in faces if face.shows(text)] or [faces[-1]]
    for face in usable:
        if fits(text, face, room_px):
            return face
    return min(usable, key=lambda face: face.height_px)
