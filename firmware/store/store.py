"""The thread that owns the database. Everything else hands it work and awaits the result."""

import asyncio
import logging
import os
import queue
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from firmware.base.errors import StorageError
from firmware.base.heartbeats import Heartbeat
from firmware.store.database import Database, load_migrations
from firmware.store.errors import (
    ErasedMeanwhileError,
    StoreClosedError,
    StoreFullError,
    StoreOnTrialError,
    StoreWaitsForPinError,
)
from firmware.store.trial import is_on_trial, needs_migration, remove_copy

_log = logging.getLogger(__name__)

_LEAST_BYTES: Final = 128 * 1024
"""A withdrawal with all that follows from it takes less."""

_T = TypeVar("_T")

_IDLE_WAIT_S: Final = 4.0

RESERVE_SUFFIX: Final = ".reserve"
"""What the file that keeps room beside the store is called, after the store's name."""


class Reserve:
    """A file that nothing stands in, beside the store, to be let go when there is no other room."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """`size_bytes` is how much is kept; 0 for none."""
        self._path = path
        self._size_bytes = size_bytes

    def lay_by(self) -> None:
        """Keep the room, or as much of it as there is; without any the store works as well."""
        size_bytes = self._size_bytes
        while size_bytes >= _LEAST_BYTES:
            try:
                self._allocate(size_bytes)
            except OSError as error:
                _log.info("%d bytes cannot be kept beside the store: %s", size_bytes, error.strerror)
                self.give_up()
                size_bytes //= 2
            else:
                return

    def give_up(self) -> bool:
        """Let the room go; return whether there was any."""
        with suppress(OSError):
            self._path.unlink()
            return True
        return False

    def _allocate(self, size_bytes: int) -> None:
        descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        finally:
            os.close(descriptor)


class Store:
    """The encrypted store.

    Attributes:
        epoch: names this opening of the store. Drawn afresh each time, so that a number given out after an older copy
            of the file was put back is not mistaken for the one given out before. Below 2^53, which JSON readers keep.
        key: what the file is opened with; None until that is known.
        erasures: how often something was erased since this process began that an import could bring back.
        when_erased: called, on the event loop, after something was erased.
        on_trial: it stays shut while the firmware before this one may have to read it again, which it could not once
            this one has migrated it.
        proved: this firmware has opened it, or migrated a copy of it; False where it could not, None before it tried.
    """

    def __init__(
        self,
        path: Path,
        key: bytes | None,
        heartbeat: Heartbeat,
        *,
        reserve_bytes: int = 0,
        is_on_trial: Callable[[], bool] = is_on_trial,
    ) -> None:
        """Set up.

        Args:
            path: of its file.
            key: see `key`.
            heartbeat: is called while its thread makes progress.
            reserve_bytes: so much room is kept beside it for what is urgent.
            is_on_trial: tells whether the firmware that runs may yet be taken back.
        """
        self._path = path
        self._reserve = Reserve(path.with_name(path.name + RESERVE_SUFFIX), reserve_bytes)
        self.key = key
        self._heartbeat = heartbeat
        self._work: queue.SimpleQueue[tuple[Callable[[Database], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.epoch = 0
        self.erasures = 0
        self.when_erased: Callable[[], None] = lambda: None
        self._is_on_trial = is_on_trial
        self.on_trial = is_on_trial()
        self.proved: bool | None = None

    async def start(self) -> None:
        """Open the store; after a failure it may be tried again.

        Raises:
            StorageError: one of the classes in firmware.store.errors, or itself.
        """
        if self._thread is not None:
            return
        if self.key is None:
            raise StoreWaitsForPinError(f"The store {self._path} is closed until its key is known.")
        try:
            if await self._must_stay_shut(self.key):
                self.proved = True
                raise self._on_trial()
            await self._open(self.key)
        except StoreClosedError:
            raise
        except StorageError:
            self.proved = False
            raise
        self.proved = True

    async def _must_stay_shut(self, key: bytes) -> bool:
        """Tell whether it is not to be opened now, and prove on a copy that it could be, where it has not been."""
        await asyncio.to_thread(remove_copy, self._path)
        is_tried = self._is_on_trial()
        is_known = self.on_trial and self.proved is True
        self.on_trial = is_tried and (
            is_known or await asyncio.to_thread(needs_migration, self._path, key, load_migrations())
        )
        return self.on_trial

    async def _open(self, key: bytes) -> None:
        self.epoch = secrets.randbelow(2**53 - 1) + 1
        self._work = queue.SimpleQueue()
        opened: Future[None] = Future()
        # A daemon: if the main thread dies the process must end, to be started again; a transaction cut off is undone.
        thread = threading.Thread(target=self._run, args=(key, opened), name="storage", daemon=True)
        thread.start()
        await asyncio.shield(asyncio.wrap_future(opened))
        self._thread = thread

    async def stop(self) -> None:
        """Finish the work that was handed in, then close."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._work.put(None)
            await asyncio.to_thread(thread.join)

    async def run(self, work: Callable[[Database], _T]) -> _T:
        """Run work on the storage thread and return its result.

        Work is done in the order in which it was handed in, to its end even if the caller no longer waits.

        Raises:
            StoreClosedError: the store is not open.
            StorageError: whatever the work raised.
        """
        return await asyncio.shield(self._hand_in(work))

    async def transact(self, work: Callable[[Database], _T], *, urgent: bool = False, since: int | None = None) -> _T:
        """Run work on the storage thread in one transaction, on the disk before this returns.

        Args:
            work: may be run a second time where it is urgent and the first one came to nothing.
            urgent: on a full disk the room that is kept is let go for it.
            since: what `erasures` was when that began which is written now; None where it can bring nothing back.

        Raises:
            ErasedMeanwhileError: something was erased since then, so nothing is written.
        """
        return await self.run(self._transaction(work, urgent=urgent, since=since))

    async def erase(self, work: Callable[[Database], _T], *, urgent: bool = False, importable: bool = False) -> _T:
        """Run work that deletes as `transact` does; where its result is true, something was erased.

        That is told even where the caller no longer waits.

        Args:
            work: may be run a second time where it is urgent and the first one came to nothing.
            urgent: on a full disk the room that is kept is let go for it.
            importable: an import could bring it back, so it counts in `erasures`, for all that is handed in later.
        """
        transaction = self._transaction(work, urgent=urgent)

        def count(database: Database) -> _T:
            erased = transaction(database)
            self.erasures += importable and bool(erased)
            return erased

        def tell(done: "asyncio.Future[_T]") -> None:
            if not done.cancelled() and done.exception() is None and done.result():
                self.when_erased()

        done = self._hand_in(count)
        # Before the caller's own, so that it is told when the caller goes on.
        done.add_done_callback(tell)
        return await asyncio.shield(done)

    def _hand_in(self, work: Callable[[Database], _T]) -> "asyncio.Future[_T]":
        if self.on_trial:
            raise self._on_trial()
        if self._thread is None:
            raise StoreClosedError(f"The store {self._path} is not open; `wecall doctor` says why.")
        result: Future[_T] = Future()
        self._work.put((work, result))
        return asyncio.wrap_future(result)

    def _on_trial(self) -> StoreOnTrialError:
        return StoreOnTrialError(f"The store {self._path} stays shut until the new firmware is confirmed.")

    def _transaction(
        self, work: Callable[[Database], _T], *, urgent: bool, since: int | None = None
    ) -> Callable[[Database], _T]:
        def in_transaction(database: Database) -> _T:
            if since not in {None, self.erasures}:
                raise ErasedMeanwhileError(
                    "Something was erased since this began, and it could bring that back. So it ends here; begin anew."
                )
            with database.transaction():
                return work(database)

        def whatever_it_takes(database: Database) -> _T:
            try:
                return in_transaction(database)
            except StoreFullError:
                if not self._reserve.give_up():
                    raise
            try:
                return in_transaction(database)
            finally:
                self._reserve.lay_by()

        return whatever_it_takes if urgent else in_transaction

    async def overwrite_log(self) -> None:
        """Let nothing that was deleted stand in the write-ahead log any longer.

        Where there is no room to write that back now, it is done when there is.

        Raises:
            StorageError: the store failed otherwise.
        """
        try:
            await self.run(Database.fold_log)
        except StoreFullError as error:
            _log.warning("What was deleted stands in the store's log until there is room to write that back: %s", error)

    async def rekey(self, key: bytes) -> None:
        """Write the whole store anew with another key; other work waits meanwhile (see Database.rekey).

        Raises:
            StorageError: it could not be; the store stays as it was.
        """
        await self.run(lambda database: database.rekey(key))
        self.key = key

    async def check(self) -> None:
        """Read and verify the whole store; other work waits meanwhile (see Database.check for how long).

        Raises:
            StoreCorruptError: something in it is damaged.
        """
        await self.run(Database.check)

    def _run(self, key: bytes, opened: "Future[None]") -> None:
        # An opening that fails is a sign of life too: a handset goes on without its store and tries again.
        self._heartbeat()
        database = Database(self._path, key)
        try:
            database.open(load_migrations())
        except StorageError as error:
            opened.set_exception(error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits must hear of it
            opened.set_exception(StorageError(f"The store {self._path} cannot be opened: {type(error).__name__}."))
            return
        self._reserve.lay_by()
        opened.set_result(None)
        try:
            self._serve(database)
        finally:
            database.close()

    def _serve(self, database: Database) -> None:
        while True:
            self._heartbeat()
            try:
                item = self._work.get(timeout=_IDLE_WAIT_S)
            except queue.Empty:
                continue
            if item is None:
                return
            work, result = item
            try:
                result.set_result(work(database))
            except Exception as error:  # noqa: BLE001 - handed to the one who awaits it
                result.set_exception(error)
