"""A forgotten PIN: the phone asks to be erased, and a document that the operator signed for this one request begins it.

The request is a number that is drawn at random, kept beside the store, which may be closed, and gone with the reset or
with the first right PIN: a document counts once, for one handset and its present holder, and for nobody who has
remembered. It comes in a bundle or over the network. Under 14 no
document does what is the guardian's.
"""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.consent import Actor, Channel
from contract.results import OutcomeCode
from firmware.base.durable import replace_durably, sync_folder
from firmware.base.errors import StorageError
from firmware.base.proven_time import is_synchronised
from firmware.phone.requests.handset import AskForReset, ResetAsked
from firmware.services.account.factory_reset import REQUEST_NAME, Resetting
from firmware.services.runner import Handlers
from provisioning.documents import ResetDocument, read_content
from provisioning.signed import DocumentRefusedError, verify
from provisioning.trust import Kind, TrustedKey

_log = logging.getLogger(__name__)

_DIGITS: Final = 12
_NUMBER: Final = re.compile(rf"[1-9][0-9]{{{_DIGITS - 1}}}")


@dataclass(frozen=True, slots=True)
class Handset:
    """Which one it is, and whose signature counts."""

    fleet: str
    device: str
    serial: str
    keys: tuple[TrustedKey, ...]


class Taker:
    """Takes signed documents, and says what became of each."""

    def __init__(self, take: Callable[[bytes], Awaitable[OutcomeCode]]) -> None:
        self._take = take

    async def take(self, document: bytes) -> OutcomeCode:
        """Take one; what is not taken changes nothing."""
        return await self._take(document)


def end_request(state_dir: Path) -> None:
    """Let no document count any more: whoever typed the right PIN needs no reset. Waits for the card."""
    path = state_dir / REQUEST_NAME
    try:
        if path.exists():
            path.unlink()
            sync_folder(state_dir)
    except OSError as error:
        # The holder has to get in all the same.
        _log.warning("The request for a reset cannot be deleted: %s. Check the card.", error.strerror)


class ForgottenPin:
    """Draws the request, and takes the document that answers it."""

    def __init__(
        self,
        state_dir: Path,
        handset: Handset,
        resetting: Resetting,
        has_guardian: Callable[[], Awaitable[bool]],
        *,
        wall_s: Callable[[], float] = time.time,
        is_synced: Callable[[], bool] = is_synchronised,
    ) -> None:
        """Set up.

        Args:
            state_dir: where the store is.
            handset: which one it is.
            resetting: begins a factory reset, with its notice to recipients.
            has_guardian: whether a guardian answers for the holder, as far as anybody can know now.
            wall_s: seconds since the epoch.
            is_synced: whether a time service keeps them right.
        """
        self._path = state_dir / REQUEST_NAME
        self._handset = handset
        self._resetting = resetting
        self._has_guardian = has_guardian
        self._wall_s = wall_s
        self._is_synced = is_synced

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {AskForReset: self._ask}

    def over(self, channel: Channel) -> Taker:
        """Return what takes documents that come by a channel."""
        return Taker(lambda document: self.take(document, channel))

    async def _ask(self, _request: AskForReset) -> ResetAsked:
        return ResetAsked(self._handset.serial, await asyncio.to_thread(self._draw))

    async def take(self, document: bytes, channel: Channel) -> OutcomeCode:
        """Begin the reset that a document orders; what is not taken changes nothing."""
        try:
            self._check(document, await asyncio.to_thread(self._drawn))
        except DocumentRefusedError as error:
            _log.warning("A document that orders a reset is not taken: %s", error)
            return error.refusal
        if await self._has_guardian():
            _log.warning("A document orders a reset, and a guardian answers for the holder: the guardian's PIN resets.")
            return OutcomeCode.NOT_GRANTED
        try:
            await self._resetting.begin(Actor.OPERATOR, channel)
        except StorageError as error:
            _log.error("%s", error)
            return OutcomeCode.FAILED
        # The marker of the reset is on the card: the same document once more would only begin what has begun.
        await asyncio.to_thread(self._path.unlink, missing_ok=True)
        return OutcomeCode.TAKEN

    def _check(self, document: bytes, drawn: str) -> None:
        """Let only what is signed, for this handset alone, in time, and for what it asked, go on.

        Raises:
            DocumentRefusedError: it is not; says why.
        """
        handset = self._handset
        statement = verify(document, Kind.RESET, handset.keys)
        statement.check_scope(handset.fleet, handset.device)
        said = read_content(statement, ResetDocument)
        if statement.devices != (handset.device,) or said.serial != handset.serial:
            raise DocumentRefusedError(
                OutcomeCode.WRONG_SCOPE, "A reset is for one handset alone. Name this one, and its serial."
            )
        statement.check_time(self._wall_s(), synced=self._is_synced())
        if not drawn or not secrets.compare_digest(drawn, str(said.request)):
            raise DocumentRefusedError(
                OutcomeCode.UNKNOWN_REQUEST,
                "This handset has not asked for that reset. Sign the number that its display shows.",
            )

    def _drawn(self) -> str:
        """Return the number that waits for an answer, empty where none does."""
        try:
            text = self._path.read_text(encoding="ascii", errors="replace")
        except OSError:
            return ""
        return text if _NUMBER.fullmatch(text) else ""

    def _draw(self) -> str:
        """Return the number that waits, or draw one; on the disk when this returns.

        Raises:
            StorageError: the card cannot be written.
        """
        if drawn := self._drawn():
            return drawn
        drawn = str(10 ** (_DIGITS - 1) + secrets.randbelow(9 * 10 ** (_DIGITS - 1)))
        try:
            replace_durably(self._path, drawn.encode())
        except OSError as error:
            raise StorageError(
                f"The request for a reset cannot be kept in {self._path.parent}: {error.strerror}. Check the card."
            ) from error
        return drawn
