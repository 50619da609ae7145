"""What each codec makes of the benchmark's speech by itself: no phone, no line, no sound device."""

import audioop
import statistics
from collections.abc import Callable, Container, Mapping
from typing import Final

import numpy as np
import opuslib_next
from G722 import G722

from tests.bench.cells import Opinion
from tests.bench.speech import RATE_HZ, Voice, resampled, room, speech
from tests.lab.audio import Sound

OPUS_BIT_RATE: Final = 32_000
"""As the handset speaks it."""
_PACKET: Final = RATE_HZ // 50


def _g722(pcm: bytes) -> bytes:
    encoder, decoder = G722(RATE_HZ, 64_000), G722(RATE_HZ, 64_000)
    samples = np.frombuffer(pcm, "<i2")
    return b"".join(
        decoder.decode(encoder.encode(samples[at : at + _PACKET])).tobytes()
        for at in range(0, len(samples) - _PACKET + 1, _PACKET)
    )


def _opus(pcm: bytes) -> bytes:
    encoder = opuslib_next.Encoder(RATE_HZ, 1, opuslib_next.APPLICATION_VOIP)
    encoder.bitrate = OPUS_BIT_RATE
    decoder = opuslib_next.Decoder(RATE_HZ, 1)
    size = 2 * _PACKET
    packets = [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]
    return b"".join(decoder.decode(encoder.encode(packet, _PACKET), _PACKET) for packet in packets)


def _pcma(pcm: bytes) -> bytes:
    narrow = resampled(Sound.from_pcm(pcm, RATE_HZ), 8_000).pcm
    return resampled(Sound.from_pcm(audioop.alaw2lin(audioop.lin2alaw(narrow, 2), 2), 8_000), RATE_HZ).pcm


_CODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"g722": _g722, "opus": _opus, "pcma": _pcma}


def offline(judge: Callable[[Sound, Sound], Opinion], codecs: Container[str]) -> dict[str, dict[str, float]]:
    """Return the figures of those of these codecs that are known here, named as those of a cell."""
    rows = {}
    for codec, code in _CODERS.items():
        if codec not in codecs:
            continue
        opinions = [_judged(speech(voice), code, judge) for voice in Voice]
        rows[codec] = {"pesq": statistics.mean(each.pesq for each in opinions)}
        second = [each.plcmos for each in opinions if each.plcmos is not None]
        if second:
            rows[codec]["plcmos"] = statistics.mean(second)
    return rows


def _judged(said: Sound, code: Callable[[bytes], bytes], judge: Callable[[Sound, Sound], Opinion]) -> Opinion:
    """Judge speech with a second of the quiet room before and after it, as a phone would have heard it."""
    around = room(RATE_HZ).samples
    whole = Sound(np.concatenate([around, said.samples, around]), RATE_HZ)
    return judge(Sound(said.samples, RATE_HZ, began_at=1.0), Sound.from_pcm(code(whole.pcm), RATE_HZ))
