"""Decodes one picture in a process of its own, which can do nothing but that: `python -I -m firmware.pictures.decoder`.

It reads the file from standard input and writes the picture to standard output: width and height as two big-endian
16-bit numbers, then rows of red, green and blue bytes. Where it cannot, it ends with one of `Failure`'s codes, or by a
signal. Decoders are the classic way into a machine by a picture; this one opens no file and no socket, has no
descriptor but its three, and little time and memory.
"""

import resource
import struct
import sys
from enum import IntEnum
from io import BytesIO
from typing import Final

# Whatever a format needs is loaded now: later nothing can be opened any more.
from PIL import BmpImagePlugin, Image, ImageOps, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin

from firmware.base.shut_in import shut_in

__all__ = ["BmpImagePlugin", "JpegImagePlugin", "MpoImagePlugin", "PngImagePlugin", "WebPImagePlugin"]

WIDTH_PX: Final = 320
HEIGHT_PX: Final = 240
MAX_FILE_BYTES: Final = 16_000_000
MAX_PIXELS: Final = 24_000_000
FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP")
SIZE: Final = struct.Struct(">HH")

_CPU_S: Final = 5
_MEMORY_BYTES: Final = 512 << 20
_NICE: Final = 10
_LIMITS: Final = {
    resource.RLIMIT_AS: _MEMORY_BYTES,
    resource.RLIMIT_CPU: _CPU_S,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 0,
    # No process, and with no descriptor to be had neither file nor socket.
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_NOFILE: 0,
}
# Heads are above the middle of most pictures of people.
_CENTRE: Final = (0.5, 0.4)


class Failure(IntEnum):
    """Why there is no picture: the exit code."""

    UNREADABLE = 10
    TOO_LARGE = 11


def main() -> int:
    """Decode standard input."""
    _shut_in()
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        return Failure.TOO_LARGE
    try:
        picture = decode(content)
    except (Image.DecompressionBombError, MemoryError):
        return Failure.TOO_LARGE
    except Exception:  # noqa: BLE001 - a library's complaint about bytes from anywhere, whichever it is
        return Failure.UNREADABLE
    sys.stdout.buffer.write(SIZE.pack(*picture.size) + picture.tobytes())
    sys.stdout.buffer.flush()
    return 0


def decode(content: bytes) -> Image.Image:
    """Return the picture the right way up, no larger than the display, and nothing of what comes with it."""
    image: Image.Image = Image.open(BytesIO(content), formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    # A JPEG is decoded at an eighth of its size where that is enough.
    image.draft("RGB", (2 * WIDTH_PX, 2 * WIDTH_PX))
    image = ImageOps.exif_transpose(image)
    scale = max(1.0, min(image.width / WIDTH_PX, image.height / HEIGHT_PX))
    box = (min(WIDTH_PX, round(image.width / scale)), min(HEIGHT_PX, round(image.height / scale)))
    if image.mode.startswith("I"):
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        image = ImageOps.fit(image.convert("RGBA"), box, centering=_CENTRE)
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return ImageOps.fit(image.convert("RGB"), box, centering=_CENTRE)


def _shut_in() -> None:
    """Give up everything that decoding does not need."""
    # Pillow would load its commonest formats when the first file is opened.
    Image.preinit()
    shut_in(_NICE, _LIMITS)


if __name__ == "__main__":
    sys.exit(main())
