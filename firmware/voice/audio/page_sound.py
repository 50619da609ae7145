"""What is said to a paging group: RTP packets of G.711 go in, sound comes out.

The packets are from a network: one that is not just as it has to be is dropped, and what is kept is bounded.
"""

import audioop
import struct
from collections import deque
from typing import Final

from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio.tones import Resampler

_RATE_HZ: Final = 8000
_HEADER: Final = struct.Struct("!BBHII")
_VERSION_ALONE: Final = 0x80
"""Version 2; no padding, no extension, no contributing sources (RFC 3550 section 5.1)."""
_MARKER: Final = 0x80
_CODECS: Final = {0: audioop.ulaw2lin, 8: audioop.alaw2lin}
"""By payload type (RFC 3551 section 6)."""
_PIECE_MS: Final = 10
_PIECE_SAMPLES: Final = _RATE_HZ * _PIECE_MS // 1000
_HEARD_BYTES: Final = 2 * SOUND_RATE_HZ * _PIECE_MS // 1000
_MOST_PIECES: Final = 6
"""In a packet: 60 ms, where phones send 20."""
_AHEAD_PIECES: Final = 6
"""So much has to be there before any of it is played, for packets that come late."""
_KEPT_PIECES: Final = 50
_LATE: Final = 0x8000
"""Sequence numbers so far ahead are behind (RFC 3550 appendix A.1)."""
_MOST_LOST: Final = 5


class PageSound:
    """Implements SoundSource: what one speaker says, from the first packet on.

    `take` is called on one thread and the rest on the audio thread; neither waits for the other.
    """

    def __init__(self) -> None:
        self._pieces = deque[bytes](maxlen=_KEPT_PIECES)
        self._resampler = Resampler(_RATE_HZ, SOUND_RATE_HZ)
        self._speaker: int | None = None
        self._next = 0
        self._is_filling = True

    def take(self, packet: bytes) -> bool:
        """Take in a packet; False where it is none of this speaker's, and changes nothing."""
        if len(packet) < _HEADER.size:
            return False
        first, kind, number, _, speaker = _HEADER.unpack_from(packet)
        codec = _CODECS.get(kind & ~_MARKER)
        count, rest = divmod(len(packet) - _HEADER.size, _PIECE_SAMPLES)
        if first != _VERSION_ALONE or codec is None or rest or not 1 <= count <= _MOST_PIECES:
            return False
        if self._speaker is None:
            self._speaker, self._next = speaker, number
        if speaker != self._speaker:
            return False
        ahead = (number - self._next) % 0x10000
        if ahead < _LATE:
            self._next = (number + 1) % 0x10000
            lost = bytes(2 * _PIECE_SAMPLES * count * (ahead if ahead <= _MOST_LOST else 0))
            self._keep(lost + codec(packet[_HEADER.size :], 2))
        return True

    def _keep(self, sound: bytes) -> None:
        size = 2 * _PIECE_SAMPLES
        for start in range(0, len(sound), size):
            piece = self._resampler.convert(sound[start : start + size])
            # The very first lacks a sample, between which and none before it there is nothing.
            self._pieces.append(piece.rjust(_HEARD_BYTES, b"\0"))

    def next_frame(self, duration_ms: int) -> bytes | None:
        if self._is_filling and len(self._pieces) < _AHEAD_PIECES:
            return None
        wanted = duration_ms // _PIECE_MS
        pieces = [self._pieces.popleft() for _ in range(min(wanted, len(self._pieces)))]
        self._is_filling = len(pieces) < wanted
        return b"".join(pieces) or None

    def give_up(self) -> None:
        self._pieces.clear()
