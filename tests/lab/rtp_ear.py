"""Listens to RTP with G.711 A-law, without a SIP library between."""

import audioop
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Self

from tests.lab.audio import Sound, level, tone

RATE_HZ = 8000
_HEADER = struct.Struct("!BBHII")
_VERSION = 2
_RTCP = range(200, 208)
_PCMA = 8
# ITU-T Q.23.
_ROWS_HZ = (697, 770, 852, 941)
_COLUMNS_HZ = (1209, 1336, 1477)
_KEYS = ("123", "456", "789", "*0#")
_WINDOW_S = 0.02
_LATEST_FRAMES = 10
_LOUD = 1000.0
_QUIET = 100


class RtpEar:
    """A UDP port that takes audio in.

    Attributes:
        port: which.
        packets: how much RTP has come in, of whatever kind; RTCP for the port below may come here too.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.port = int(self._socket.getsockname()[1])
        self.packets = 0
        self._frames: list[bytes] = []
        self._arrivals: list[float] = []
        self._arrived = threading.Condition()
        self._hush = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, name="rtp-ear", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._hush.set()
        self._socket.close()

    @property
    def sound(self) -> Sound:
        """All that has come in so far."""
        with self._arrived:
            return Sound.from_pcm(b"".join(self._frames), RATE_HZ)

    @property
    def longest_gap_s(self) -> float:
        """The longest time between two packets."""
        with self._arrived:
            return max((later - earlier for earlier, later in itertools.pairwise(self._arrivals)), default=0.0)

    def forget(self) -> None:
        """Listen anew."""
        with self._arrived:
            self._frames.clear()
            self._arrivals.clear()

    def wait_for_digits(self, digits: str, timeout_s: float = 8) -> None:
        """Wait until these DTMF digits have been heard, and no others.

        Raises:
            AssertionError: they were not.
        """
        with self._arrived:
            heard = self._arrived.wait_for(lambda: dtmf_digits(self._sound) == digits, timeout_s)
            assert heard, f"heard {dtmf_digits(self._sound)!r}, not {digits!r}"

    def wait_for_packets(self, timeout_s: float = 8) -> bool:
        """Wait until something has come in, and say whether it has."""
        with self._arrived:
            return self._arrived.wait_for(lambda: self.packets > 0, timeout_s)

    def wait_for_tone(self, frequency_hz: float, timeout_s: float = 8) -> None:
        """Wait until the last of what came in is this tone."""
        with self._arrived:
            self._frames.clear()
            heard = self._arrived.wait_for(lambda: self._latest_level(frequency_hz) > _LOUD, timeout_s)
            assert heard, f"no {frequency_hz:.0f} Hz but {self._latest_level(frequency_hz):.0f}"

    def wait_for_silence(self, timeout_s: float = 8) -> None:
        """Wait until what comes in is silent; no packets at all are silence too."""
        with self._arrived:
            self._frames.clear()
            self._arrived.wait_for(lambda: len(self._frames) > 2 * _LATEST_FRAMES, 1)
            quiet = self._arrived.wait_for(
                lambda: not any(audioop.rms(frame, 2) > _QUIET for frame in self._frames[-_LATEST_FRAMES:]), timeout_s
            )
            assert quiet, "there is still sound"

    def speak_to(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        lose_every: int = 0,
        frequency_hz: float = 1000,
        source: int = 1,
        every_s: float = 0.02,
    ) -> None:
        """Send a tone from now on, until it speaks to somebody else or is closed.

        Args:
            port, host: of whom it speaks to.
            lose_every: leaves every so many-th packet out; none where 0.
            frequency_hz: of the tone, a multiple of 50.
            source: the number of the stream (RFC 3550's SSRC).
            every_s: when the next packet follows; each holds 20 ms.
        """
        # The port of a call that has ended may be the next call's.
        self._hush.set()
        self._hush = threading.Event()
        packets = _packets(frequency_hz, source, lose_every)
        arguments = (self._hush, (host, port), packets, every_s)
        threading.Thread(target=self._speak, args=arguments, name="rtp-voice", daemon=True).start()

    def _speak(
        self, hush: threading.Event, listener: tuple[str, int], packets: Iterator[bytes], every_s: float
    ) -> None:
        due = time.monotonic()
        for packet in packets:
            if packet:
                try:
                    self._socket.sendto(packet, listener)
                except OSError:
                    return
            due += every_s
            if hush.wait(max(0.0, due - time.monotonic())):
                return

    def _latest_level(self, frequency_hz: float) -> float:
        return level(Sound.from_pcm(b"".join(self._frames[-_LATEST_FRAMES:]), RATE_HZ), frequency_hz)

    @property
    def _sound(self) -> Sound:
        return Sound.from_pcm(b"".join(self._frames), RATE_HZ)

    def _listen(self) -> None:
        while True:
            try:
                packet = self._socket.recv(2048)
            except OSError:
                return
            # RFC 5761 section 4: what is RTCP.
            if len(packet) <= _HEADER.size or packet[0] >> 6 != _VERSION or packet[1] in _RTCP:
                continue
            with self._arrived:
                self.packets += 1
                self._arrived.notify_all()
            if packet[1] & 0x7F != _PCMA:
                continue
            with self._arrived:
                self._frames.append(audioop.alaw2lin(packet[_HEADER.size :], 2))
                self._arrivals.append(time.monotonic())
                self._arrived.notify_all()


def _packets(frequency_hz: float, source: int, lose_every: int) -> Iterator[bytes]:
    """Yield a tone's packets without an end; nothing in the place of those that are lost."""
    wave = audioop.lin2alaw(tone([frequency_hz], 0.02, rate_hz=RATE_HZ, ramp_s=0).pcm, 2)
    for sequence in itertools.count(1):
        is_lost = lose_every and sequence % lose_every == 0
        header = _HEADER.pack(0x80, _PCMA, sequence & 0xFFFF, sequence * len(wave), source)
        yield b"" if is_lost else header + wave


def dtmf_digits(sound: Sound) -> str:
    """Find DTMF digits: both tones of a pair in two windows of 20 ms at least, each digit followed by a pause."""
    found: list[str] = []
    window = round(_WINDOW_S * sound.rate_hz)
    previous, length = "", 0
    for start in range(0, len(sound.samples) - window, window):
        part = Sound(sound.samples[start : start + window], sound.rate_hz)
        key = _key_in(part)
        length = length + 1 if key == previous else 1
        previous = key
        if key and length == 2:  # windows, 40 ms: the shortest that ITU-T Q.24 lets receivers take
            found.append(key)
    return "".join(found)


def _key_in(sound: Sound) -> str:
    rows = [level(sound, frequency) for frequency in _ROWS_HZ]
    columns = [level(sound, frequency) for frequency in _COLUMNS_HZ]
    if min(max(rows), max(columns)) < 500:  # some -36 dB of full scale
        return ""
    return _KEYS[rows.index(max(rows))][columns.index(max(columns))]
