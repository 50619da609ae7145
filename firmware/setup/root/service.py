"""Serves the handset's wishes on a socket, one after the other, and gives up what nobody says works."""

import logging
import os
import select
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from firmware.base.errors import HandsetError
from firmware.setup.root.messages import (
    MAX_LINE_BYTES,
    RootAnswer,
    RootOutcome,
    RootProgress,
    RootRequest,
    RootStep,
    Wish,
)
from firmware.setup.root.questions import PATIENCE_S, received, say
from firmware.setup.root.record import Pending, RecordError
from firmware.setup.root.work import Work
from provisioning.bundle import MAX_BUNDLE_BYTES

_log = logging.getLogger(__name__)

DEADLINE_S: Final = 120.0
"""How long after it is in force somebody must have said that a bundle works."""

LINGER_S: Final = 30.0
"""Longer than a handset takes to start anew."""

_PIECE_BYTES: Final = 1 << 20


class Service:
    """Answers until nothing waits for a confirmation and nobody asks.

    Args:
        work: does what is asked.
        listener: the socket that the service manager listens on.
        folder: where a bundle may lie without a name while it is looked at.
        deadline_s: see `DEADLINE_S`.
        look_s: how often it is looked whether that time is over.
        linger_s: how long it waits for somebody who had it started, and who may be starting anew meanwhile.
        clock: seconds that nobody sets.
    """

    def __init__(
        self,
        work: Work,
        listener: socket.socket,
        folder: Path,
        *,
        deadline_s: float = DEADLINE_S,
        look_s: float = 1.0,
        linger_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._listener = listener
        self._folder = folder
        self._deadline_s = deadline_s
        self._look_s = look_s
        self._linger_s = linger_s
        self._clock = clock
        self._began: tuple[int, float] | None = None
        self._is_woken = False

    def serve(self) -> None:
        """Answer whoever asks; the service manager starts this program again for the next one."""
        while True:
            waits = self._pending() is not None
            linger_s = self._linger_s if self._is_woken else 0
            if select.select([self._listener], [], [], self._look_s if waits else linger_s)[0]:
                self._answer_next()
            elif not waits:
                return
            self._watch()

    def _pending(self) -> Pending | None:
        """Return what waits for a confirmation; whoever asks is told where that cannot be read."""
        try:
            return self._work.pending
        except RecordError:
            return None

    def _watch(self) -> None:
        """Give up what waits once its time is over."""
        if (pending := self._pending()) is None:
            self._began = None
            return
        if self._began is None or self._began[0] != pending.number:
            self._began = pending.number, self._clock()
        if self._clock() - self._began[1] >= self._deadline_s:
            self._work.give_up()

    def _answer_next(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            try:
                # Who says nothing will ask later, and had the service manager start this program.
                self._is_woken = not connection.recv(1, socket.MSG_PEEK)
                if self._is_woken:
                    return
                with self._received(connection) as (request, bundle):
                    answer = self._carry_out(connection, request, bundle)
                say(connection, answer)
            except (OSError, ValueError) as error:
                _log.warning("Whoever asked could not be answered: %s", type(error).__name__)

    def _carry_out(self, connection: socket.socket, request: RootRequest, bundle: BinaryIO | None) -> RootAnswer:
        def tell(step: RootStep) -> None:
            # Who has gone away asks again.
            with suppress(OSError):
                say(connection, RootProgress(step=step))

        try:
            if request.wish is Wish.TRY:
                secrets = {name: secret.get_secret_value() for name, secret in request.secrets.items()}
                return self._work.attempt(request.number, bundle, secrets, tell)
            if request.wish is Wish.KEEP:
                return self._work.keep(request.number)
            return self._work.go_back(request.number)
        except (OSError, HandsetError) as error:
            _log.error("The wish to %s failed: %s", request.wish, error)
            return RootAnswer(outcome=RootOutcome.FAILED, number=request.number)

    @contextmanager
    def _received(self, connection: socket.socket) -> Iterator[tuple[RootRequest, BinaryIO | None]]:
        """Read a request, and take a copy of the bundle beside it that nobody else can write to.

        Raises:
            OSError: there is no whole request in time, or the disk is full.
            ValueError: it is no request.
        """
        with received(connection, RootRequest, MAX_LINE_BYTES) as (request, descriptor):
            if descriptor is None:
                yield request, None
                return
            with tempfile.TemporaryFile(dir=self._folder) as copy:
                _copy(descriptor, copy)
                yield request, copy


def _copy(descriptor: int, target: BinaryIO) -> None:
    """Copy an open file as it is now; one that is larger than any bundle is cut, and refused for it."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise ValueError("no regular file")
    at = 0
    # Where its owner reads it does not matter: the offset of an open file is shared.
    while at <= MAX_BUNDLE_BYTES and (piece := os.pread(descriptor, _PIECE_BYTES, at)):
        target.write(piece)
        at += len(piece)
    target.flush()
