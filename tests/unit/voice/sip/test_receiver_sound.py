"""What time-scaling and concealment do to sound: no click, and nothing that goes on for ever."""

import functools
from typing import Final

import numpy as np
import opuslib_next
import pytest

from tests.lab.listener import OPUS_TICKS, RATE_HZ, Listener
from tests.lab.virtual_line import PACKET_MS, Receiver

PITCH_HZ: Final = 217
AMPLITUDE: Final = 8000
SHARPEST: Final = AMPLITUDE * (2 * np.pi * PITCH_HZ / RATE_HZ) ** 2


@functools.cache
def steady(count: int) -> tuple[bytes, ...]:
    """Return a tone that swells as a voice does, in packets of 20 ms of Opus."""
    encoder = opuslib_next.Encoder(RATE_HZ, 1, opuslib_next.APPLICATION_AUDIO)
    encoder.bitrate = 64_000
    samples = RATE_HZ * PACKET_MS // 1000
    times = np.arange(count * samples) / RATE_HZ
    wave = AMPLITUDE * (0.8 + 0.2 * np.sin(2 * np.pi * 5 * times)) * np.sin(2 * np.pi * PITCH_HZ * times)
    pcm = wave.astype("<i2").tobytes()
    return tuple(encoder.encode(pcm[start : start + 2 * samples], samples) for start in range(0, len(pcm), 2 * samples))


def sharpest(sound: bytes) -> float:
    """Return how far a sample is at most from where the two before it lead to: a click is a corner."""
    return float(np.max(np.abs(np.diff(np.frombuffer(sound, "<i2").astype(float), 2))))


def test_a_tone_that_is_stretched_and_squeezed_has_no_click() -> None:
    packets = steady(800)
    with Receiver.of_opus() as receiver:
        receiver.bound(40, 40, 40)
        listener = Listener(receiver, OPUS_TICKS)
        for number, packet in enumerate(packets):
            listener.put(number, packet)
            if number < 2:
                listener.now_ms += PACKET_MS
                continue
            if number % 200 == 100:
                receiver.bound(200, 200, 200)
            elif number % 200 == 0:
                receiver.bound(30, 30, 30)
            listener.hear(PACKET_MS)
        line = listener.line
        assert line.stretched > RATE_HZ * 0.4
        assert line.squeezed > RATE_HZ * 0.4
        assert (line.concealed, line.lost) == (0, 0)
        settled = listener.all_heard[RATE_HZ:]
        assert sharpest(settled) < 2 * SHARPEST
        # Loud throughout, too: nothing was left out or filled with silence.
        parts = np.frombuffer(settled, "<i2").astype(float)[: len(settled) // 2 // 160 * 160].reshape(-1, 160)
        assert float(np.min(np.sqrt(np.mean(parts**2, axis=1)))) > 0.4 * AMPLITUDE / np.sqrt(2)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_waiting_for_what_does_not_come_makes_no_click(lost: int) -> None:
    packets = steady(100)
    with Receiver.of_opus() as receiver:
        listener = Listener(receiver, OPUS_TICKS)
        listener.follow({number: packet for number, packet in enumerate(packets) if not 50 <= number < 50 + lost})
        assert sharpest(listener.all_heard[RATE_HZ:]) < 2 * SHARPEST


def test_what_is_made_up_fades_and_is_silent_after_a_quarter_of_a_second() -> None:
    with Receiver.of_opus() as receiver:
        listener = Listener(receiver, OPUS_TICKS)
        listener.follow(enumerate(steady(50)))
        made_up = listener.hear(2000)
        assert len(made_up) == 2 * 2 * RATE_HZ
        assert sharpest(made_up) < 2 * SHARPEST
        assert not any(made_up[2 * RATE_HZ * 280 // 1000 :])
        assert listener.line.concealed > RATE_HZ * 1.9
