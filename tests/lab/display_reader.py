"""Reads the handset's display: whether its pixels say a text, wherever and in whatever size it stands there."""

from functools import cache

import numpy as np
import numpy.typing as npt

from firmware.screens.drawing import HEIGHT_PX, WIDTH_PX, render
from firmware.screens.lines import COLUMNS, SMALL_COLUMNS
from firmware.screens.page import Align, Icon, Line, Page, Size, StatusBar
from firmware.screens.text import wrap

_Pixels = npt.NDArray[np.bool_]

_COLUMNS = {Size.SMALL: SMALL_COLUMNS, Size.NORMAL: COLUMNS, Size.LARGE: COLUMNS}
_LINE_PX = {Size.SMALL: 12, Size.NORMAL: 16, Size.LARGE: 32}
# Below the status bar and its rule.
_RULE_Y_PX = 12
_TOP_PX = 15


def says(frame: bytes, text: str) -> bool:
    """Whether the frame shows all of a text, in as many lines as it takes; one that has not come yet shows nothing."""
    if not frame:
        return False
    pixels = _pixels(frame)
    return any(all(_has_line(pixels, line, size) for line in wrap(text, _COLUMNS[size])) for size in Size)


def shows(frame: bytes, *icons: tuple[Icon, int]) -> bool:
    """Whether the frame's status bar begins with these icons, each with its count."""
    if not frame:
        return False
    bar = _status_bar(icons)
    return np.array_equal(_pixels(frame)[: bar.shape[0], : bar.shape[1]], bar)


def _has_line(pixels: _Pixels, text: str, size: Size) -> bool:
    bands = [_band(text, size, align, inverted) for align in Align for inverted in (False, True)]
    height = _LINE_PX[size]
    return any(
        np.array_equal(pixels[top : top + height], band)
        for band in bands
        for top in range(_TOP_PX, HEIGHT_PX - height + 1)
    )


def _pixels(frame: bytes) -> _Pixels:
    return np.unpackbits(np.frombuffer(frame, np.uint8)).reshape(HEIGHT_PX, WIDTH_PX).astype(bool)


@cache
def _status_bar(icons: tuple[tuple[Icon, int], ...]) -> _Pixels:
    bar = np.array(render(Page(StatusBar(icons), ())), dtype=bool)[:_RULE_Y_PX]
    return bar[:, : int(np.flatnonzero(bar.any(axis=0))[-1]) + 1]


@cache
def _band(text: str, size: Size, align: Align, inverted: bool) -> _Pixels:
    # Two lines, since one that stands alone is moved to the middle.
    page = Page(StatusBar(), (Line(text, align, size, keeps_end=True, inverted=inverted), Line("", size=Size.SMALL)))
    return np.array(render(page), dtype=bool)[_TOP_PX : _TOP_PX + _LINE_PX[size]]
