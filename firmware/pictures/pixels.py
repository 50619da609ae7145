"""A decoded picture: what the decoder hands over, the store keeps and the display shows."""

from dataclasses import dataclass, field
from typing import Final

from firmware.base.errors import StorageError

MAX_WIDTH_PX: Final = 320
MAX_HEIGHT_PX: Final = 240
_BYTES_A_PIXEL: Final = 3
MAX_BYTES: Final = MAX_WIDTH_PX * MAX_HEIGHT_PX * _BYTES_A_PIXEL


@dataclass(frozen=True, slots=True)
class Pixels:
    """A picture as it is kept: rows of red, green and blue bytes."""

    width_px: int
    height_px: int
    rgb: bytes = field(repr=False)

    def __post_init__(self) -> None:
        fits = 0 < self.width_px <= MAX_WIDTH_PX and 0 < self.height_px <= MAX_HEIGHT_PX
        if not fits or len(self.rgb) != self.width_px * self.height_px * _BYTES_A_PIXEL:
            raise StorageError(
                f"A picture has at most {MAX_WIDTH_PX} x {MAX_HEIGHT_PX} pixels of three bytes each; this one does not."
            )
