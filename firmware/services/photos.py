"""Pictures of contacts and for the display: decoded by a process that can do nothing else, and kept or given out."""

import asyncio
import io
import logging
import os
import stat
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from PIL import Image

from firmware.base.errors import HandsetError, PictureError, StorageError
from firmware.base.words import word
from firmware.pictures.header import MAX_PIXELS, size_of
from firmware.pictures.pixels import Pixels
from firmware.store.pictures import StoredPictures

MAX_FILE_BYTES: Final = 16_000_000
_TOO_LARGE_CODE: Final = 11
_PATIENCE_S: Final = 20.0
_MEGA: Final = 1_000_000

NOT_A_PICTURE: Final = word("This is not a picture that can be read. PNG, JPEG, WebP and BMP can.")
TOO_LARGE: Final = word("This picture is too large: at most {megabytes} MB and {megapixels} million points.",
                        megabytes=MAX_FILE_BYTES // _MEGA, megapixels=MAX_PIXELS // _MEGA)  # fmt: skip

_log = logging.getLogger(__name__)

MAX_JPEG_BYTES: Final = 40_000
"""Of a card that goes out: phones read smaller files sooner."""
_QUALITIES: Final = (88, 75, 60, 40, 20)


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


class ContactPhotos:
    """Keeps photos, decoded by a process that can do nothing else, and gives them back as JPEG."""

    def __init__(self, pictures: StoredPictures) -> None:
        """`pictures` are those that are kept."""
        self._pictures = pictures

    async def keep(self, contact_id: int, content: bytes) -> bool:
        """Make a picture file a contact's picture; False where it cannot be read, or where there is no room for it.

        A contact that has a picture by now keeps that.
        """
        try:
            await self._pictures.add_photo(contact_id, await asyncio.to_thread(read_picture_bytes, content))
        except PictureError:
            return False
        except HandsetError as error:
            _log.warning("The photo of a contact was not kept: %s", error)
            return False
        return True

    async def jpeg(self, picture: str) -> bytes:
        """Return a contact's picture as a file, empty where it has none or where that is damaged."""
        try:
            pixels = await self._pictures.read(picture) if picture else None
        except StorageError as error:
            _log.warning("The photo of a contact cannot be read: %s", error)
            return b""
        return b"" if pixels is None else await asyncio.to_thread(encoded, pixels)


def encoded(pixels: Pixels) -> bytes:
    """Return a picture as a JPEG of at most MAX_JPEG_BYTES, as good as that allows; empty where it does not."""
    image = Image.frombytes("RGB", (pixels.width_px, pixels.height_px), pixels.rgb)
    for quality in _QUALITIES:
        content = BytesIO()
        image.save(content, "JPEG", quality=quality)
        if content.tell() <= MAX_JPEG_BYTES:
            return content.getvalue()
    return b""
