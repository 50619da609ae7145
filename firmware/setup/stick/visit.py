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
from firmware.control.stick_answers import BundleFollowed, UpdateTaken
from firmware.display.translation import Language
from firmware.setup.stick.choice import Choice, choose
from firmware.setup.stick.folder import RELEASE_KEYS_NAME, StickFolder
from firmware.setup.stick.patience import Patience
from firmware.setup.stick.report_text import report_text
from firmware.setup.stick.writing import Outgoing
from provisioning.bundle import MAX_BUNDLE_BYTES
from provisioning.identity import Identity
from provisioning.report import HardwareTest, Report

_log = logging.getLogger(__name__)

_FOLLOW_S: Final = 25.0
_PIECE_BYTES: Final = 1 << 20
_MOST_KEY_BYTES: Final = 4096
_MOST_PROOF_BYTES: Final = 8 * 1024
_MOST_RELEASE_KEYS_BYTES: Final = 32 * 1024
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_COPIES: Final = Path("/var/tmp")  # noqa: S108 - a file without a name; /tmp is memory, which a bundle may not fit in
_CANNOT_BE_READ: Final = frozenset({StickCode.STICK_UNREADABLE, OutcomeCode.UNREADABLE})


class HandsetLink(Protocol):
    """The handset; every method raises a ControlError. See firmware.control.stick_client."""

    async def identity(self) -> Identity: ...
    async def hardware(self) -> HardwareTest | None: ...
    async def begin(self, size_bytes: int) -> None: ...
    async def bring(self, bundle: BinaryIO) -> str: ...
    async def follow(self, offer: str, after: int, wait_s: float) -> BundleFollowed: ...
    async def bring_copy(self, copy: BinaryIO, key: bytes) -> bool: ...
    async def bring_update(self, update: BinaryIO, proof: bytes, release_keys: bytes) -> UpdateTaken: ...
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
            names, updates = self._folder.bundle_names(), self._folder.update_names()
        except StickError:
            await self._say_done(StickCode.STICK_UNREADABLE)
            raise
        if ordered := await self._patience.ask(self._link.ordered):
            self._outgoing.mark_ordered()
        if names or updates:
            report = await self._take(choose(self._folder, names, identity.serial), identity) if names else None
            # The bundle first: it may bring the keys that the phone is to trust.
            report = await self._update(updates, identity, report)
            self._lay_out_report(report.with_hardware(await self._hardware()))
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

    async def _take(self, choice: Choice, identity: Identity) -> Report:
        if choice.refusal is None:
            return await self._apply(choice, identity)
        _log.info("No bundle on the stick is for this handset: %s", choice.refusal)
        await self._say_done(choice.refusal)
        if choice.refusal is OutcomeCode.WRONG_SERIAL:
            self._lay_out_identity(identity)
        return _report(identity, None, BundleResult.REFUSED, choice.refusal)

    async def _update(self, names: Sequence[str], identity: Identity, report: Report | None) -> Report:
        """Hand the update over that is for this hardware, which root finds out; say in the report what became of it."""
        report = report or _report(identity, None, BundleResult.NOTHING_TO_DO, "")
        for name in names:
            taken = await self._bring_update(name)
            report = report.model_copy(update={"update": taken.code, "version": taken.version})
            if taken.code is not OutcomeCode.NOT_FOR_THIS:
                break
        return report

    async def _bring_update(self, name: str) -> UpdateTaken:
        self._outgoing.mark_reading(going_on=True)
        try:
            proof = self._folder.read_beside(f"{name}.proof", _MOST_PROOF_BYTES)
            release_keys = self._folder.read_beside(RELEASE_KEYS_NAME, _MOST_RELEASE_KEYS_BYTES)
            with self._folder.open(name) as file:
                # Not a copy: it may be larger than what is free, and is read once.
                taken = await self._patience.ask(partial(self._link.bring_update, file, proof, release_keys))
        except StickError as error:
            _log.warning("The update could not be read: %s", error)
            await self._say_done(StickCode.STICK_UNREADABLE)
            return UpdateTaken(code=OutcomeCode.UNREADABLE)
        except ControlError as error:
            _log.warning("What became of the update is not known: %s", error)
            await self._say_done(OutcomeCode.FAILED)
            return UpdateTaken(code=OutcomeCode.FAILED)
        self._outgoing.mark_reading(going_on=False)
        return taken

    async def _hardware(self) -> HardwareTest | None:
        """Return what the self-test found; a report without it is better than none."""
        with suppress(ControlError):
            return await self._link.hardware()
        return None

    def _lay_out_report(self, report: Report) -> None:
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
