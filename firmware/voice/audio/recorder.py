"""Keeps how a call sounds: the audio thread leaves its periods in a pipe, another thread encodes and writes them.

Near is on the left: what the far end is sent, so silence while muted. Far is on the right: what is heard of the other
end, before the volume and without the tones of this phone. While the recorder is behind, the pipe fills; what does not
fit is not recorded, and silence takes its place, so that the rest stays where it belongs. Call audio never waits.
"""

import audioop
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from firmware.base.errors import HandsetError, MediaError
from firmware.base.heartbeats import Heartbeat
from firmware.ports.recording import RecordingSink
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio.sound_format import SoundEncoder
from firmware.voice.audio.tap_reader import TapReader
from firmware.voice.audio.tones import Resampler

_log = logging.getLogger(__name__)

_POLL_S: Final = 0.5
_IDLE_BEAT_S: Final = 5.0
_SAMPLE_BYTES: Final = 2
_CHANNELS: Final = 2
_CHUNK_SAMPLES: Final = SOUND_RATE_HZ
_SILENCE_RMS: Final = 100
"""50 dB below full scale: speech is some 25 dB above it, and a quiet line below."""
_CHUNK_BYTES: Final = _CHANNELS * _SAMPLE_BYTES * _CHUNK_SAMPLES


@dataclass(frozen=True, slots=True)
class RecordingFate:
    """What has become of a recording.

    Attributes:
        lost_s: how much of it is silence because the recorder was behind.
        fault: why it ended before it was told to, None where it did not.
        is_silent: the other end was not heard in it.
    """

    lost_s: float
    fault: HandsetError | None
    is_silent: bool = False


class SoundRecorder:
    """Encodes what a tap gives and hands it to a sink, on a thread of its own."""

    def __init__(
        self,
        tap: Callable[[int], None],
        heartbeat: Heartbeat,
        *,
        rate_hz: int,
        period_frames: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember what to work with.

        Args:
            tap: has a call's sound put into a pipe (see PipeTap), in place of the one before, until nobody reads it;
                the write end that it is given is its to close.
            heartbeat: the thread's sign of life.
            rate_hz: of that sound.
            period_frames: of that sound, samples a period.
            clock: in seconds; no more is recorded than has passed of them.
        """
        self._tap = tap
        self._heartbeat = heartbeat
        self._make_reader = partial(TapReader, rate_hz=rate_hz, period_frames=period_frames, clock=clock)
        self._rate_hz = rate_hz
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._work: _Work | None = None

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is being recorded is brought to its end first."""
        if self._thread is None:
            return
        self.finish()
        self._stopping = True
        self._wake.set()
        self._thread.join(5)
        self._thread = None

    def record(
        self,
        encoder: SoundEncoder,
        sink: RecordingSink,
        when_over: Callable[[RecordingFate], None],
        *,
        is_paused: bool = False,
    ) -> None:
        """Record from now on.

        Args:
            encoder: new.
            sink: takes what is recorded.
            when_over: is told once, on the recorder's thread, when nothing more will come to the sink.
            is_paused: record nothing before `resume`.

        Raises:
            MediaError: something is being recorded.
        """
        if self._work is not None:
            raise MediaError("A call is being recorded already; another one can be when that has ended.")
        self._work = _Work(self._make_reader(), self._rate_hz, encoder, sink, when_over)
        if not is_paused:
            self.resume()
        self._wake.set()

    def pause(self) -> None:
        """Record nothing until `resume`: time goes on, and the recording does not."""
        if (work := self._work) is not None:
            work.reader.close()

    def resume(self) -> None:
        """Undo `pause`."""
        if (work := self._work) is not None and (write_end := work.reader.open()) is not None:
            self._tap(write_end)

    def finish(self) -> None:
        """Record no more, and bring what there is to its end."""
        if (work := self._work) is not None:
            work.reader.end()
            work.is_finishing = True
            self._wake.set()

    @property
    def silent_s(self) -> float:
        """For how long the other end has not been heard; 0 where nothing is recorded."""
        return work.silent_s if (work := self._work) is not None else 0.0

    # --- the recorder's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._heartbeat()
            work = self._work
            if work is None:
                if self._stopping:
                    return
                self._wake.wait(_IDLE_BEAT_S)
            else:
                # Asked before, or what came in between would be left out.
                is_finishing = work.is_finishing
                if not work.go_on(finish=is_finishing):
                    work.reader.end()
                    self._work = None
                    work.tell()
                    continue
                self._wake.wait(_POLL_S)
            self._wake.clear()


class _Work:
    """One recording in the making; all but `is_finishing` and the reader belongs to the recorder's thread.

    Attributes:
        silent_s: for how long the other end has not been heard.
    """

    def __init__(
        self,
        reader: TapReader,
        rate_hz: int,
        encoder: SoundEncoder,
        sink: RecordingSink,
        when_over: Callable[[RecordingFate], None],
    ) -> None:
        self.is_finishing = False
        self.silent_s = 0.0
        self.reader = reader
        self._encoder = encoder
        self._sink = sink
        self._when_over = when_over
        self._began = False
        self._sound = bytearray()
        self._is_silent = True
        self._fault: HandsetError | None = None
        self._near = Resampler(rate_hz, SOUND_RATE_HZ)
        self._far = Resampler(rate_hz, SOUND_RATE_HZ)

    def go_on(self, *, finish: bool) -> bool:
        """Write what has come; return whether there is more to do."""
        try:
            self._write(finish=finish)
        except HandsetError as error:
            self._fault = error
        except Exception as error:  # noqa: BLE001 - whatever it is, the call and the other threads go on
            _log.exception("A recording failed")
            self._fault = MediaError(f"A recording could not be encoded ({type(error).__name__}); it ends here.")
        return not finish and self._fault is None

    def tell(self) -> None:
        """Say that this is over."""
        self._when_over(RecordingFate(self.reader.lost_s, self._fault, self._is_silent))

    def _write(self, *, finish: bool) -> None:
        if not self._began:
            self._began = True
            self._sink.write(self._encoder.head(), 0)
        self._take()
        while len(self._sound) >= _CHUNK_BYTES:
            self._sink.write(self._encoder.encode(bytes(self._sound[:_CHUNK_BYTES])), _CHUNK_SAMPLES)
            del self._sound[:_CHUNK_BYTES]
        if finish:
            samples = len(self._sound) // (_CHANNELS * _SAMPLE_BYTES)
            self._sink.write(self._encoder.encode(bytes(self._sound), is_last=True), samples)
            self._sink.finish()

    def _take(self) -> None:
        """Add to the sound what the tap has given."""
        taken_near, taken_far = self.reader.take()
        near, far = self._near.convert(taken_near), self._far.convert(taken_far)
        if audioop.rms(far, _SAMPLE_BYTES) > _SILENCE_RMS:
            self._is_silent, self.silent_s = False, 0.0
        else:
            self.silent_s += len(far) / _SAMPLE_BYTES / SOUND_RATE_HZ
        self._sound += audioop.add(
            audioop.tostereo(near, _SAMPLE_BYTES, 1, 0), audioop.tostereo(far, _SAMPLE_BYTES, 0, 1), _SAMPLE_BYTES
        )
