"""How large a picture file says it is, read from its first bytes alone, in Python: what is too large is never decoded.

PNG (RFC 2083 section 4.1.1), JPEG (ITU-T T.81 annex B), WebP (RFC 9649) and BMP (the BITMAPINFOHEADER of Windows).
"""

import struct
from typing import BinaryIO, Final

MAX_PIXELS: Final = 24_000_000
"""A picture with more of them is never decoded."""

_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MOST_JPEG_SEGMENTS = 1000


def size_of(file: BinaryIO) -> tuple[int, int] | None:
    """Return width and height in pixels; None where the file is none of the four kinds, or says no size."""
    head = file.read(32)
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            size = struct.unpack_from(">II", head, 16)
        elif head.startswith(b"\xff\xd8\xff"):
            return _jpeg_size(file)
        elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            size = _webp_size(head)
        elif head.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", head, 18)
            # Rows from top to bottom are a negative height.
            size = width, abs(height)
        else:
            return None
    except struct.error:
        return None
    return size if size[0] > 0 and size[1] > 0 else None


def _webp_size(head: bytes) -> tuple[int, int]:
    match head[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = (number & 0x3FFF for number in struct.unpack_from("<HH", head, 26))
        case _:
            return 0, 0
    return width, height


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    file.seek(2)
    for _ in range(_MOST_JPEG_SEGMENTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:  # noqa: PLR2004 - a marker is two bytes, the first all ones
            return None
        if marker[1] == 0xFF:  # noqa: PLR2004 - fill bytes may stand before a marker
            file.seek(-1, 1)
            continue
        if marker[1] in _JPEG_WITHOUT_LENGTH:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if marker[1] in _JPEG_FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
            return (width, height) if width and height else None
        file.seek(length - 2, 1)
    return None
