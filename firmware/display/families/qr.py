"""QR codes, as large as a display has room for (ISO/IEC 18004)."""

from functools import lru_cache
from typing import Final

from PIL import Image

QUIET_MODULES: Final = 4
"""How wide the light border is that readers look for (section 9.1)."""

# A module of a single pixel is too small for most cameras: on a small display the border gives way first, which
# readers forgive down to here.
_NARROW_QUIET_MODULES: Final = 2


def module_px(payload: str, room_px: int) -> int:
    """Return how many pixels wide a module of the code can be in a square room; 0 where it does not fit."""
    modules = _modules(payload)
    if modules is None:
        return 0
    size = modules.width
    best = room_px // (size + 2 * QUIET_MODULES)
    return 2 if best == 1 and 2 * (size + 2 * _NARROW_QUIET_MODULES) <= room_px else best


def draw(payload: str, module_px: int, room_px: int) -> Image.Image:
    """Return the code as a picture of mode `1`, lit where it is light, with its border but no larger than the room."""
    modules = _modules(payload)
    assert modules is not None  # noqa: S101 - module_px() said that it fits
    code = modules.resize((modules.width * module_px, modules.height * module_px), Image.Resampling.NEAREST)
    side_px = min(room_px, code.width + 2 * QUIET_MODULES * module_px)
    picture = Image.new("1", (side_px, side_px), 1)
    picture.paste(code, ((side_px - code.width) // 2, (side_px - code.height) // 2))
    return picture


@lru_cache(maxsize=1)
def _modules(payload: str) -> Image.Image | None:
    """Return the code with one pixel a module, lit where it is light; None where no code can hold the payload."""
    import segno  # noqa: PLC0415 - it brings what writes XML and asks the web, 5 MB, and few screens have a code

    try:
        code = segno.make_qr(payload, error="l", encoding=None if payload.isascii() else "utf-8")
    except (segno.DataOverflowError, UnicodeError):
        return None
    rows = list(code.matrix)
    picture = Image.new("1", (len(rows[0]), len(rows)))
    picture.putdata([not module for row in rows for module in row])
    return picture
