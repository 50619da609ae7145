"""The photos of contacts: those on cards that come in, and those for cards that go out."""

import asyncio
import logging
from io import BytesIO
from typing import Final

from PIL import Image

from firmware.base.errors import HandsetError, PictureError, StorageError
from firmware.pictures.pixels import Pixels
from firmware.pictures.sandbox import read_picture_bytes
from firmware.store.pictures import StoredPictures

_log = logging.getLogger(__name__)

MAX_JPEG_BYTES: Final = 40_000
"""In base64 it fits a line of the control socket."""
_QUALITIES: Final = (88, 75, 60, 40, 20)


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
