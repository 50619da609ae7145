"""What the handset answers to `wecall picture`.

The picture comes decoded, by the command's own sandbox.
"""

from collections.abc import Callable, Mapping
from typing import BinaryIO

from firmware.base.errors import ControlError
from firmware.control.admin_requests import (
    PictureAddRequest,
    PictureListRequest,
    PictureRemoveRequest,
)
from firmware.control.open_files import content_of
from firmware.control.requests import Answer, Empty
from firmware.control.server import Handler
from firmware.pictures.pixels import MAX_HEIGHT_PX, MAX_WIDTH_PX, Pixels
from firmware.services.import_gate import ImportGate
from firmware.store.pictures import StoredPictures

_MAX_BYTES = MAX_WIDTH_PX * MAX_HEIGHT_PX * 3


class PictureAnswer(Answer):
    """One picture: what names it, and what the person calls it."""

    picture: str
    name: str


class PicturesAnswer(Answer):
    """Every picture."""

    pictures: tuple[PictureAnswer, ...]


class PictureRole:
    """Answers the admin role's requests about pictures."""

    def __init__(
        self,
        pictures: Callable[[], StoredPictures | None],
        gate: ImportGate,
        when_changed: Callable[[], None],
    ) -> None:
        """Set up.

        Args:
            pictures: those that are kept; None where there is no store.
            gate: says whether pictures may come in.
            when_changed: called when pictures came or went.
        """
        self._pictures = pictures
        self._gate = gate
        self._when_changed = when_changed

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {
            "picture_list": self._list,
            "picture_add": self._add,
            "picture_remove": self._remove,
        }

    @property
    def _kept(self) -> StoredPictures:
        pictures = self._pictures()
        if pictures is None:
            raise ControlError("The store cannot be used, so there are no pictures. See wecall doctor.")
        return pictures

    async def _list(self, _request: PictureListRequest) -> PicturesAnswer:
        return PicturesAnswer(
            pictures=tuple(PictureAnswer(picture=kept.picture, name=kept.name) for kept in await self._kept.list())
        )

    async def _add(self, request: PictureAddRequest, file: BinaryIO) -> PictureAnswer:
        await self._gate.require_consent()
        pixels = Pixels(request.width_px, request.height_px, content_of(file, _MAX_BYTES))
        contact_id = await self._kept.contact_named(request.contact) if request.contact else None
        kept = await self._kept.add(request.name, pixels)
        if contact_id is not None:
            await self._kept.give_to(contact_id, kept.picture)
        self._when_changed()
        return PictureAnswer(picture=kept.picture, name=kept.name)

    async def _remove(self, request: PictureRemoveRequest) -> Empty:
        if not await self._kept.remove(request.picture):
            raise ControlError("There is no such picture. `wecall picture list` names them.")
        self._when_changed()
        return Empty()
