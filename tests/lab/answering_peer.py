"""A SIP peer that answers every call, speaks a sentence and then echoes what it hears.

It runs in a process of its own (pjsua2 allows one endpoint a process) and needs no sound device.
"""

import json
import subprocess
import sys
import threading
import wave
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Self

from tests.lab.arrivals import Arrivals
from tests.lab.patience import PATIENCE_S
from tests.lab.priority import prefer

START_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the peer registers and what it says.

    Attributes:
        greeting_wav: what it plays before it echoes; nothing where empty.
        encrypted: take and make calls with SRTP only; otherwise either will do.
    """

    username: str
    password: str
    registrar: str
    greeting_wav: str = ""
    echo: bool = True
    encrypted: bool = False


class AnsweringPeer:
    """The peer's process, and what happens to it in words.

    The words: `registered`; `ringing` when the one it calls rings; `answered` and `ended <status code>` for every call;
    `echoing` when it has greeted and begins to echo, and again after each hold; `held` and `resumed` when the other end
    does so; `dtmf <digit>`; `gone` when its process has ended. Between them stand words of the SIP library.
    """

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._heard = Arrivals[str]("the answering peer")

    def start(self) -> None:
        """Start and wait until it is registered.

        Raises:
            RuntimeError: it could not register; the message holds its log.
        """
        self._heard = Arrivals[str]("the answering peer")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.answering_phone"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        prefer(self._process.pid)
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        # The password goes by pipe: a command line can be read by every user of the machine.
        self._say(json.dumps(asdict(self._settings)))
        try:
            self.wait_for("registered", timeout_s=START_TIMEOUT_S)
        except AssertionError:
            self.stop()
            log_text = self._log.read_text(errors="replace")
            raise RuntimeError(f"The answering peer could not register:\n{log_text}") from None

    @property
    def events(self) -> list[str]:
        """What has happened to it, in order."""
        return self._heard.since()

    def wait_for(self, event: str, *, after: int = 0, timeout_s: float = PATIENCE_S) -> int:
        """Wait for an event.

        Args:
            event: one of the words above.
            after: how many of the events that have happened do not count.
            timeout_s: how long to wait.

        Returns:
            how many events had happened with it, to be the next `after`.
        """
        seen = self._heard.wait_for(
            lambda seen: seen if {event, "gone"} & set(seen) else [], event, after=after, timeout_s=timeout_s
        )
        assert event in seen, f"The peer saw no {event!r} but {seen}"
        return after + seen.index(event) + 1

    def _listen(self, output: IO[str]) -> None:
        for line in chain(output, ["gone"]):
            self._heard.add(line.strip())

    def call(self, uri: str) -> None:
        """Call somebody; once answered, greet and echo as for a caller."""
        self._say(f"call {uri}")

    def hang_up(self) -> None:
        """End every call."""
        self._say("hang_up")

    def hold(self) -> None:
        """Put every call on hold."""
        self._say("hold")

    def resume(self) -> None:
        """Take every call back from hold."""
        self._say("resume")

    def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Hang up, unregister and end."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def speak(text: str, wav: Path, *, language: str = "en") -> Path:
    """Make a 16 kHz WAV file of a spoken sentence."""
    import numpy as np  # noqa: PLC0415 - the peer's process does without

    raw = wav.with_suffix(".raw.wav")
    subprocess.run(["espeak-ng", "-v", language, "-s", "150", "-w", raw, text], check=True, timeout=30)

    with wave.open(str(raw)) as source:
        rate_hz = source.getframerate()
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(float)
    moments = np.arange(int(len(samples) * 16_000 / rate_hz)) * rate_hz / 16_000
    resampled = np.interp(moments, np.arange(len(samples)), samples)
    raw.unlink()
    return write_wav(wav, resampled.astype("<i2").tobytes(), 16_000)


def write_wav(wav: Path, pcm: bytes, rate_hz: int) -> Path:
    """Write 16-bit mono sound as a WAV file."""
    with wave.open(str(wav), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate_hz)
        target.writeframes(pcm)
    return wav
