"""Whom the digits call, at the bottom of the idle page: names side by side, or below their pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from firmware.display.families.arrange import LineFace
from firmware.display.families.fitting import width, wrap
from firmware.display.families.sheet import Box, Sheet
from firmware.display.model import Page, Role, Tile

_FEW = 2


@dataclass(frozen=True, slots=True)
class PlacedName:
    """A line of a name with its digit: whose it is, and from where to where its place in the row goes."""

    tile: Tile
    text: str
    left: int
    right: int


def place_names(
    tiles: Sequence[Tile], face: LineFace, room: int, rows: int, *, least: int = 0
) -> tuple[tuple[PlacedName, ...], ...]:
    """Put names side by side and below each other, each whole; those that do not fit are left out.

    Args:
        tiles: in the order of their digits.
        face: what they are set in.
        room: how wide a row is.
        rows: how many there may be.
        least: how wide the place of a name is at least.
    """
    # Without a picture above each, two names that are close are one.
    gap = width("0" if least else "00", face)
    placed: list[list[PlacedName]] = []
    taken = room
    for tile in tiles:
        lines = wrap(tile.text, face, room, rows + 1).lines
        needed = max(least, *(width(line, face) for line in lines)) if lines else room
        if len(lines) == 1 and taken + gap + needed <= room:
            left = taken + gap
            placed[-1].append(PlacedName(tile, lines[0], left, left + needed))
            taken = left + needed
        elif len(placed) + len(lines) <= rows:
            placed += [[PlacedName(tile, line, 0, needed)] for line in lines]
            taken = needed if len(lines) == 1 else room
    return tuple(map(tuple, placed))


def with_small_clock(page: Page) -> Page:
    """Return the page with the time in its status bar in place of its body."""
    blocks = page.body if isinstance(page.body, tuple) else ()
    clock = next((block.text for block in blocks if block.role is Role.CLOCK), page.status.text)
    rest = tuple(block for block in blocks if block.role is not Role.CLOCK)
    return replace(page, body=rest, status=replace(page.status, text=clock))


def draw_people(sheet: Sheet, box: Box, tiles: Sequence[Tile], draw_picture: Callable[[Box, str], bool]) -> Box | None:
    """Draw as many people as fit at the bottom of a box; return what is left above, None where nobody fits.

    Args:
        sheet: the page.
        box: where.
        tiles: the people.
        draw_picture: draws a picture by its name; False where it is not at hand.
    """
    style = sheet.style
    picture_px = style.person_px if any(tile.picture for tile in tiles) else 0
    inner = box.narrowed(left=style.margin_px, right=style.margin_px)
    # Two whose names are small are better than one whose name is large.
    for face in (sheet.faces.row, sheet.faces.row_value):
        rows = 1 if picture_px else min(style.people_rows, box.height // face.height_px)
        placed = place_names(tiles, face, inner.width, rows, least=picture_px)
        if len({name.tile for row in placed for name in row}) >= min(_FEW, len(tiles)):
            break
    texts = [[name.text for name in row] for row in placed]
    # Where a row and the one above fill their places they would touch.
    apart = [
        face if sheet.faces.apart(face, above) is face else sheet.faces.apart(face, row)
        for above, row in zip([[], *texts], texts, strict=False)
    ]
    height_px = sum(each.height_px + picture_px for each in apart) + style.gap_px
    if not placed or height_px > box.height:
        return None
    top = box.bottom - height_px
    for row, face in zip(placed, apart, strict=True):
        row_px = face.height_px + picture_px
        for name in row:
            place = Box(inner.left + name.left, top, inner.left + name.right, top + row_px)
            if picture_px:
                left = place.left + (place.width - picture_px) // 2
                _draw_face(sheet, Box(left, top, left + picture_px, top + picture_px), name.tile, draw_picture)
            sheet.text_centred(place.narrowed(top=picture_px), name.text, face, sheet.palette.text)
        top += row_px
    # Letters above names are apart from them, but not from pictures.
    return box.narrowed(bottom=height_px + (style.gap_px if picture_px else 0))


def _draw_face(sheet: Sheet, box: Box, tile: Tile, draw_picture: Callable[[Box, str], bool]) -> None:
    """Draw somebody's picture, or the first letter of the name in its place."""
    if tile.picture and draw_picture(box, tile.picture):
        return
    sheet.plate(box, sheet.palette.keys, 2 * sheet.style.radius_px)
    sheet.text_centred(box, tile.name[:1], sheet.faces.roles[Role.NAME][0], sheet.palette.on_keys)
