"""The processes of a simulated fleet, as the one sees them that started them."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Final

from fleet.errors import FleetError
from fleet.simulator.counts import Counts
from fleet.simulator.settings import Share
from fleet.simulator.worker import TELL_EVERY_S, Order, run

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

_STOP_TIMEOUT_S: Final = 20.0
_FAILED: Final = "A process of the simulator has ended by itself. Above is what it said last."


class Processes:
    """Runs from `start` to `end`.

    Attributes:
        truth: lines of Truth; there after `end`.
    """

    def __init__(self, shares: Sequence[Share]) -> None:
        self.truth: list[str] = []
        self._shares = shares
        self._counts: dict[Connection, Counts] = {}
        self._processes: list[SpawnProcess] = []

    def start(self) -> None:
        """Start them all; each begins by itself."""
        # A fork would take over this process's threads' locks and descriptors.
        context = multiprocessing.get_context("spawn")
        for share in self._shares:
            ours, theirs = context.Pipe()
            process = context.Process(target=run, args=(share, theirs), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._counts[ours] = Counts(devices=len(share.devices))

    def watch(self, until: Callable[[], bool]) -> Iterator[Counts]:
        """Tell how it stands, several times a second, until it is to end.

        Raises:
            FleetError: a process ended by itself.
        """
        told_s = 0.0
        while not until():
            self._take_in(TELL_EVERY_S)
            if time.monotonic() - told_s >= TELL_EVERY_S:
                told_s = time.monotonic()
                yield Counts.total(self._counts.values())
            if any(process.exitcode is not None for process in self._processes):
                raise FleetError(_FAILED)

    def order(self, order: Order) -> None:
        """Tell all of them to end; see `wait_until_ended`."""
        for pipe in self._counts:
            try:
                pipe.send(order)
            except OSError:
                continue

    def wait_until_ended(self) -> Iterator[Counts]:
        """Tell how it stands until all have ended.

        Raises:
            FleetError: one could not do so in good order.
        """
        while any(process.exitcode is None for process in self._processes):
            self._take_in(TELL_EVERY_S)
            yield Counts.total(self._counts.values())
        self._take_in(0)
        if any(process.exitcode for process in self._processes):
            raise FleetError(_FAILED)

    def kill(self) -> None:
        """End those that still run, at once."""
        for process in self._processes:
            if process.exitcode is None:
                process.kill()
            process.join(_STOP_TIMEOUT_S)

    def _take_in(self, timeout_s: float) -> None:
        open_pipes = [pipe for pipe in self._counts if not pipe.closed]
        ready = wait(open_pipes, timeout_s)
        for pipe in (each for each in open_pipes if each in ready):
            try:
                while pipe.poll():
                    said = pipe.recv()
                    if isinstance(said, Counts):
                        self._counts[pipe] = said
                    else:
                        self.truth += said
            except (EOFError, OSError):
                pipe.close()
