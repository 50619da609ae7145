"""What is done with a stick, from when it was plugged in to when it may be taken out."""

import errno
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from contract.results import BundleResult, OutcomeCode, StickCode
from firmware.base.errors import BundleNotTakenError, ControlError, RequestRefusedError, StickError
from firmware.base.image import is_card
from firmware.control.stick_answers import BundleFollowed
from firmware.display.translation import Language
from firmware.setup.stick.choice import Choice, choose
from firmware.setup.stick.folder import StickFolder
from firmware.setup.stick.patience import Patience
from firmware.setup.stick.report_text import report_text
from firmware.setup.stick.writing import Outgoing
from provisioning.bundle import MAX_BUNDLE_BYTES
from provisioning.identity import Identity
from provisioning.report import Report

_log = logging.getLogger(__name__)

_FOLLOW_S: Final = 25.0
_PIECE_BYTES: Final = 1 << 20
_MOST_KEY_BYTES: Final = 4096
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_COPIES: Final = Path("/var/tmp")  # noqa: S108 - a file without a name; /tmp is memory, which a bundle may not fit in
_CANNOT_BE_READ: Final = frozenset({StickCode.STICK_UNREADABLE, OutcomeCode.UNREADABLE})


class HandsetLink(Protocol):
    """The handset; every method raises a ControlError. See firmware.control.stick_client."""

    async def identity(self) -> Identity: ...
    async def begin(self, size_bytes: int) -> None: ...
    async def bring(self, bundle: BinaryIO) -> str: ...
    async def follow(self, offer: str, after: int, wait_s: float) -> BundleFollowed: ...
    async def bring_copy(self, copy: BinaryIO, key: bytes) -> bool: ...
    async def stick_done(self, code: StickCode | OutcomeCode) -> None: ...
    async def ordered(self) -> Sequence[str]: ...
    def fetch(self, name: str) -> Iterator[bytes]: ...
    async def fetched(self, names: Sequence[str]) -> None: ...


class Visit:
    """One stick and one handset: what of it takes a word with the handset."""

    def __init__(self, folder: StickFolder, link: HandsetLink, outgoing: Outgoing, patience: Patience) -> None:
        """Set up.

        Args:
            folder: the stick's.
            link: the handset.
            outgoing: takes what is to be written to the stick.
            patience: with the handset.
        """
        self._folder = folder
        self._link = link
        self._outgoing = outgoing
        self._patience = patience

    async def look(self) -> None:
        """Read the stick, hand over what is for this handset, and lay out what is to be written.

        Raises:
            StickError: it cannot be read.
            ControlError: the handset does not answer.
        """
        self._outgoing.mark_reading(going_on=True)
        identity = await self._patience.ask(self._link.identity)
        try:
            names = self._folder.bundle_names()
        except StickError:
            await self._say_done(StickCode.STICK_UNREADABLE)
            raise
        if ordered := await self._patience.ask(self._link.ordered):
            self._outgoing.mark_ordered()
        if names:
            await self._take(choose(self._folder, names, identity.serial), identity)
        elif not ordered:
            await self._bring_copy(identity)

    async def _bring_copy(self, identity: Identity) -> None:
        """Bring a copy that is on the stick back, if the holder waits for one; a blank stick collects who this is."""
        name, key_name = self._folder.newest_copy()
        code = StickCode.IDENTITY_WRITTEN
        if name:
            with self._folder.open(name) as copy:
                is_wanted = await self._link.bring_copy(copy, self._read_key(key_name))
            code = StickCode.COPY_READ if is_wanted else StickCode.COPY_NOT_WANTED
        if code is not StickCode.COPY_READ:
            self._lay_out_identity(identity)
        await self._say_done(code)

    def _read_key(self, name: str) -> bytes:
        if not name:
            return b""
        with self._folder.open(name) as file:
            return file.read(_MOST_KEY_BYTES)

    async def fetch_ordered(self) -> None:
        """Write what the holder ordered to the stick.

        Raises:
            StickError: the stick is full, write-protected or broken, or was taken out.
            ControlError: the handset does not answer.
        """
        ordered = await self._patience.ask(self._link.ordered)
        if not ordered:
            return
        try:
            for name in ordered:
                with self._folder.writing(name) as file:
                    file.writelines(self._link.fetch(name))
        except (StickError, ControlError):
            await self._say_done(StickCode.COPY_NOT_WRITTEN)
            raise
        await self._link.fetched(ordered)
        if self._outgoing.is_empty:
            await self._say_done(StickCode.COPY_WRITTEN)

    async def _take(self, choice: Choice, identity: Identity) -> None:
        if choice.refusal is None:
            report = await self._apply(choice, identity)
        else:
            _log.info("No bundle on the stick is for this handset: %s", choice.refusal)
            report = _report(identity, None, BundleResult.REFUSED, choice.refusal)
            await self._say_done(choice.refusal)
            if choice.refusal is OutcomeCode.WRONG_SERIAL:
                self._lay_out_identity(identity)
        self._outgoing.lay_out(f"{report.file_stem}.json", report.as_json())
        self._outgoing.lay_out(
            f"{report.file_stem}.txt",
            "\n".join(report_text(report, language, on_card=is_card()) for language in Language),
        )

    async def _apply(self, choice: Choice, identity: Identity) -> Report:
        """Hand a bundle over, and wait until it is known what became of it."""
        try:
            offer = await self._hand_over(choice)
        except (StickError, OSError) as error:
            _log.warning("The bundle could not be copied to its end: %s", error)
            is_full = isinstance(error, OSError) and error.errno in _NO_ROOM
            refusal = OutcomeCode.NO_SPACE if is_full else OutcomeCode.UNREADABLE
            await self._say_done(OutcomeCode.NO_SPACE if is_full else StickCode.STICK_UNREADABLE)
            return _report(identity, choice.number, BundleResult.REFUSED, refusal)
        except RequestRefusedError as error:
            _log.warning("The handset takes no bundle: %s", error)
            refusal = error.refusal if isinstance(error, BundleNotTakenError) else OutcomeCode.FAILED
            await self._say_done(refusal)
            return _report(identity, choice.number, BundleResult.REFUSED, refusal)
        except ControlError as error:
            return _interrupted(identity, choice.number, error)
        self._outgoing.mark_reading(going_on=False)
        try:
            return await self._follow(offer)
        except ControlError as error:
            return _interrupted(identity, choice.number, error)

    async def _hand_over(self, choice: Choice) -> str:
        """Return what the handset calls the bundle that it has been given.

        It is given a copy: whoever reads a stick may wait for it for long, and a stick whose files are open is not
        unmounted.

        Raises:
            RequestRefusedError: it takes none now.
        """
        with self._folder.open(choice.name) as file, tempfile.TemporaryFile(dir=_COPIES) as copy:
            await self._patience.ask(partial(self._link.begin, file.seek(0, os.SEEK_END)))
            at = file.seek(0)
            while at <= MAX_BUNDLE_BYTES and (piece := file.read(_PIECE_BYTES)):
                at += copy.write(piece)
            copy.flush()
            return await self._patience.ask(partial(self._link.bring, copy))

    async def _follow(self, offer: str) -> Report:
        after = 0

        async def ask() -> BundleFollowed:
            nonlocal after
            try:
                return await self._link.follow(offer, after, _FOLLOW_S)
            except ControlError:
                # A handset that starts anew begins anew to count.
                after = 0
                raise

        while True:
            news = await self._patience.ask(ask)
            if news.report is not None:
                return news.report
            after = news.count

    async def _say_done(self, code: StickCode | OutcomeCode) -> None:
        # Of a stick that is pulled out the same is said, a moment before it is known to be gone.
        if code not in _CANNOT_BE_READ:
            self._outgoing.mark_reading(going_on=False)
        with suppress(ControlError):
            await self._link.stick_done(code)

    def _lay_out_identity(self, identity: Identity) -> None:
        self._outgoing.lay_out(identity.file_name, identity.as_json())


def _report(identity: Identity, number: int | None, result: BundleResult, code: OutcomeCode | str) -> Report:
    return Report(
        serial=identity.serial,
        number=number,
        firmware=identity.firmware,
        result=result,
        code=code,
        made_at=datetime.now(UTC),
    )


def _interrupted(identity: Identity, number: int, error: ControlError) -> Report:
    _log.warning("What became of the bundle is not known: %s", error)
    return _report(identity, number, BundleResult.INTERRUPTED, "")
