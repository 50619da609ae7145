"""Watches, by the kernel's word, that nobody records while the phone wants no sound from the microphone."""

import asyncio
import ctypes
import errno
import functools
import logging
import math
import os
import random
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from firmware.phone.events import Event
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised

_log = logging.getLogger(__name__)

_PERIOD_S: Final = (0.8, 1.2)
"""From one look to the next, by chance: whoever knew when the next one comes could record in between.

What a look reads costs next to nothing; that the process wakes for it costs a hundredth of a per cent of a core.
"""

_OPEN_PERIOD_S: Final = (0.4, 0.6)
"""The same while somebody records."""

_MOST_LOOKS: Final = 4
_MEMORY_S: Final = 60.0
"""Open at so many looks within a minute, it was open for two seconds on end, or for some four in pieces."""

_SHUT_S: Final = 2.0
"""How long voice has to shut the microphone, and how long it is shut before all is well again."""

_LISTED_S: Final = 10.0
"""A sound card may be plugged in at any time."""

_VOICE_PAUSE_S: Final = 5.0
_UNKNOWN_PAUSE_S: Final = 30.0
"""A voice that is just starting, and cannot be told from one that hides, must have the time to say who it is."""

_OTHER_PAUSE_S: Final = 600.0
"""What voice has started is replaced with it; a program that is none of voice's must not keep the line away."""

_STATUS_BYTES: Final = 512
_CLOSED: Final = b"closed\n"
_OWNER: Final = re.compile(rb"^owner_pid\s*:\s*([0-9]+)$", re.MULTILINE)


class MicrophoneWatch:
    """Raises Problem.MICROPHONE_OPEN and has voice replaced where a capture device is open without the phone's order.

    Every method belongs to the main loop. Where the kernel has no sound nothing is raised.
    """

    def __init__(
        self,
        post: Callable[[Event], None],
        replace_voice: Callable[[], None],
        *,
        folder: Path = Path("/proc/asound"),
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up.

        Args:
            post: tells the phone.
            replace_voice: ends voice, whatever it does, and has another one started.
            folder: where the kernel says who has which sound device.
            now: a clock that nobody sets.
            sleep: waits between two looks.
        """
        self._post = post
        self._replace_voice = replace_voice
        self._folder = folder
        self._now = now
        self._sleep = sleep
        self._voice: int | None = None
        self._allowed_until = now() + _SHUT_S
        self._open_looks: deque[float] = deque(maxlen=_MOST_LOOKS)
        self._shut_at = now()
        self._stands = False
        self._replaced_at = -math.inf
        self._files: list[int] = []
        self._list_at = -math.inf

    def note_voice(self, pid: int | None) -> None:
        """Hear which process voice is, by the kernel's word (SO_PEERCRED); None where it is away."""
        self._voice = pid

    def note_order(self, talk: bool) -> None:
        """Hear whether the phone wants sound from the microphone from now on."""
        self._allowed_until = math.inf if talk else self._now() + _SHUT_S

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                self.look()
                period_s = _OPEN_PERIOD_S if self._shut_at == math.inf else _PERIOD_S
                await self._sleep(random.uniform(*period_s))  # noqa: S311 - voice sees nothing of what was drawn
        finally:
            self._close()

    def look(self) -> None:
        """Look once at who records."""
        now = self._now()
        is_allowed = now < self._allowed_until
        if is_allowed and not self._stands:
            return
        if owners := self._owners(now):
            self._shut_at = math.inf
            if not is_allowed:
                self._note_open(owners, now)
            return
        self._shut_at = min(self._shut_at, now)
        if self._stands and now - self._shut_at >= _SHUT_S:
            self._stands = False
            self._post(ProblemCleared(Problem.MICROPHONE_OPEN))

    def _note_open(self, owners: list[int], now: float) -> None:
        self._open_looks.append(now)
        stood = self._stands
        if not stood:
            if len(self._open_looks) < _MOST_LOOKS or now - self._open_looks[0] > _MEMORY_S:
                return
            self._stands = True
            self._post(ProblemRaised(Problem.MICROPHONE_OPEN, "A program records though the phone wants no sound."))
            _log.warning("The microphone records without the phone's order")
        pause_s = self._pause_s(owners)
        if now - self._replaced_at < pause_s or (stood and pause_s == _OTHER_PAUSE_S):
            return
        self._replaced_at = now
        self._replace_voice()

    def _pause_s(self, owners: list[int]) -> float:
        """Return how long after one replacement these are a reason for another one."""
        voice = self._voice
        if voice is None or not all(map(_exists, owners)):
            return _UNKNOWN_PAUSE_S
        return _VOICE_PAUSE_S if any(_is_thread_of(voice, owner) for owner in owners) else _OTHER_PAUSE_S

    def _owners(self, now: float) -> list[int]:
        """Return which thread has opened each capture device that is open; 0 where the kernel does not say."""
        if now >= self._list_at:
            self._list_at = now + _LISTED_S
            self._list()
        owners = []
        for file in self._files:
            try:
                status = os.pread(file, _STATUS_BYTES, 0)
            except OSError:
                # Its card was pulled out.
                self._list_at = now
                continue
            if status != _CLOSED:
                found = _OWNER.search(status)
                owners.append(int(found[1]) if found else 0)
        return owners

    def _list(self) -> None:
        self._close()
        for path in self._folder.glob("card*/pcm*c/sub*/status"):
            try:
                self._files.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            except FileNotFoundError:
                continue

    def _close(self) -> None:
        while self._files:
            os.close(self._files.pop())


def _exists(thread: int) -> bool:
    """Return whether there is such a thread: the one that opened a device may be gone, and its process not."""
    try:
        os.kill(thread, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return thread > 0


def _is_thread_of(process: int, thread: int) -> bool:
    """Return whether a thread is one of a process, which may be another user's, hidden in /proc (ProtectProc=)."""
    return _libc().tgkill(process, thread, 0) == 0 or ctypes.get_errno() == errno.EPERM


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
