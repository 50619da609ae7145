"""When the microphone was open: PulseAudio's own account of each stream that records, from its beginning to its end."""

import os
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from tests.lab.pulse import PulseAudio

_EVENT: Final = re.compile(r"Event '(new|remove)' on source-output #(\d+)")


@dataclass(frozen=True, slots=True)
class Open:
    """One stream that recorded, by the monotonic clock; it records still where it has no end."""

    began_at: float
    ended_at: float = float("inf")


class MicrophoneWatch:
    """Hears of every stream that begins or ends to record, whoever's it is; none is too short to be told of."""

    def __init__(self, pulse: PulseAudio) -> None:
        self._pulse = pulse
        self._process: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._streams: dict[str, Open] = {}
        self._heard = threading.Event()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", "pactl", "subscribe"],
            env={**os.environ, **self._pulse.environment, "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, name="microphone-watch", daemon=True)
        self._listener.start()
        # Nothing says that it has subscribed but what it hears: each program that asks is told of.
        while not self._heard.wait(0.1):
            self._pulse.recording()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._listener is not None
        self._process.terminate()
        self._process.wait(5)
        self._listener.join()

    @property
    def streams(self) -> list[Open]:
        """Every stream that has recorded so far, in order."""
        return list(self._streams.values())

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard.set()
            if found := _EVENT.search(line):
                event, number = found.groups()
                if event == "new":
                    self._streams[number] = Open(time.monotonic())
                elif number in self._streams:
                    self._streams[number] = Open(self._streams[number].began_at, time.monotonic())
