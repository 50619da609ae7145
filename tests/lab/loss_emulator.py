"""A cable that loses, delays and reorders packets, and repeats itself: the same seed, the same losses.

    with LossyCable(home, operator, ["10.9.0.1/24"], ["10.9.0.2/24"], Line(loss_percent=5, jitter_ms=30)) as cable:
        ...
        cable.change(Line(loss_percent=10))   # at once, for packets that come from now on
        cable.traffic                         # Traffic(packets=..., lost=...), since the last change

A TUN device stands at each end; a process of its own carries packets between them, so that Python's lock in the test
cannot delay one. It adds some 0.2 ms. Every flow (addresses and ports) draws from its own generator with the same seed:
two phones that are sent the same packets lose the same ones.
"""

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.lab.network import Cable, CableEnd, Namespace
from tests.lab.priority import carry_sound

_TUNSETIFF: Final = 0x400454CA  # linux/if_tun.h
_IFF_TUN_NO_PI: Final = 0x1001
_MTU: Final = 2048
_UDP: Final = 17
_START_TIMEOUT_S: Final = 10.0
# RFC 7983 section 7: the first byte of RTP and RTCP.
_RTP_FIRST_BYTES: Final = range(128, 192)


@dataclass(frozen=True, slots=True)
class Line:
    """How a line misbehaves, in each direction.

    Attributes:
        loss_percent: how many packets are lost.
        burst: how many are lost in a row on average; 1 where each is lost by itself.
        delay_ms: what every packet is delayed by.
        jitter_ms: each is delayed by up to that much more, evenly spread; so they overtake each other.
        media_only: spare everything but RTP and RTCP.
        seed: of the generators.
    """

    loss_percent: float = 0.0
    burst: float = 1.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    media_only: bool = True
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a line has carried since it was last changed: packets that it may harm, and those of them that it lost."""

    packets: int
    lost: int


class LossyCable(Cable):
    """A cable whose line misbehaves."""

    def __init__(
        self,
        first: Namespace,
        second: Namespace,
        first_addresses: Sequence[str],
        second_addresses: Sequence[str],
        line: Line = Line(),
    ) -> None:
        super().__init__(first, second, first_addresses, second_addresses)
        self._line = line
        self._carrier: subprocess.Popen[str] | None = None

    def stop(self) -> None:
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            # The end of its input is the end of it, and its devices go with it.
            carrier.communicate(timeout=5)

    def change(self, line: Line) -> None:
        """Misbehave like this from now on; packets under way arrive as they would have."""
        self._line = line
        self._ask(asdict(line))

    @property
    def traffic(self) -> Traffic:
        """What it has carried since it was last changed."""
        return Traffic(**self._ask({}))

    def _lay(self) -> None:
        descriptors = [_open_tun(end) for end in (self.first, self.second)]
        self._carrier = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.loss_emulator", *map(str, descriptors)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=descriptors,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        for descriptor in descriptors:
            os.close(descriptor)
        carry_sound(self._carrier.pid)
        self.change(self._line)

    def _ask(self, order: dict[str, float]) -> dict[str, int]:
        carrier = self._carrier
        if carrier is None or carrier.stdin is None or carrier.stdout is None:
            raise RuntimeError("The lossy cable is not plugged in; start it first.")
        carrier.stdin.write(f"{json.dumps(order)}\n")
        carrier.stdin.flush()
        answer = carrier.stdout.readline()
        if not answer:
            raise RuntimeError("The lossy cable's carrier has ended; its errors are on standard error.")
        told: dict[str, int] = json.loads(answer)
        return told


def _open_tun(end: CableEnd) -> int:
    with end.namespace.entered():
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", end.device.encode(), _IFF_TUN_NO_PI))
    return descriptor


class Fate:
    """Decides what becomes of each packet of one flow."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._random = random.Random(line.seed)
        self._losing = False

    def draw(self) -> float | None:
        """Return by how many seconds the next packet is delayed, None where it is lost."""
        line = self._line
        # Always the same draws for each packet, so that lines that differ in one respect are alike in the others.
        lot, late = self._random.random(), self._random.random()
        probability = line.loss_percent / 100
        if line.burst > 1 and 0 < probability < 1:
            # Gilbert's two states: leaves the bad one after `burst` packets on average, and is in it for `probability`.
            begins = probability / (1 - probability) / line.burst
            self._losing = lot < (1 - 1 / line.burst if self._losing else begins)
        else:
            self._losing = lot < probability
        return None if self._losing else (line.delay_ms + late * line.jitter_ms) / 1000


class _Carrier:
    """Carries packets from one descriptor to the other and obeys orders on standard input."""

    def __init__(self, descriptors: tuple[int, int]) -> None:
        self._out = {descriptors[0]: descriptors[1], descriptors[1]: descriptors[0]}
        self._line = Line()
        self._fates: defaultdict[bytes, Fate] = defaultdict(lambda: Fate(self._line))
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._packets = self._lost = 0

    def run(self) -> None:
        """Go on until standard input ends."""
        orders = sys.stdin.fileno()
        poll = select.epoll()
        for descriptor in (*self._out, orders):
            poll.register(descriptor, select.EPOLLIN)
        while True:
            timeout_s = max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else -1
            for descriptor, _ in poll.poll(timeout_s):
                if descriptor != orders:
                    self._take(descriptor)
                elif not self._obey(sys.stdin.readline()):
                    return
            self._deliver()

    def _obey(self, order: str) -> bool:
        if not order:
            return False
        changed = json.loads(order)
        if changed:
            self._line = Line(**changed)
            self._fates.clear()
            self._packets = self._lost = 0
        sys.stdout.write(f"{json.dumps({'packets': self._packets, 'lost': self._lost})}\n")
        sys.stdout.flush()
        return True

    def _take(self, descriptor: int) -> None:
        while True:
            try:
                packet = os.read(descriptor, _MTU)
            except BlockingIOError:
                return
            flow, is_media = _inspect(packet)
            delay_s: float | None = 0.0
            if is_media or not self._line.media_only:
                delay_s = self._fates[flow].draw()
                self._packets += 1
            if delay_s is None:
                self._lost += 1
            else:
                heapq.heappush(
                    self._waiting, (time.monotonic() + delay_s, self._packets, self._out[descriptor], packet)
                )

    def _deliver(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, _, descriptor, packet = heapq.heappop(self._waiting)
            try:
                os.write(descriptor, packet)
            except OSError:
                # The device at that end is down.
                continue


def _inspect(packet: bytes) -> tuple[bytes, bool]:
    """Return what names the packet's flow, and whether it is RTP or RTCP."""
    if packet[0] >> 4 == 4:
        protocol, header, addresses = packet[9], 4 * (packet[0] & 15), packet[12:20]
    else:
        protocol, header, addresses = packet[6], 40, packet[8:40]
    if protocol != _UDP or len(packet) < header + 9:
        return addresses + bytes([protocol]), False
    return addresses + packet[header : header + 4], packet[header + 8] in _RTP_FIRST_BYTES


if __name__ == "__main__":
    _Carrier((int(sys.argv[1]), int(sys.argv[2]))).run()
