"""The stick process's end of its socket."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from contract.results import OutcomeCode, StickCode
from firmware.base.errors import BundleNotTakenError
from firmware.control.client import TIMEOUT_S, ask_for, fetch
from firmware.control.requests import (
    Answer,
    BundleBeginRequest,
    BundleFollowRequest,
    BundleRequest,
    CopyRequest,
    Empty,
    ExportFetchRequest,
    ExportListRequest,
    ExportWrittenRequest,
    HardwareRequest,
    IdentityRequest,
    Request,
    Role,
    StickDoneRequest,
    UpdateRequest,
)
from firmware.control.stick_answers import (
    BundleAnswer,
    BundleFollowed,
    CopyAnswer,
    ExportListed,
    HardwareTold,
    IdentityTold,
    UpdateTaken,
)
from provisioning.identity import Identity
from provisioning.report import HardwareTest

_COPY_LIMIT_S: Final = 3600.0
_UPDATE_LIMIT_S: Final = 3 * 3600.0
_A = TypeVar("_A", bound=Answer)


class HandsetLink:
    """Tells the handset of a stick. Every method raises ControlError when the handset does not answer or refuses."""

    def __init__(self, runtime_dir: Path) -> None:
        self._runtime_dir = runtime_dir

    async def identity(self) -> Identity:
        """Return which handset this is, for the installer."""
        return (await self._ask(IdentityRequest(), IdentityTold)).identity

    async def hardware(self) -> HardwareTest | None:
        """Return what the self-test of the hardware found; None where nobody made it."""
        return (await self._ask(HardwareRequest(), HardwareTold)).test

    async def begin(self, size_bytes: int) -> None:
        """Say that a bundle is read from the stick now; BundleNotTakenError says why it would not be taken."""
        await self._ask_to_take(BundleBeginRequest(size_bytes=size_bytes))

    async def bring(self, bundle: BinaryIO) -> str:
        """Hand a bundle over, and return what it goes by; BundleNotTakenError says why it is not taken now."""
        return (await self._ask_to_take(BundleRequest(), bundle)).offer or ""

    async def bring_copy(self, copy: BinaryIO, key: bytes) -> bool:
        """Hand a copy over, and wait until it is read; False where the holder does not wait for one."""
        answer = await ask_for(
            CopyAnswer, self._runtime_dir, Role.STICK, CopyRequest(key=key), file=copy, timeout_s=_COPY_LIMIT_S
        )
        return answer.is_wanted

    async def bring_update(self, update: BinaryIO, proof: bytes, release_keys: bytes) -> UpdateTaken:
        """Hand an update of the firmware over, and wait until it is installed, or is not to be."""
        request = UpdateRequest(proof=proof, release_keys=release_keys)
        return await ask_for(
            UpdateTaken, self._runtime_dir, Role.STICK, request, file=update, timeout_s=_UPDATE_LIMIT_S
        )

    async def follow(self, offer: str, after: int, wait_s: float) -> BundleFollowed:
        """Wait for news of it beyond `after`; what is known after that time otherwise."""
        request = BundleFollowRequest(offer=offer, after=after, wait_s=wait_s)
        return await self._ask(request, BundleFollowed, timeout_s=wait_s + TIMEOUT_S)

    async def stick_done(self, code: StickCode | OutcomeCode) -> None:
        """Have the display say what came of a stick that brought no bundle for this handset."""
        done = StickDoneRequest(code=code) if isinstance(code, StickCode) else StickDoneRequest(refusal=code)
        await self._ask(done, Empty)

    async def ordered(self) -> Sequence[str]:
        """Return the names of the files that the holder wants to have on the stick."""
        return (await self._ask(ExportListRequest(), ExportListed)).names

    def fetch(self, name: str) -> Iterator[bytes]:
        """Yield one of them; it is whole once this has ended."""
        return fetch(self._runtime_dir, Role.STICK, ExportFetchRequest(name=name))

    async def fetched(self, names: Sequence[str]) -> None:
        """Say that these are on the stick, and not needed here any more."""
        await self._ask(ExportWrittenRequest(names=tuple(names)), Empty)

    async def _ask_to_take(self, request: Request, file: BinaryIO | None = None) -> BundleAnswer:
        answer = await ask_for(BundleAnswer, self._runtime_dir, Role.STICK, request, file=file)
        if answer.refusal is not None:
            raise BundleNotTakenError(answer.refusal)
        return answer

    async def _ask(self, request: Request, answer: type[_A], *, timeout_s: float = TIMEOUT_S) -> _A:
        return await ask_for(answer, self._runtime_dir, Role.STICK, request, timeout_s=timeout_s)
