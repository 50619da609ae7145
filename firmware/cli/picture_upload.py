"""`wecall picture`: adds a picture to the running handset, decoded here so that the handset never sees the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from firmware.base.errors import PictureError
from firmware.control.admin_requests import ContactPhotoAddRequest, PictureAddRequest
from firmware.control.open_files import sealed
from firmware.control.requests import Request
from firmware.phone.contact import cleaned_name
from firmware.services.photos import read_picture, read_picture_bytes


class Ask(Protocol):
    """Asks the handset, with an open file where the request takes one."""

    def __call__(self, request: Request, *, file: BinaryIO | None = None) -> Mapping[str, Any]: ...


def add_picture(ask: Ask, path: Path, name: str, contact: str) -> Mapping[str, Any]:
    """Decode a file and hand the picture to the handset; return its answer.

    Raises:
        PictureError: the file is no picture, or too large.
        OSError: the file cannot be read.
    """
    pixels = read_picture(path)
    kept_name = cleaned_name(name) or path.suffix[1:]
    request = PictureAddRequest(name=kept_name, contact=contact, width_px=pixels.width_px, height_px=pixels.height_px)
    with sealed(pixels.rgb) as file:
        return ask(request, file=file)


def add_photo(ask: Ask, content: bytes, contact_id: int) -> bool:
    """Decode a picture file from a card and hand it to the handset as a contact's photo; False where it is not kept."""
    try:
        pixels = read_picture_bytes(content)
    except PictureError:
        return False
    request = ContactPhotoAddRequest(contact_id=contact_id, width_px=pixels.width_px, height_px=pixels.height_px)
    with sealed(pixels.rgb) as file:
        return bool(ask(request, file=file)["kept"])
