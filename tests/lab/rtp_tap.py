"""Sees the RTP that leaves by a device, before a line has lost any of it."""

import socket
import threading
from typing import Final, Self

from tests.lab.arrivals import Arrivals
from tests.lab.network import CableEnd
from tests.lab.rtp_port import Packet, packet_of

_ETH_P_ALL: Final = 3  # linux/if_ether.h; for one protocol only what comes in is told
_IPV4: Final = 4
_PACKET_OUTGOING: Final = 4  # linux/if_packet.h
_UDP: Final = 17
_UDP_HEADER: Final = 8
_POLL_S: Final = 0.1


class RtpTap:
    """Listens at one end of a cable.

    Attributes:
        heard: the packets that have left.
    """

    def __init__(self, end: CableEnd) -> None:
        with end.namespace.entered():
            # Without a link's header: a cable's device may have none.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self._socket.bind((end.device, _ETH_P_ALL))
        self._socket.settimeout(_POLL_S)
        self.heard = Arrivals[Packet]("the tap")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="rtp-tap", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                data, address = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            header = 4 * (data[0] & 15)
            if address[2] != _PACKET_OUTGOING or data[0] >> 4 != _IPV4 or data[9] != _UDP:
                continue
            if packet := packet_of(data[header + _UDP_HEADER :]):
                self.heard.add(packet)
