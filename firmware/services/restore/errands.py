"""The request to bring a copy back: it waits for a stick with one, of which the stick process hands over the files."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

from firmware.base.errors import HandsetError, NotGrantedError
from firmware.base.words import word
from firmware.phone.pin import Right
from firmware.phone.request import Outcome, Progressed
from firmware.phone.requests.rights import RestoreMyData
from firmware.services.import_gate import ImportGate
from firmware.services.proofs import Proofs
from firmware.services.restore.restorer import RestoreError, Restorer
from firmware.services.runner import Handlers
from firmware.store.errors import ErasedMeanwhileError

_log = logging.getLogger(__name__)

WAIT_S: Final = 600.0
"""So long a stick may take to come, as one that takes a copy away."""


@dataclass(slots=True)
class BroughtCopy:
    """A copy on a stick that is in; `done` is set once nobody reads it any more."""

    file: BinaryIO
    key: bytes
    done: asyncio.Event = field(default_factory=asyncio.Event)


class CopyInbox:
    """Where the stick process leaves a copy that the holder wants back, and whoever wants it takes it."""

    def __init__(self) -> None:
        self._wanted: asyncio.Future[BroughtCopy | None] | None = None

    async def bring(self, file: BinaryIO, key: bytes) -> bool:
        """Hand a copy over, and wait until it is read; False where nobody wants one."""
        if self._wanted is None or self._wanted.done():
            return False
        brought = BroughtCopy(file, key)
        self._wanted.set_result(brought)
        await brought.done.wait()
        return True

    async def take(self, wait_s: float) -> BroughtCopy | None:
        """Wait for a copy; None where none came in time, or somebody else waits now."""
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)
        wanted: asyncio.Future[BroughtCopy | None] = asyncio.get_running_loop().create_future()
        self._wanted = wanted
        try:
            async with asyncio.timeout(wait_s):
                return await wanted
        except TimeoutError:
            return None


class RestoreErrands:
    """Brings a copy back, once it is proved to be the holder who asks."""

    def __init__(
        self,
        restorer: Restorer,
        inbox: CopyInbox,
        gate: ImportGate,
        proofs: Proofs,
        post: Callable[[Progressed], None],
    ) -> None:
        """Set up.

        Args:
            restorer: keeps what is in a copy.
            inbox: where a copy comes from.
            gate: says whether anything may come in.
            proofs: who typed the PIN just now.
            post: takes how far it has come, in the main thread.
        """
        self._restorer = restorer
        self._inbox = inbox
        self._gate = gate
        self._proofs = proofs
        self._post = post
        self._percent = -1

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {RestoreMyData: self._restore}

    async def _restore(self, request: RestoreMyData) -> Outcome:
        await self._proofs.take(Right.COPY)
        try:
            await self._gate.require_consent()
        except NotGrantedError as error:
            return Outcome(False, error.words)
        if (brought := await self._inbox.take(WAIT_S)) is None:
            return Outcome(False, word("No stick with a copy came. Begin once more."))
        try:
            return await self._keep(request, brought)
        finally:
            brought.done.set()

    async def _keep(self, request: RestoreMyData, brought: BroughtCopy) -> Outcome:
        self._percent = -1
        try:
            restored = await self._restorer.restore(
                brought.file, brought.key, request.passphrase, partial(self._tell, request)
            )
        except (RestoreError, NotGrantedError) as error:
            return Outcome(False, error.words)
        except ErasedMeanwhileError:
            return Outcome(False, word("Something was deleted meanwhile. Start again."))
        except (HandsetError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            _log.warning("A copy of the holder's did not come back: %s", reason)
            return Outcome(False, word("The files cannot be read or written."))
        return Outcome(True, restored.words())

    def _tell(self, request: RestoreMyData, percent: int) -> None:
        if percent != self._percent:
            self._percent = percent
            self._post(Progressed(request, percent))
