"""`wecall picture`: adds a picture to the running handset, decoded here so that the handset never sees the file."""

import base64
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from firmware.control.requests import PictureAddRequest, PicturePartRequest, Request
from firmware.phone.contact_text import cleaned_name
from firmware.pictures.sandbox import read_picture

_PART_BYTES: Final = 45_000


def add_picture(ask: Callable[[Request], Mapping[str, Any]], path: Path, name: str, contact: str) -> Mapping[str, Any]:
    """Decode a file and hand the picture to the handset; return its answer.

    Raises:
        PictureError: the file is no picture, or too large.
        OSError: the file cannot be read.
    """
    pixels, upload = read_picture(path), secrets.token_hex(8)
    for start in range(0, len(pixels.rgb), _PART_BYTES):
        part = base64.b64encode(pixels.rgb[start : start + _PART_BYTES]).decode()
        ask(PicturePartRequest(upload=upload, data=part))
    return ask(
        PictureAddRequest(
            upload=upload,
            name=cleaned_name(name) or path.suffix[1:],
            contact=contact,
            width_px=pixels.width_px,
            height_px=pixels.height_px,
        )
    )
