"""The signs of the status bar for colour displays: the same pictures as the mono ones, with smooth edges."""

from collections.abc import Callable
from functools import cache
from typing import Final

from PIL import Image, ImageDraw

from firmware.display.model import Icon

_GRID: Final = 24
"""Signs are drawn in a square of 24 units."""

_OVERSAMPLING: Final = 8

_Ink = ImageDraw.ImageDraw
_Place = tuple[float, float, float, float]
_Shape = Callable[["_Pen"], None]


class _Pen:
    """Draws in units of the grid; `lit` is 255 to draw, 0 to rub out."""

    def __init__(self, canvas: _Ink, unit_px: float) -> None:
        self._canvas = canvas
        self._unit_px = unit_px

    def line(self, *points: tuple[float, float], wide: float = 2, lit: int = 255) -> None:
        scaled = [(x * self._unit_px, y * self._unit_px) for x, y in points]
        self._canvas.line(scaled, fill=lit, width=round(wide * self._unit_px), joint="curve")
        radius_px = wide * self._unit_px / 2
        for x, y in (scaled[0], scaled[-1]):
            self._canvas.ellipse((x - radius_px, y - radius_px, x + radius_px, y + radius_px), fill=lit)

    def box(self, place: _Place, round_by: float = 1, lit: int = 255) -> None:
        self._canvas.rounded_rectangle(self._scaled(place), round_by * self._unit_px, fill=lit)

    def disc(self, place: _Place, lit: int = 255) -> None:
        self._canvas.ellipse(self._scaled(place), fill=lit)

    def ring(self, place: _Place, wide: float = 2) -> None:
        self._canvas.ellipse(self._scaled(place), outline=255, width=round(wide * self._unit_px))

    def arc(self, place: _Place, start: float, end: float, wide: float = 2) -> None:
        """Draw a part of an oval, from one angle to another, in degrees clockwise from three o'clock."""
        self._canvas.arc(self._scaled(place), start, end, fill=255, width=round(wide * self._unit_px))

    def shape(self, *points: tuple[float, float], lit: int = 255) -> None:
        self._canvas.polygon([(x * self._unit_px, y * self._unit_px) for x, y in points], fill=lit)

    def _scaled(self, place: _Place) -> _Place:
        left, top, right, bottom = (edge * self._unit_px for edge in place)
        return left, top, right - 1, bottom - 1


def icon(sign: Icon, size_px: int) -> Image.Image:
    """Return a sign as a mask of mode `L`, so many pixels tall and wide."""
    return _mask(_ICONS[sign], size_px)


def tick(size_px: int) -> Image.Image:
    """Return the sign of OK."""
    return _mask(_tick, size_px)


def cross(size_px: int) -> Image.Image:
    """Return the sign of CANCEL."""
    return _mask(_cross, size_px)


@cache
def _mask(draw: _Shape, size_px: int) -> Image.Image:
    large_px = size_px * _OVERSAMPLING
    large = Image.new("L", (large_px, large_px))
    draw(_Pen(ImageDraw.Draw(large), large_px / _GRID))
    return large.resize((size_px, size_px), Image.Resampling.BOX)


def _bars(lit: int) -> _Shape:
    """Four bars that rise, `lit` of them at full height, the rest only hinted at."""

    def draw(pen: _Pen) -> None:
        for index in range(4):
            left = 1.5 + index * 5.5
            top = 16 - index * 4.5 if index < lit else 19.5
            pen.box((left, top, left + 4, 22), 1)

    return draw


def _no_service(pen: _Pen) -> None:
    pen.line((4, 3), (17, 14), wide=3)
    pen.line((17, 3), (4, 14), wide=3)
    for index in range(4):
        left = 1.5 + index * 5.5
        pen.box((left, 19.5, left + 4, 22), 1)


def _microphone(pen: _Pen) -> None:
    pen.box((8, 1, 16, 14), 4)
    pen.arc((4.5, 4, 19.5, 18), 0, 180, 2)
    pen.line((12, 18), (12, 22))
    pen.line((8, 22), (16, 22))


def _muted(pen: _Pen) -> None:
    _microphone(pen)
    pen.line((3, 3.5), (20, 21.5), wide=5, lit=0)
    pen.line((3, 2), (21, 21), wide=2.6)


def _handset(pen: _Pen) -> None:
    pen.arc((2, 12, 22, 32), 200, 340, 4)
    pen.box((0.5, 15, 7.5, 20.5), 1.5)
    pen.box((16.5, 15, 23.5, 20.5), 1.5)


def _missed(pen: _Pen) -> None:
    _handset(pen)
    pen.line((5, 2.5), (12, 8.5), (20, 1.5), wide=2.4)
    pen.line((5, 2.5), (5, 7.5), wide=2.4)
    pen.line((5, 2.5), (10, 2.5), wide=2.4)


def _problem(pen: _Pen) -> None:
    pen.shape((12, 1), (24, 22), (0, 22))
    pen.box((10.8, 8, 13.2, 15.5), 1, lit=0)
    pen.disc((10.6, 17, 13.4, 19.8), lit=0)


def _speaker(pen: _Pen) -> None:
    pen.box((1, 8, 7, 16), 1)
    pen.shape((5, 12), (12.5, 3), (12.5, 21))
    pen.arc((9, 7.5, 18, 16.5), -50, 50, 2)
    pen.arc((6, 3, 23, 21), -50, 50, 2)


def _lock(pen: _Pen) -> None:
    pen.arc((6.5, 1.5, 17.5, 15), 180, 360, 2.6)
    pen.line((7.8, 8), (7.8, 12), wide=2.6)
    pen.line((16.2, 8), (16.2, 12), wide=2.6)
    pen.box((3.5, 10.5, 20.5, 22.5), 2)
    pen.disc((10.2, 13.8, 13.8, 17.4), lit=0)
    pen.box((11.2, 15.6, 12.8, 19.5), 0, lit=0)


def _voicemail(pen: _Pen) -> None:
    pen.ring((0.5, 6, 10.5, 16), 2.2)
    pen.ring((13.5, 6, 23.5, 16), 2.2)
    pen.line((5.5, 16), (18.5, 16), wide=2.2)


def _message(pen: _Pen) -> None:
    pen.box((1, 4, 23, 20), 2)
    pen.line((3, 7), (12, 13.5), (21, 7), wide=2, lit=0)


def _do_not_disturb(pen: _Pen) -> None:
    pen.disc((1.5, 1.5, 22.5, 22.5))
    pen.box((6, 10.2, 18, 13.8), 0.5, lit=0)


def _forward(pen: _Pen) -> None:
    pen.line((2, 12), (19, 12), wide=3.2)
    pen.shape((13.5, 4), (23.5, 12), (13.5, 20))


def _recording(pen: _Pen) -> None:
    pen.disc((2, 2, 22, 22))


def _tick(pen: _Pen) -> None:
    pen.line((3.5, 13), (9.5, 19), (20.5, 5.5), wide=3.6)


def _cross(pen: _Pen) -> None:
    pen.line((5, 5), (19, 19), wide=3.4)
    pen.line((19, 5), (5, 19), wide=3.4)


_ICONS: Final[dict[Icon, _Shape]] = {
    Icon.REGISTERED: _bars(4),
    Icon.REGISTERING: _bars(2),
    Icon.NOT_REGISTERED: _no_service,
    Icon.MICROPHONE: _microphone,
    Icon.MUTED: _muted,
    Icon.RECORDING: _recording,
    Icon.MISSED: _missed,
    Icon.PROBLEM: _problem,
    Icon.SPEAKER: _speaker,
    Icon.LOCK: _lock,
    Icon.VOICEMAIL: _voicemail,
    Icon.MESSAGE: _message,
    Icon.DO_NOT_DISTURB: _do_not_disturb,
    Icon.FORWARD: _forward,
    Icon.QUALITY_0: _bars(0),
    Icon.QUALITY_1: _bars(1),
    Icon.QUALITY_2: _bars(2),
    Icon.QUALITY_3: _bars(3),
    Icon.QUALITY_4: _bars(4),
}
