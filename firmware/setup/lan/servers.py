"""Who serves bundles on the networks that this machine is plugged into, by DNS-SD.

A query is a one-shot one from a port of its own (RFC 6762 section 6.7), so nothing here listens on mDNS's port, and
whoever knows answers to that port alone. The server is the machine that has answered: whatever names and addresses the
answer has are not looked at, so nobody can send a handset to a third one.
"""

import asyncio
import ipaddress
import random
import socket
import struct
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from firmware.base.interfaces import addresses
from provisioning.lan import SERVICE

Server = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A server's family and its address, as a socket takes it."""

_LABELS: Final = dns.name.from_text(SERVICE)
# Without an id (RFC 6762 section 18.1): from every handset the same bytes. The top bit of the class wants an answer for
# each (section 5.4): a question without it that was asked a moment ago is taken to be answered by multicast.
_INTERNET_TO_ME: Final = dns.rdataclass.RdataClass.make(0x8001)
QUERY: Final = dns.message.make_query(_LABELS, "PTR", _INTERNET_TO_ME, id=0, flags=0).to_wire()
_PORT: Final = 5353
_GROUP: Final = "224.0.0.251"
_GROUP_6: Final = "ff02::fb"
HOPS: Final = 1
"""No router sends on what is to have no further hop (RFC 791 section 3.1, RFC 8200 section 3)."""
# struct ip_mreqn of ip(7): the interface's index stands behind two addresses.
_INTERFACE: Final = struct.Struct("@4s4si")
_MOST_ANSWERS: Final = 200
_MOST_SERVERS: Final = 8
"""So many are asked after one query: chance chooses them, so that no crowd keeps anybody out for ever."""
_WINDOW_S: Final = 1.0


def port_of(answer: bytes) -> int | None:
    """Return the port on which whoever sent this answer serves bundles; None where it does not say so in good form."""
    try:
        message = dns.message.from_wire(answer)
    except dns.exception.DNSException:
        return None
    if not message.flags & dns.flags.QR or message.rcode() is not dns.rcode.NOERROR:
        return None
    for records in (*message.answer, *message.additional):
        is_known = records.rdclass is dns.rdataclass.IN and records.rdtype is dns.rdatatype.SRV
        if is_known and records.name != dns.name.root and records.name.parent() == _LABELS:
            return records[0].port or None
    return None


async def find_servers() -> list[Server]:
    """Ask on every interface, and return the servers that answer within a second, in no order.

    Those on IPv6 are returned where there are no others: most servers answer on both.
    """
    listener = _Listener()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as asked:
        for family in (socket.AF_INET, socket.AF_INET6):
            # A kernel may do without IPv6, and a network that takes no query does not keep others from it.
            with suppress(OSError):
                asking = _open(family)
                transport, _ = await loop.create_datagram_endpoint(lambda: listener, sock=asking)
                asked.callback(transport.abort)
                _ask(asking)
        await asyncio.sleep(_WINDOW_S)
    servers = [each for each in listener.servers.values() if each[0] is socket.AF_INET]
    servers = servers or list(listener.servers.values())
    return random.sample(servers, min(_MOST_SERVERS, len(servers)))


class _Listener(asyncio.DatagramProtocol):
    """Takes answers; of each address the first one counts."""

    def __init__(self) -> None:
        self.servers: dict[str, Server] = {}
        self._left = _MOST_ANSWERS

    def datagram_received(self, data: bytes, sender: tuple[Any, ...]) -> None:
        if not self._left:
            return
        self._left -= 1
        if sender[0] not in self.servers and (port := port_of(data)) is not None:
            family = socket.AF_INET6 if ":" in sender[0] else socket.AF_INET
            self.servers[sender[0]] = (family, (sender[0], port, *sender[2:]))


def _open(family: socket.AddressFamily) -> socket.socket:
    asking = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    if family is socket.AF_INET6:
        asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
    else:
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
    asking.bind(("", 0))
    return asking


def _ask(asking: socket.socket) -> None:
    """Send the query once on each interface that has an address of the socket's family."""
    has_scope = asking.family is socket.AF_INET6
    kind = ipaddress.IPv6Address if has_scope else ipaddress.IPv4Address
    for name in {name for name, own in addresses() if isinstance(own, kind) and not own.is_loopback}:
        with suppress(OSError):
            index = socket.if_nametoindex(name)
            if has_scope:
                asking.sendto(QUERY, (_GROUP_6, _PORT, 0, index))
            else:
                asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _INTERFACE.pack(bytes(4), bytes(4), index))
                asking.sendto(QUERY, (_GROUP, _PORT))
