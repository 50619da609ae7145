"""A SIP peer that answers every call, speaks a sentence and then echoes what it hears.

It runs in a process of its own (pjsua2 allows one endpoint a process) and needs no sound device.
"""

import json
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

START_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the peer registers and what it says; an empty greeting says nothing."""

    username: str
    password: str
    registrar: str
    greeting_wav: str = ""
    echo: bool = True


class AnsweringPeer:
    """The peer's process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start and wait until it is registered.

        Raises:
            RuntimeError: it could not register; the message holds its log.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.answering_phone"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        assert self._process.stdout is not None
        # The password goes by pipe: a command line can be read by every user of the machine.
        self._say(json.dumps(asdict(self._settings)))
        timer = threading.Timer(START_TIMEOUT_S, self._process.kill)
        timer.start()
        # The library writes a few lines of its own first.
        registered = any(line.strip() == "registered" for line in iter(self._process.stdout.readline, ""))
        timer.cancel()
        if not registered:
            self.stop()
            raise RuntimeError(f"The answering peer could not register:\n{self._log.read_text(errors='replace')}")

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
    raw = wav.with_suffix(".raw.wav")
    subprocess.run(["espeak-ng", "-v", language, "-s", "150", "-w", raw, text], check=True, timeout=30)
    import wave  # noqa: PLC0415 - the peer's process needs neither

    import numpy as np  # noqa: PLC0415

    with wave.open(str(raw)) as source:
        rate_hz = source.getframerate()
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2").astype(float)
    moments = np.arange(int(len(samples) * 16_000 / rate_hz)) * rate_hz / 16_000
    resampled = np.interp(moments, np.arange(len(samples)), samples)
    with wave.open(str(wav), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(16_000)
        target.writeframes(resampled.astype("<i2").tobytes())
    raw.unlink()
    return wav
