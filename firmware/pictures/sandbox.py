"""Has a picture file decoded by a process that can do nothing else, and says in a sentence where that fails."""

import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

from firmware.base.errors import PictureError
from firmware.base.words import word
from firmware.pictures.header import MAX_PIXELS, size_of
from firmware.pictures.pixels import Pixels

MAX_FILE_BYTES: Final = 16_000_000
_TOO_LARGE_CODE: Final = 11
_PATIENCE_S: Final = 20.0
_MEGA: Final = 1_000_000

NOT_A_PICTURE: Final = word("This is not a picture that can be read. PNG, JPEG, WebP and BMP can.")
TOO_LARGE: Final = word("This picture is too large: at most {megabytes} MB and {megapixels} million points.",
                        megabytes=MAX_FILE_BYTES // _MEGA, megapixels=MAX_PIXELS // _MEGA)  # fmt: skip


def read_picture(path: Path) -> Pixels:
    """Decode a file, scaled to the display; blocks for as long as that takes, and never for more than 20 s.

    Files that say that they are too large are refused at once, without being decoded.

    Raises:
        PictureError: it is no picture, or too large; its words are for the person.
        OSError: the file cannot be read.
    """
    # Without waiting where it is a pipe, without following where it is a link out of the folder.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PictureError(NOT_A_PICTURE)
        if status.st_size > MAX_FILE_BYTES:
            raise PictureError(TOO_LARGE)
        _check_size(file)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return _decode(file)


def read_picture_bytes(content: bytes) -> Pixels:
    """Decode a picture file that is in memory, as `read_picture` does.

    Raises:
        PictureError: it is no picture, or too large; its words are for the person.
    """
    _check_size(io.BytesIO(content))
    return _decode(content)


def _check_size(file: BinaryIO) -> None:
    size = size_of(file)
    if size is None:
        raise PictureError(NOT_A_PICTURE)
    if size[0] * size[1] > MAX_PIXELS:
        raise PictureError(TOO_LARGE)


def _decode(picture: BinaryIO | bytes) -> Pixels:
    given: dict[str, Any] = {"input": picture} if isinstance(picture, bytes) else {"stdin": picture}
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [sys.executable, "-I", "-m", "firmware.pictures.decoder"],
            **given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            env={},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PictureError(TOO_LARGE) from None
    if done.returncode == _TOO_LARGE_CODE or done.returncode < 0:
        raise PictureError(TOO_LARGE)
    if done.returncode or len(done.stdout) < 4:  # noqa: PLR2004 - width and height
        raise PictureError(NOT_A_PICTURE)
    width_px, height_px = (int.from_bytes(done.stdout[at : at + 2], "big") for at in (0, 2))
    return Pixels(width_px, height_px, done.stdout[4:])
