"""What the handset answers to the stick process: it may offer a bundle, and fetch what the holder ordered just now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import BinaryIO, Final, Protocol

from contract.results import BundleResult, OutcomeCode, StickCode
from firmware.base.errors import BundleError
from firmware.control.export_role import ExportRole, Exports
from firmware.control.requests import (
    BundleBeginRequest,
    BundleFollowRequest,
    BundleRequest,
    CopyRequest,
    Empty,
    HardwareRequest,
    IdentityRequest,
    ReportedRequest,
    StickDoneRequest,
    StickRemovedRequest,
    UpdateRequest,
)
from firmware.control.server import Handler
from firmware.control.stick_answers import (
    BundleAnswer,
    BundleFollowed,
    CopyAnswer,
    HardwareTold,
    IdentityTold,
    UpdateTaken,
)
from firmware.phone.bundle_news import BundleEnded, BundleNews, BundleStep, StickRemoved, StickReported
from firmware.phone.updates import UpdateTold
from provisioning.identity import Identity
from provisioning.report import HardwareTest, Report

_log = logging.getLogger(__name__)

_RESULTS: Final[Mapping[StickCode | None, BundleResult]] = {
    StickCode.NO_BUNDLE: BundleResult.NOTHING_TO_DO,
    StickCode.IDENTITY_WRITTEN: BundleResult.NOTHING_TO_DO,
    StickCode.COPY_WRITTEN: BundleResult.NOTHING_TO_DO,
    StickCode.COPY_NOT_WRITTEN: BundleResult.INTERRUPTED,
    StickCode.COPY_READ: BundleResult.NOTHING_TO_DO,
    StickCode.COPY_NOT_WANTED: BundleResult.NOTHING_TO_DO,
}
"""What came of a stick without a bundle; all else is why the one that is on it was refused."""


class BundleProgress(Protocol):
    """How far a bundle has come; see firmware.control.stick_answers.BundleFollowed."""

    @property
    def count(self) -> int: ...
    @property
    def step(self) -> BundleStep: ...
    @property
    def report(self) -> Report | None: ...


class StickIntake(Protocol):
    """What takes bundles in and knows what becomes of them."""

    async def begin(self, size_bytes: int) -> None:
        """Have the display say that a bundle is read from a stick.

        Raises:
            BundleError: it would not be taken now.
        """
        ...

    def expect_none(self) -> None:
        """Wait no longer for the bundle that `begin` has told of."""
        ...

    def identity(self) -> Identity:
        """Return which handset this is, for the installer."""
        ...

    async def follow(self, offer: str, after: int, wait_s: float) -> BundleProgress:
        """Wait for news beyond `after`, and return how far the bundle has come.

        Raises:
            HandsetError: there is no such bundle.
        """
        ...


class StickUpdates(Protocol):
    """What takes updates of the firmware from sticks."""

    async def bring(self, file: BinaryIO, proof: bytes, release_keys: bytes) -> UpdateTold:
        """Install an update, and return how it ended; `code` says that.

        Raises:
            HandsetError: nothing is known of it.
        """
        ...

    def stick_reported(self) -> None:
        """Hear that the stick has its report, or is gone."""
        ...


class StickRole:
    """Answers the stick role's requests."""

    def __init__(
        self,
        bring: Callable[[BinaryIO], Awaitable[str]],
        intake: StickIntake,
        exports: Exports,
        tell: Callable[[BundleNews], None],
        bring_copy: Callable[[BinaryIO, bytes], Awaitable[bool]],
        *,
        updates: StickUpdates,
        hardware: Callable[[], HardwareTest | None],
    ) -> None:
        """Set up.

        Args:
            bring: takes a bundle in and returns what it goes by; raises a BundleError where it cannot.
            intake: knows what becomes of it.
            exports: what the holder wants to have on a stick.
            tell: lets the phone hear of the stick.
            bring_copy: brings a copy back with its key, if the holder waits for one; returns whether.
            updates: takes updates of the firmware.
            hardware: tells what the self-test found; may wait for the card.
        """
        self._bring = bring
        self._intake = intake
        self._exports = ExportRole(exports)
        self._tell = tell
        self._bring_copy = bring_copy
        self._updates = updates
        self._hardware = hardware

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs for Role.STICK."""
        return {
            **self._exports.handlers,
            "export_list": self._exports.list,
            "identity": self._identity,
            "hardware": self._tell_hardware,
            "bundle_begin": self._begin,
            "bundle": self._bundle,
            "bundle_follow": self._follow,
            "copy": self._copy,
            "update": self._update,
            "stick_done": self._stick_done,
            "reported": self._reported,
            "stick_removed": self._removed,
        }

    async def _identity(self, _request: IdentityRequest) -> IdentityTold:
        return IdentityTold(identity=await asyncio.to_thread(self._intake.identity))

    async def _tell_hardware(self, _request: HardwareRequest) -> HardwareTold:
        return HardwareTold(test=await asyncio.to_thread(self._hardware))

    async def _begin(self, request: BundleBeginRequest) -> BundleAnswer:
        try:
            await self._intake.begin(request.size_bytes)
        except BundleError as error:
            return _refused(error)
        return BundleAnswer()

    async def _bundle(self, _request: BundleRequest, file: BinaryIO) -> BundleAnswer:
        try:
            return BundleAnswer(offer=await self._bring(file))
        except BundleError as error:
            return _refused(error)

    async def _copy(self, request: CopyRequest, file: BinaryIO) -> CopyAnswer:
        return CopyAnswer(is_wanted=await self._bring_copy(file, request.key))

    async def _update(self, request: UpdateRequest, file: BinaryIO) -> UpdateTaken:
        told = await self._updates.bring(file, request.proof, request.release_keys)
        return UpdateTaken(code=told.code or OutcomeCode.FAILED, version=told.version)

    async def _follow(self, request: BundleFollowRequest) -> BundleFollowed:
        progress = await self._intake.follow(request.offer, request.after, request.wait_s)
        return BundleFollowed(count=progress.count, step=progress.step, report=progress.report)

    async def _stick_done(self, request: StickDoneRequest) -> Empty:
        self._intake.expect_none()
        result = _RESULTS.get(request.code, BundleResult.REFUSED)
        self._tell(BundleEnded(result, request.refusal or request.code or ""))
        return Empty()

    async def _reported(self, request: ReportedRequest) -> Empty:
        self._tell(StickReported(request.written))
        self._updates.stick_reported()
        return Empty()

    async def _removed(self, request: StickRemovedRequest) -> Empty:
        self._intake.expect_none()
        if request.early:
            self._tell(BundleEnded(BundleResult.INTERRUPTED, StickCode.STICK_GONE))
        self._tell(StickRemoved())
        self._updates.stick_reported()
        return Empty()


def _refused(error: BundleError) -> BundleAnswer:
    _log.info("No bundle is taken now: %s", error)
    return BundleAnswer(refusal=error.refusal)
