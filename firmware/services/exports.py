"""What the phone makes for its holder to take away: sealed on the card, until it leaves by a stick or by a command.

A file of it has no name on the card, and its key is in the memory of this process alone. So it ends with the process,
whatever ends that, and nothing that can be read of it is left anywhere: no start has to sweep it away.
"""

import asyncio
import tempfile
import threading
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from firmware.base.errors import StorageError
from firmware.store.sealed_files import SealedWriter, new_key, read_chunk

GRACE_S: Final = 600.0
"""So long after something was made, or fetched from: whoever comes later with a stick has not typed the PIN."""

_CHUNK_BYTES: Final = 256 * 1024
_PART_BYTES: Final = 64 * 1024


class Export:
    """One file that is written once, then read; both may be done in any thread."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty one.

        Args:
            folder: on the card that its bytes are to lie on; nothing of it can be seen there.

        Raises:
            OSError: the card cannot be written.
        """
        self._key = new_key()
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close` ends it
        self._writer = SealedWriter(self._file, self._key)
        self._rest = bytearray()
        self._in_turn = threading.Lock()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Add bytes; return how many, as a file does.

        Raises:
            OSError: the card is full or fails.
        """
        self._rest += data
        while len(self._rest) >= _CHUNK_BYTES:
            self._writer.append(bytes(self._rest[:_CHUNK_BYTES]))
            del self._rest[:_CHUNK_BYTES]
        self.size_bytes += len(data)
        return len(data)

    def finish(self) -> None:
        """Say that all of it is written.

        Raises:
            OSError: the card is full or fails.
        """
        self._writer.append(bytes(self._rest))
        self._rest.clear()
        self._file.flush()

    @asynccontextmanager
    async def taking_from(self, child: Process) -> AsyncIterator[None]:
        """Write down all that a process says while the block feeds it; after it the process has ended.

        Raises:
            OSError: the card is full or fails, and the process was ended for that.
        """
        taking = asyncio.create_task(self._take(child))
        try:
            yield
            await taking
            await child.wait()
        except ConnectionError:
            if taking.done() and (error := taking.exception()) is not None:
                # Whoever feeds it heard of its end alone.
                raise error from None
            raise
        finally:
            taking.cancel()
            await asyncio.wait((taking,))
            if child.returncode is None:
                child.kill()
                # Its end is not heard of before all is read that it has said.
                await child.communicate()

    async def _take(self, child: Process) -> None:
        try:
            while child.stdout is not None and (part := await child.stdout.read(_PART_BYTES)):
                await asyncio.to_thread(self.write, part)
        except OSError:
            # It would wait for ever to be heard, and whoever feeds it with it.
            child.kill()
            raise

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return bytes of it, `size_bytes` at most; none beyond its end, and else one at least.

        Raises:
            StorageError: it is closed, or what lies on the card is not what was written.
            OSError: the card fails.
        """
        if offset >= self.size_bytes:
            return b""
        number, first = divmod(offset, _CHUNK_BYTES)
        with self._in_turn:
            if self._file.closed:
                raise StorageError("This file is not kept any more. Order it again in the menu.")
            return read_chunk(self._file, self._key, number, _CHUNK_BYTES)[first : first + size_bytes]

    def close(self) -> None:
        """Let go of its key and of its bytes."""
        with self._in_turn:
            self._key = b""
            self._file.close()


class Exports:
    """Files that may be fetched for some minutes: each until it is fetched, is too old, or something is erased.

    Attributes:
        generation: how often something was erased; what was begun in an earlier one may hold that.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic, grace_s: float = GRACE_S) -> None:
        """Set up.

        Args:
            folder: where the card has room for them.
            clock: seconds that no setting of the clock moves.
            grace_s: for how long they may be fetched.
        """
        self._folder = folder
        self._clock = clock
        self._grace_s = grace_s
        self._files: dict[str, Export] = {}
        self._until_s = 0.0
        self._end: asyncio.TimerHandle | None = None
        self.generation = 0

    def begin(self) -> Export:
        """Begin a file, which nobody fetches before it is offered; waits for the card.

        Raises:
            OSError: the card cannot be written.
        """
        return Export(self._folder)

    def offer(self, files: Mapping[str, Export], generation: int) -> bool:
        """Let these be fetched from now on, and what was offered shortly before still; on the event loop.

        Args:
            files: the files by their names.
            generation: what it was before anything was read for them.

        Returns:
            False where something was erased since then: the files are closed, and have to be ordered again.
        """
        if generation != self.generation:
            for file in files.values():
                file.close()
            return False
        if self._clock() > self._until_s:
            self._forget_all()
        for name, file in files.items():
            if (before := self._files.get(name)) is not None:
                before.close()
            self._files[name] = file
        self._until_s = self._clock() + self._grace_s
        self._wait_for_end(self._grace_s)
        return True

    def listed(self) -> Sequence[tuple[str, int]]:
        """Return the names and sizes in bytes of those that may be fetched now."""
        if self._clock() > self._until_s:
            return ()
        return [(name, file.size_bytes) for name, file in list(self._files.items())]

    def reader(self, name: str) -> Callable[[int, int], bytes]:
        """Return what reads one of them as it is now, as `Export.read` does: ordered again it is another one.

        What is being fetched can be fetched to its end, however slow the stick is.

        Raises:
            StorageError: there is no such file, or it is too old; the reader raises that, too, or that it is not kept
                any more or cannot be read.
        """
        file = self._files.get(name)

        def read(offset: int, size_bytes: int) -> bytes:
            checked = self._check_time(file)
            self._until_s = self._clock() + self._grace_s
            try:
                return checked.read(offset, size_bytes)
            except OSError as error:
                raise StorageError(f"A file that the holder ordered cannot be read: {error.strerror}.") from error

        self._check_time(file)
        return read

    def fetched(self, names: Sequence[str]) -> None:
        """Forget those that are elsewhere now."""
        for name in names:
            if (file := self._files.pop(name, None)) is not None:
                file.close()

    def drop(self) -> None:
        """Forget all of them, and those that are being made, as something was erased: it may be in any of them."""
        self.generation += 1
        self._forget_all()

    def _check_time(self, file: Export | None) -> Export:
        if file is None or self._clock() > self._until_s:
            raise StorageError("This file was not ordered, or too long ago. Order it again in the menu.")
        return file

    def _forget_all(self) -> None:
        self.fetched(list(self._files))

    def _wait_for_end(self, wait_s: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(wait_s, self._end_if_due)

    def _end_if_due(self) -> None:
        left_s = self._until_s - self._clock()
        if left_s > 0:
            self._wait_for_end(left_s)
        else:
            self._forget_all()
