"""Echo cancellers side by side: what they leave of the echo, and of a voice that speaks at the same time."""

import ctypes
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pesq
from pywebrtc_audio import AudioProcessor
from rich.console import Console
from rich.table import Table

from firmware.voice.audio.webrtc import WebRtcProcessor
from tests.lab.acoustic_path import RATE_HZ, AcousticPath, EchoSource, Moved, Room, far_voice, level_db, near_voice
from tests.lab.audio import Samples, Sound

# The near end speaks from here on; before it and after it only the far end does.
_NEAR_BEGINS_S: Final = 10.0
_SETTLING_S: Final = 2.0
_LATEST_OUTPUT_S: Final = 0.05
# A syllable; of those in which the near end is silent nothing can be lost.
_SYLLABLE: Final = RATE_HZ // 20
_SPOKEN_DB: Final = -40

PATHS: Final[Mapping[str, EchoSource]] = {
    "40 ms, dry": AcousticPath(delay_ms=40, reverberation_s=0.05, direct_db=10),
    "60 ms, office": AcousticPath(),
    "120 ms, office": AcousticPath(delay_ms=120),
    "60 ms, hall": AcousticPath(reverberation_s=0.3, direct_db=0),
    "60 ms, loud": AcousticPath(coupling_db=10),
    "60 ms, noisy": AcousticPath(noise_dbfs=-65),
    "60 ms, distorted": AcousticPath(distortion=2),
    "moved after 6 s": Moved(AcousticPath(), AcousticPath(delay_ms=63, reverberation_s=0.15, direct_db=3), 6),
}
ROOMS: Final[Mapping[str, EchoSource]] = {
    "small office": Room((3.5, 3, 2.6), 0.35, loudspeaker=(1.5, 1.2, 0.8), microphone=(1.62, 1.2, 0.8)),
    "hall": Room((14, 9, 5), 1.2, loudspeaker=(6, 4, 0.8), microphone=(6.12, 4, 0.8)),
    "hard desk": Room((4.5, 3.5, 2.6), 0.25, loudspeaker=(2, 1.5, 0.8), microphone=(2.06, 1.5, 0.78), coupling_db=10),
}
"""Rooms by pyroomacoustics, which `make bench` alone installs."""


class Canceller(Protocol):
    """Takes a frame of the microphone and of the loudspeaker, and returns one to send."""

    frame_samples: int

    def process(self, near: bytes, far: bytes) -> bytes: ...


class WebRtc:
    """WebRTC's AEC3 as the handset uses it."""

    frame_samples = 160

    def __init__(self, *, noise_suppression: bool = False, gain_control: bool = False) -> None:
        self._processor = WebRtcProcessor(
            rate_hz=RATE_HZ, echo_cancelling=True, noise_suppression=noise_suppression, gain_control=gain_control,
        )  # fmt: skip

    def process(self, near: bytes, far: bytes) -> bytes:
        return self._processor.process(near, far)


class Aec3:
    """AEC3 and noise suppression alone, as they come."""

    frame_samples = 160

    def __init__(self) -> None:
        self._processor = AudioProcessor(echo_cancellation=True, noise_suppression=True, stream_delay_ms=10)
        for _ in range(100):
            self.process(bytes(320), bytes(320))

    def process(self, near: bytes, far: bytes) -> bytes:
        return self._processor.process(np.frombuffer(near, np.int16), np.frombuffer(far, np.int16)).tobytes()


class Speex:
    """The speex canceller with its own suppression of noise, set up as pjmedia's echo_speex.c does it."""

    frame_samples = 320
    _TAIL_MS = 200
    # speex/speex_echo.h and speex/speex_preprocess.h
    _SET_SAMPLING_RATE = 24
    _SET_GAIN_CONTROL = 2
    _SET_ECHO_STATE = 24

    def __init__(self) -> None:
        library = self._library = ctypes.CDLL("libspeexdsp.so.1")
        library.speex_echo_state_init.restype = library.speex_preprocess_state_init.restype = ctypes.c_void_p
        self._echo = ctypes.c_void_p(library.speex_echo_state_init(self.frame_samples, RATE_HZ * self._TAIL_MS // 1000))
        library.speex_echo_ctl(self._echo, self._SET_SAMPLING_RATE, ctypes.byref(ctypes.c_int(RATE_HZ)))
        self._preprocessor = ctypes.c_void_p(library.speex_preprocess_state_init(self.frame_samples, RATE_HZ))
        library.speex_preprocess_ctl(self._preprocessor, self._SET_GAIN_CONTROL, ctypes.byref(ctypes.c_int(1)))
        library.speex_preprocess_ctl(self._preprocessor, self._SET_ECHO_STATE, self._echo)

    def process(self, near: bytes, far: bytes) -> bytes:
        frame = ctypes.create_string_buffer(len(near))
        self._library.speex_echo_cancellation(self._echo, near, far, frame)
        self._library.speex_preprocess_run(self._preprocessor, frame)
        return frame.raw


CANCELLERS: Final[Mapping[str, Callable[[], Canceller]]] = {
    "webrtc, all (ships)": lambda: WebRtc(noise_suppression=True, gain_control=True),
    "webrtc, echo and noise": lambda: WebRtc(noise_suppression=True),
    "webrtc, echo only": WebRtc,
    "aec3 alone": Aec3,
    "speex": Speex,
}


@dataclass(frozen=True, slots=True)
class EchoFigures:
    """How one canceller fared on one path.

    Attributes:
        canceller, path: which.
        echo_down_db: how much less echo was sent than the microphone heard, from 2 s on while only the far end spoke.
        worst_second_db: the same for the worst second.
        near_down_db: how much quieter the near voice became while both spoke; negative where it was raised.
        near_lost_db: the same for the tenth of its syllables that lost most: at 6 dB and more a voice is muffled.
        near_pesq: ITU-T P.862.2 of that voice, of 4.64.
        added_delay_ms: how much later the near voice came.
        us_a_period: processor time for 10 ms.
    """

    canceller: str
    path: str
    echo_down_db: float
    worst_second_db: float
    near_down_db: float
    near_lost_db: float
    near_pesq: float
    added_delay_ms: float
    us_a_period: float


def compare(
    paths: Mapping[str, EchoSource] = PATHS, cancellers: Mapping[str, Callable[[], Canceller]] = CANCELLERS
) -> list[EchoFigures]:
    """Send the same voices through every path and every canceller."""
    far, near = far_voice().samples, near_voice().samples
    return [
        _measure(name, make(), path_name, path.heard(far), far=far, near=near)
        for path_name, path in paths.items()
        for name, make in cancellers.items()
    ]


def compare_by_name(paths: Sequence[str], cancellers: Sequence[str]) -> list[EchoFigures]:
    """Compare some of PATHS and CANCELLERS; names can be sent to another process."""
    return compare({name: PATHS[name] for name in paths}, {name: CANCELLERS[name] for name in cancellers})


def _measure(
    name: str, canceller: Canceller, path_name: str, echo: Samples, *, far: Samples, near: Samples
) -> EchoFigures:
    """Let the far end speak throughout and the near end for a while in its midst."""
    first = round(_NEAR_BEGINS_S * RATE_HZ)
    heard = echo.copy()
    heard[first : first + len(near)] += near
    began = time.process_time()
    sent = run(canceller, heard, far)
    us_a_period = (time.process_time() - began) * 1e6 / (len(far) / 160)
    alone = [
        *_seconds(_SETTLING_S, _NEAR_BEGINS_S),
        *_seconds(_NEAR_BEGINS_S + len(near) / RATE_HZ + 0.5, len(far) / RATE_HZ),
    ]
    downs = [level_db(_cut(echo, *span)) - level_db(_cut(sent, *span)) for span in alone]
    together = Sound(sent[first : first + len(near) + round(_LATEST_OUTPUT_S * RATE_HZ)])
    lag = _lag(together.samples, near)
    voice = together.samples[lag : lag + len(near)]
    return EchoFigures(
        canceller=name,
        path=path_name,
        echo_down_db=float(np.mean(downs)),
        worst_second_db=min(downs),
        near_down_db=level_db(near) - level_db(voice),
        near_lost_db=_lost_db(near, voice),
        near_pesq=float(pesq.pesq(RATE_HZ, near, voice, "wb")),
        added_delay_ms=1000 * lag / RATE_HZ,
        us_a_period=us_a_period,
    )


def run(canceller: Canceller, heard: Samples, far: Samples) -> Samples:
    """Return what is sent, frame after frame."""
    size = 2 * canceller.frame_samples
    near_pcm, far_pcm = Sound(heard).pcm, Sound(far).pcm
    sent = b"".join(
        canceller.process(near_pcm[first : first + size], far_pcm[first : first + size])
        for first in range(0, len(near_pcm) - size + 1, size)
    )
    return np.pad(Sound.from_pcm(sent, RATE_HZ).samples, (0, len(heard) - len(sent) // 2))


def table(figures: Sequence[EchoFigures]) -> Table:
    """Return them as people read them."""
    result = Table("path", "canceller", *(
        "echo down, dB", "worst second", "voice down, dB", "syllables lost, dB", "voice, PESQ", "later by, ms",
        "µs a 10 ms",
    ))  # fmt: skip
    for each in figures:
        result.add_row(
            each.path, each.canceller, f"{each.echo_down_db:.0f}", f"{each.worst_second_db:.0f}",
            f"{each.near_down_db:.1f}", f"{each.near_lost_db:.1f}", f"{each.near_pesq:.2f}",
            f"{each.added_delay_ms:.0f}", f"{each.us_a_period:.0f}",
        )  # fmt: skip
    return result


def _seconds(start_s: float, end_s: float) -> list[tuple[float, float]]:
    return [(start_s + number, start_s + number + 1) for number in range(int(end_s - start_s))]


def _cut(samples: Samples, start_s: float, end_s: float) -> Samples:
    return samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def _lost_db(near: Samples, voice: Samples) -> float:
    starts = range(0, len(near) - _SYLLABLE, _SYLLABLE)
    syllables = [(near[first : first + _SYLLABLE], voice[first : first + _SYLLABLE]) for first in starts]
    losses = [level_db(said) - level_db(sent) for said, sent in syllables if level_db(said) > _SPOKEN_DB]
    return float(np.percentile(losses, 90))


def _lag(sent: Samples, near: Samples) -> int:
    window = len(sent) - len(near)
    return int(np.argmax([float(np.dot(sent[lag : lag + len(near)], near)) for lag in range(window)]))


if __name__ == "__main__":
    Console(width=160, file=sys.stdout).print(table(compare({**PATHS, **ROOMS})))
