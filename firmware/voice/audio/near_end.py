"""What becomes of the microphone's sound before it is sent: without echo, with less noise, at an even level.

Each route has its own choice: a handset at the ear needs little of it, a loudspeaker on a desk all.
"""

import importlib
import importlib.util
import logging
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from firmware.base.errors import SipError

if TYPE_CHECKING:
    from firmware.voice.audio.double_talk import EchoPath

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NearEndSettings:
    """What is done to the microphone's sound on one route."""

    echo_cancelling: bool = False
    noise_suppression: bool = False
    gain_control: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether anything is done at all."""
        return self.echo_cancelling or self.noise_suppression or self.gain_control


class Processor(Protocol):
    """One processor of near-end sound."""

    @property
    def echo_path(self) -> "EchoPath | None": ...

    def process(self, near: bytes, far: bytes) -> bytes: ...


class NearEnd:
    """The processing on one route, loaded when first needed; without it sound goes on as the microphone hears it.

    What it has learned of a room is kept from call to call. All but `fault`, `is_working` and `echo_path` is the audio
    thread's.
    """

    def __init__(self, settings: NearEndSettings, *, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._used = self._wanted = _Processing(settings, rate_hz)

    @property
    def fault(self) -> str:
        """Why sound is not processed as it should be, in sentences; empty where it is."""
        return self._wanted.fault

    @property
    def is_working(self) -> bool:
        """Whether sound is processed."""
        return self._wanted.processor is not None or self._used.processor is not None

    @property
    def echo_path(self) -> "EchoPath | None":
        """What is known of the loudspeaker's echo; a copy, from any thread."""
        processor = self._used.processor
        return processor.echo_path if processor is not None else None

    def check(self) -> None:
        """Say at once where what is needed is not installed, without loading it."""
        self._wanted.check()

    def change(self, settings: NearEndSettings) -> None:
        """Process by other settings once `prepare` has loaded what they need, and as before until then."""
        if settings == self._wanted.settings:
            return
        if settings == self._used.settings:
            self._wanted = self._used
            return
        self._wanted = _Processing(settings, self._rate_hz)
        self._wanted.check()
        if not settings.is_needed:
            self._used = self._wanted

    def prepare(self) -> None:
        """Begin to load what is needed, without waiting for it."""
        self._wanted.load()

    def process(self, near: bytes, far: bytes) -> bytes:
        """Return a frame of the microphone as it should be sent.

        Args:
            near: what the microphone heard.
            far: what was played meanwhile, of the same length.
        """
        if self._wanted.processor is not None:
            self._used = self._wanted
        processor = self._used.processor
        if processor is None:
            return near
        try:
            return processor.process(near, far)
        except (RuntimeError, ValueError, MemoryError) as error:
            self._used.processor = None
            self._used.report("stopped working", error)
            return near


class _Processing:
    """What some settings ask for, loaded once at most.

    Attributes:
        settings: what is asked for.
        processor: what does it; None until it is loaded, and where it has failed.
        fault: why it is not done, in sentences; empty where it is.
    """

    def __init__(self, settings: NearEndSettings, rate_hz: int) -> None:
        self.settings = settings
        self.processor: Processor | None = None
        self.fault = ""
        self._rate_hz = rate_hz
        self._loading: threading.Thread | None = None

    def check(self) -> None:
        if self.settings.is_needed and importlib.util.find_spec("pywebrtc_audio") is None:
            self.report("is not installed")

    def load(self) -> None:
        if self.settings.is_needed and self._loading is None and not self.fault:
            self._loading = threading.Thread(target=self._load, name="near-end", daemon=True)
            self._loading.start()

    def _load(self) -> None:
        # The thread begins with the audio thread's priority, and would hold it up at that.
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        # numpy only carries frames here; its linear algebra would start a thread for each core.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        try:
            webrtc = importlib.import_module("firmware.voice.audio.webrtc")
            self.processor = webrtc.WebRtcProcessor(
                rate_hz=self._rate_hz,
                echo_cancelling=self.settings.echo_cancelling,
                noise_suppression=self.settings.noise_suppression,
                gain_control=self.settings.gain_control,
            )
        except (ImportError, RuntimeError, ValueError, TypeError, MemoryError, SipError) as error:
            self.report("cannot be used", error)

    def report(self, what: str, error: Exception | None = None) -> None:
        """Keep and log what is wrong; without an error the package is not there."""
        remedy = "the next start of the handset tries anew"
        if error is None or isinstance(error, ImportError):
            remedy = "install the package pywebrtc-audio"
        if error is not None:
            # Where memory runs out Python says nothing.
            what += f": {str(error).rstrip('.') or type(error).__name__}"
        self.fault = (
            f"WebRTC's audio processing {what}. Echo, noise and level are not dealt with as they should be; {remedy}."
        )
        _log.warning("%s", self.fault)
