"""What this network's DHCP server names as the place of bundles, by the options that desk phones are set up by.

Whoever manages this machine's networks has an address already, and neither asks for these options nor keeps them. So
the server is asked once more, for them alone (DHCPINFORM, RFC 2131 section 3.4). What it names is a stranger's word.
"""

import asyncio
import ipaddress
import re
import socket
import struct
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from firmware.base.interfaces import addresses
from firmware.setup.lan.servers import HOPS

PORT: Final = 7468
"""Where answers are heard. Servers send them to port 68, which is another's; the firewall turns those with `ID`."""
ID: Final = b"WeCl"
"""The same from every phone (`xid`)."""
_SERVER: Final = ("255.255.255.255", 67)
_WINDOW_S: Final = 2.0
_MOST_ANSWERS: Final = 50

# RFC 2131 section 2. Of what tells phones apart there is the address alone, which the server has given.
_HEAD: Final = struct.Struct("!4B4s4x4s12x16x64x128x4s")
_COOKIE: Final = bytes((99, 130, 83, 99))
_QUESTION, _ANSWER, _ETHERNET, _ETHERNET_BYTES = 1, 2, 1, 6
# RFC 2132: options, and the types of messages. 160 is of those that a site may use as it likes.
_PAD, _TYPE, _WANTED, _END = 0, 53, 55, 255
_INFORM, _ACK = 8, 5
_TFTP_SERVER: Final = 66
_SITES_OWN: Final = 160
_SHORTEST: Final = 300  # RFC 1542 section 2.1
_ADDRESS: Final = re.compile(rb"https?://[\x21-\x7e]{1,247}")


def question(own: ipaddress.IPv4Address) -> bytes:
    """Return what a phone at this address asks."""
    head = _HEAD.pack(_QUESTION, _ETHERNET, _ETHERNET_BYTES, 0, ID, own.packed, _COOKIE)
    return (head + bytes((_TYPE, 1, _INFORM, _WANTED, 2, _TFTP_SERVER, _SITES_OWN, _END))).ljust(_SHORTEST, b"\0")


def named_in(answer: bytes) -> str:
    """Return the address that an answer names; empty where it names none, or something for other phones."""
    if len(answer) < _HEAD.size or (answer[0], answer[4:8], answer[236:240]) != (_ANSWER, ID, _COOKIE):
        return ""
    options: dict[int, bytes] = {}
    rest = answer[_HEAD.size :]
    while rest and rest[0] != _END:
        if rest[0] == _PAD:
            rest = rest[1:]
            continue
        if len(rest) < 2 or len(rest) < 2 + rest[1]:  # noqa: PLR2004 (an option's number and length)
            return ""
        options.setdefault(rest[0], rest[2 : 2 + rest[1]])
        rest = rest[2 + rest[1] :]
    if options.get(_TYPE) != bytes((_ACK,)):
        return ""
    for number in (_SITES_OWN, _TFTP_SERVER):
        # Some servers end a text as C does.
        text = options.get(number, b"").removesuffix(b"\0")
        if _ADDRESS.fullmatch(text):
            return text.decode("ascii")
    return ""


async def named_addresses() -> list[str]:
    """Ask on every interface, and return what is named within two seconds, each address once."""
    listener = _Listener()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as asked:
        for name, own in {name: own for name, own in addresses() if isinstance(own, ipaddress.IPv4Address)}.items():
            if own.is_loopback:
                continue
            # A network that takes no question does not keep others from it.
            with suppress(OSError):
                asking = asked.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
                asking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
                asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                asking.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, HOPS)
                asking.bind(("", PORT))
                transport, _ = await loop.create_datagram_endpoint(lambda: listener, sock=asking)
                asked.callback(transport.abort)
                asking.sendto(question(own), _SERVER)
        await asyncio.sleep(_WINDOW_S)
    return list(listener.named)


class _Listener(asyncio.DatagramProtocol):
    """Takes answers."""

    def __init__(self) -> None:
        self.named: dict[str, None] = {}
        self._left = _MOST_ANSWERS

    def datagram_received(self, data: bytes, _sender: tuple[Any, ...]) -> None:
        self._left -= 1
        if self._left >= 0 and (address := named_in(data)):
            self.named[address] = None
