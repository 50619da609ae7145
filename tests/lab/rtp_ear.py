"""Listens to RTP with G.711 A-law, without a SIP library between."""

import audioop
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Self

from tests.lab.arrivals import Arrivals
from tests.lab.audio import Sound, level, tone
from tests.lab.patience import PATIENCE_S
from tests.lab.rtp_port import Packet, packet_of

RATE_HZ = 8000
_HEADER = struct.Struct("!BBHII")
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
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.port = int(self._socket.getsockname()[1])
        self._heard = Arrivals[tuple[float, Packet]]("the ear")
        self._hush = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, name="rtp-ear", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._hush.set()
        self._socket.close()

    @property
    def packets(self) -> int:
        """How much RTP has come in, of whatever kind; RTCP for the port below may come here too."""
        return self._heard.mark()

    @property
    def sound(self) -> Sound:
        """All that has come in so far."""
        return _sound(self._heard.since())

    @property
    def longest_gap_s(self) -> float:
        """The longest time between two packets of sound."""
        moments = [at for at, packet in self._heard.since() if packet.type == _PCMA]
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)

    def forget(self) -> None:
        """Listen anew."""
        self._heard.forget()

    def wait_for_digits(self, digits: str) -> None:
        """Wait until these DTMF digits have been heard, and no others.

        Raises:
            AssertionError: they were not.
        """
        self._heard.wait_for(lambda heard: dtmf_digits(_sound(heard)) == digits, f"digits {digits}")

    def wait_for_packets(self, timeout_s: float = PATIENCE_S) -> bool:
        """Wait until something has come in, and say whether it has."""
        with suppress(AssertionError):
            self._heard.first(1, timeout_s=timeout_s)
        return self.packets > 0

    def wait_for_tone(self, frequency_hz: float) -> None:
        """Wait until the last of what comes in from now on is this tone."""
        self._heard.wait_for(
            lambda heard: level(_sound(heard[-_LATEST_FRAMES:]), frequency_hz) > _LOUD,
            f"{frequency_hz:.0f} Hz",
            after=self._heard.mark(),
        )

    def wait_for_silence(self) -> None:
        """Wait until what comes in from now on is silent; no packets at all are silence too."""
        mark = self._heard.mark()
        with suppress(AssertionError):
            self._heard.first(2 * _LATEST_FRAMES, after=mark, timeout_s=1)
        self._heard.wait_for(
            lambda heard: not any(audioop.rms(_pcm(packet), 2) > _QUIET for packet in heard[-_LATEST_FRAMES:]),
            "silence",
            after=mark,
        )

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

    def _listen(self) -> None:
        while True:
            try:
                data = self._socket.recv(2048)
            except OSError:
                return
            if packet := packet_of(data):
                self._heard.add((time.monotonic(), packet))


def _pcm(heard: tuple[float, Packet]) -> bytes:
    _, packet = heard
    return audioop.alaw2lin(packet.payload, 2) if packet.type == _PCMA else b""


def _sound(heard: Sequence[tuple[float, Packet]]) -> Sound:
    return Sound.from_pcm(b"".join(map(_pcm, heard)), RATE_HZ)


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
