"""`wecall picture`: adds a picture to the running handset, decoded here so that the handset never sees the file."""

import base64
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from firmware.base.errors import PictureError
from firmware.control.admin_requests import ContactPhotoAddRequest, PictureAddRequest, PicturePartRequest
from firmware.control.requests import Request
from firmware.phone.contact import cleaned_name
from firmware.pictures.pixels import Pixels
from firmware.services.photos import read_picture, read_picture_bytes

_PART_BYTES: Final = 45_000


def add_picture(ask: Callable[[Request], Mapping[str, Any]], path: Path, name: str, contact: str) -> Mapping[str, Any]:
    """Decode a file and hand the picture to the handset; return its answer.

    Raises:
        PictureError: the file is no picture, or too large.
        OSError: the file cannot be read.
    """
    pixels = read_picture(path)
    upload = _send(ask, pixels)
    return ask(
        PictureAddRequest(
            upload=upload,
            name=cleaned_name(name) or path.suffix[1:],
            contact=contact,
            width_px=pixels.width_px,
            height_px=pixels.height_px,
        )
    )


def add_photo(ask: Callable[[Request], Mapping[str, Any]], content: bytes, contact_id: int) -> bool:
    """Decode a picture file from a card and hand it to the handset as a contact's photo; False where it is not kept."""
    try:
        pixels = read_picture_bytes(content)
    except PictureError:
        return False
    upload = _send(ask, pixels)
    answer = ask(
        ContactPhotoAddRequest(
            upload=upload, contact_id=contact_id, width_px=pixels.width_px, height_px=pixels.height_px
        )
    )
    return bool(answer["kept"])


def _send(ask: Callable[[Request], Mapping[str, Any]], pixels: Pixels) -> str:
    """Send a picture in parts; return what names it."""
    upload = secrets.token_hex(8)
    for start in range(0, len(pixels.rgb), _PART_BYTES):
        part = base64.b64encode(pixels.rgb[start : start + _PART_BYTES]).decode()
        ask(PicturePartRequest(upload=upload, data=part))
    return upload
