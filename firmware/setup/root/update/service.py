"""Serves the handset's wishes about updates on a socket, and gives up a trial that nobody says works."""

import logging
import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from fcntl import F_GETFL, fcntl
from typing import Final

from contract.results import OutcomeCode
from firmware.base.errors import HandsetError
from firmware.setup.root.questions import PATIENCE_S, received, say
from firmware.setup.root.update.messages import (
    MAX_LINE_BYTES,
    UpdateAnswer,
    UpdateOutcome,
    UpdateProgress,
    UpdateRequest,
    UpdateWish,
)
from firmware.setup.root.update.work import Ended, UpdateWork

_log = logging.getLogger(__name__)

DEADLINE_S: Final = 600.0
"""So long after the machine's start somebody must have said that what runs on trial works."""

CALL_S: Final = 1800.0
"""So much longer a call that goes on then is not cut off."""

REPEAT_S: Final = 60.0
"""So often whoever waits hears that an update is still being installed; they take 300 s of silence for its end."""

LINGER_S: Final = 30.0
"""So long it waits for the next question; starting a program takes longer than answering."""


def since_boot_s() -> float:
    """Return how long the machine has been on; nobody sets that."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Installing:
    """An update is being installed, in a thread of its own, for whoever asked as long as they listen.

    Args:
        work: does it.
        request: the wish.
        descriptor: the bundle on a stick, which is this object's to close.
        asker: the connection of whoever asked.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        work: UpdateWork,
        request: UpdateRequest,
        descriptor: int | None,
        asker: socket.socket,
        clock: Callable[[], float],
    ) -> None:
        self._work = work
        self._asker = asker
        self._clock = clock
        self._told_s = 0.0
        self._percent = 0
        self._told: UpdateProgress | None = None
        self._ended: Ended = (UpdateOutcome.FAILED, OutcomeCode.FAILED)
        self._thread = threading.Thread(target=self._run, args=(request, descriptor), name="install", daemon=True)
        self._thread.start()

    def tell(self) -> bool:
        """Tell whoever asked how far it has come, and at last what came of it; return whether it is over."""
        is_over = not self._thread.is_alive()
        # Who has gone away asks again.
        with suppress(OSError):
            progress = UpdateProgress(percent=self._percent, received_bytes=self._work.received_bytes)
            now_s = self._clock()
            if not is_over and (progress != self._told or now_s >= self._told_s + REPEAT_S):
                self._told, self._told_s = progress, now_s
                say(self._asker, progress)
            if is_over:
                say(self._asker, answer_of(self._work, self._ended))
        if is_over:
            self._asker.close()
        return is_over

    def _run(self, request: UpdateRequest, descriptor: int | None) -> None:
        def note(percent: int) -> None:
            self._percent = percent

        try:
            self._ended = self._work.install(request, descriptor, note)
        finally:
            if descriptor is not None:
                os.close(descriptor)


class UpdateService:
    """Answers until nobody asks, nothing is installed and nothing is on trial.

    Args:
        work: does what is asked.
        listener: the socket that the service manager listens on.
        deadline_s: see `DEADLINE_S`; `CALL_S` is added while a call is on.
        look_s: how often it is looked whether that time is over, and told how far an update has come.
        linger_s: see `LINGER_S`.
        clock: seconds since the machine's start.
    """

    def __init__(
        self,
        work: UpdateWork,
        listener: socket.socket,
        *,
        deadline_s: float = DEADLINE_S,
        look_s: float = 1.0,
        linger_s: float = LINGER_S,
        clock: Callable[[], float] = since_boot_s,
    ) -> None:
        self._work = work
        self._listener = listener
        self._deadline_s = deadline_s
        self._look_s = look_s
        self._linger_s = linger_s
        self._clock = clock
        self._installing: Installing | None = None

    def serve(self) -> None:
        """Answer whoever asks; the service manager starts this program again for the next one."""
        while True:
            is_needed = self._installing is not None or self._is_on_trial()
            if select.select([self._listener], [], [], self._look_s if is_needed else self._linger_s)[0]:
                self._answer_next()
            elif not is_needed:
                return
            if self._installing is not None and self._installing.tell():
                self._installing = None
            if self._is_on_trial() and self._is_over():
                _log.error("Nobody has said that this version works: going back.")
                self._work.fails()

    def stop(self) -> None:
        """Count it as failed where somebody has the machine start anew while it is on trial.

        Raises:
            OSError: the disk is full, read-only or broken; three tries bound it all the same.
        """
        if self._is_on_trial() and self._work.is_stopping():
            self._work.note_failed()

    def _is_over(self) -> bool:
        """Tell whether the time is over in which somebody had to say that what runs works, and no call is cut off."""
        late_s = self._clock() - self._deadline_s
        return late_s >= CALL_S or (late_s >= 0 and not self._work.is_in_call)

    def _is_on_trial(self) -> bool:
        """Tell whether somebody has to say that what runs works; where that cannot be read, whoever asks is told."""
        try:
            return self._work.is_on_trial
        except HandsetError:
            return False

    def _answer_next(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_S)
        try:
            with received(connection, UpdateRequest, MAX_LINE_BYTES) as (request, descriptor):
                if request.wish is UpdateWish.INSTALL and self._installing is None:
                    bundle = None if descriptor is None else _reopened(descriptor)
                    self._installing = Installing(self._work, request, bundle, connection, self._clock)
                    return
                say(connection, answer_of(self._work, self._carry_out(request)))
        except (OSError, ValueError) as error:
            _log.warning("Whoever asked could not be answered: %s", type(error).__name__)
        connection.close()

    def _carry_out(self, request: UpdateRequest) -> Ended:
        if request.wish is UpdateWish.STATE:
            return UpdateOutcome.DONE, ""
        if self._installing is not None:
            return UpdateOutcome.REFUSED, OutcomeCode.BUSY
        if request.wish is UpdateWish.START_TRIAL:
            return self._work.start_trial()
        if request.wish is UpdateWish.RELEASE_KEYS:
            return self._work.take_release_keys(request.release_keys)
        return self._work.works() if request.wish is UpdateWish.WORKS else self._work.fails()


def answer_of(work: UpdateWork, ended: Ended) -> UpdateAnswer:
    """Return what is answered, with the state of now."""
    outcome, code = ended
    return UpdateAnswer(outcome=outcome, code=code, state=work.state())


def _reopened(descriptor: int) -> int:
    """Return another descriptor of an open file, where it is one that whoever sent it may read.

    RAUC opens it once more by root's rights: a file that was opened by name alone (O_PATH) would let the handset have
    root read what the handset itself may not.

    Raises:
        ValueError: it is no plain file that was opened for reading.
    """
    flags = fcntl(descriptor, F_GETFL)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or flags & os.O_PATH or flags & os.O_ACCMODE == os.O_WRONLY:
        raise ValueError("no file for reading")
    return os.dup(descriptor)
