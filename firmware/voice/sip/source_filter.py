"""Filters on our own sockets: what does not come from the servers, or is too much, never reaches the SIP stack.

The kernel drops it (SO_ATTACH_FILTER needs no privilege), so neither a flood nor a malformed packet from elsewhere
costs the process anything, and whoever scans gets no answer at all.

Each accepted connection takes one of the SIP library's handles, before it has said anything, and keeps it for half a
second after its end. So the doors of our listeners are shut while others hold too many connections: the peer's system
tries again and gets in once there is room.
"""

import contextlib
import ctypes
import ipaddress
import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from firmware.base.interfaces import canonical
from firmware.voice.sip.scheduler import Appointment, Scheduler

_SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h; the socket module names neither
_SO_DETACH_FILTER: Final = 27
# Classic BPF opcodes (linux/bpf_common.h) and where the network header stands for a socket's filter (linux/filter.h).
_LOAD_WORD: Final = 0x20
_LOAD_BYTE: Final = 0x30
_AND: Final = 0x54
_SHIFT_RIGHT: Final = 0x74
_JUMP: Final = 0x05
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_NETWORK_HEADER: Final = 0xFFF00000
_IPV4_SOURCE: Final = 12  # RFC 791 section 3.1
_IPV6_SOURCE: Final = 8  # RFC 8200 section 3
_KEEP_ALL: Final = 0xFFFFFFFF
_MAX_ADDRESSES: Final = 64

_Instruction = tuple[int, int, int, int]
_KEEP: _Instruction = (_RETURN, 0, 0, _KEEP_ALL)
_DROP: _Instruction = (_RETURN, 0, 0, 0)

_log = logging.getLogger(__name__)

# How many may be open or linger, for the servers and for everybody else each.
LIMIT: Final = 64
# PJ_IOQUEUE_KEY_FREE_DELAY is 500 ms, and the poll that frees a handle comes after it.
LINGER_S: Final = 0.6

_NOBODY: Final[frozenset[str]] = frozenset()


def build_filter(addresses: Iterable[str]) -> bytes:
    """Compile a filter that lets packets from `addresses` pass and drops all others; without any it drops everything.

    Networks, with a length of prefix, count as addresses.

    It looks at the packet's own version, since a socket of IPv6 takes IPv4 packets too.

    Raises:
        ValueError: something is neither address nor network, or there are very many.
    """
    wanted = {ipaddress.ip_network(address if "/" in address else canonical(address)) for address in addresses}
    if len(wanted) > _MAX_ADDRESSES:
        raise ValueError(f"A source filter takes at most {_MAX_ADDRESSES} addresses, not {len(wanted)}.")
    version_6: list[_Instruction] = []
    version_4: list[_Instruction] = []
    for network in wanted:
        if network.version == 4:  # noqa: PLR2004 (the version's own number)
            version_4 += _compare(network, _IPV4_SOURCE)
        else:
            version_6 += _compare(network, _IPV6_SOURCE)
    version_6.append(_DROP)
    version_4.append(_DROP)
    program = [
        (_LOAD_BYTE, 0, 0, _NETWORK_HEADER),
        (_SHIFT_RIGHT, 0, 0, 4),
        (_JUMP_IF_EQUAL, 0, 1, 4),
        # A conditional jump reaches no further than 255 instructions.
        (_JUMP, 0, 0, len(version_6)),
        *version_6,
        *version_4,
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _compare(network: ipaddress.IPv4Network | ipaddress.IPv6Network, source: int) -> list[_Instruction]:
    """Compile the part that keeps what comes from a network, and goes on behind itself otherwise.

    Args:
        network: which.
        source: where the packet's source stands, from the network header on.
    """
    layout = f"!{network.max_prefixlen // 32}I"
    first = struct.unpack(layout, network.network_address.packed)
    masks = struct.unpack(layout, network.netmask.packed)
    instructions = [_KEEP]
    for position, (word, mask) in reversed([*enumerate(zip(first, masks, strict=True))]):
        if mask:
            instructions = [
                (_LOAD_WORD, 0, 0, _NETWORK_HEADER + source + 4 * position),
                (_AND, 0, 0, mask),
                (_JUMP_IF_EQUAL, 0, len(instructions), word),
                *instructions,
            ]
    return instructions


def attach(port: int, kind: socket.SocketKind, addresses: Iterable[str]) -> int:
    """Put the filter on this process's sockets that are bound to `port`, replacing an earlier one.

    Only unconnected ones: a connection of our own making to the server needs no filter.

    Returns:
        How many sockets have it now.

    Raises:
        OSError: the kernel refuses.
        ValueError: as `build_filter`.
    """
    program = build_filter(addresses)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HL", len(program) // 8, ctypes.addressof(buffer))
    count = 0
    for candidate in _own_sockets(port, kind):
        if _peer_of(candidate) is None:
            candidate.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
            count += 1
    return count


def detach(port: int, kind: socket.SocketKind) -> None:
    """Take the filter off this process's unconnected sockets that are bound to `port`."""
    for candidate in _own_sockets(port, kind):
        if _peer_of(candidate) is None:
            # ENOENT: it has none.
            with contextlib.suppress(FileNotFoundError):
                candidate.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def accepted_connections(port: int) -> dict[int, str]:
    """Return the connections that this process's listener at `port` has accepted and not closed.

    Returns:
        The peer's address by the socket's inode; empty where the peer has reset the connection.
    """
    accepted = {}
    for candidate in _own_sockets(port, socket.SOCK_STREAM):
        if not candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            peer = _peer_of(candidate)
            accepted[os.fstat(candidate.fileno()).st_ino] = canonical(peer) if peer else ""
    return accepted


def connections_made() -> int:
    """Return how many TCP connections this process has made, or is making, itself: all that it has not accepted."""
    listening, others = set(), []
    for candidate in _own_sockets(None, socket.SOCK_STREAM):
        port = candidate.getsockname()[1]
        if candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listening.add(port)
        elif port:
            others.append(port)
    return sum(port not in listening for port in others)


def _own_sockets(port: int | None, kind: socket.SocketKind) -> Iterator[socket.socket]:
    """Yield this process's IP sockets of a kind, at one port or all, as duplicates that are closed again."""
    for entry in Path("/proc/self/fd").iterdir():
        # Other threads close sockets meanwhile.
        try:
            if not str(entry.readlink()).startswith("socket:"):
                continue
            candidate = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue
        with candidate:
            if candidate.family not in {socket.AF_INET, socket.AF_INET6} or candidate.type != kind:
                continue
            if port is None or candidate.getsockname()[1] == port:
                yield candidate


def _peer_of(candidate: socket.socket) -> str | None:
    try:
        return str(candidate.getpeername()[0])
    except OSError:
        return None


class ConnectionLimit:
    """Watches over the connections that others make to us; lives on the `sip` thread."""

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        answer_anyone: bool,
        limit: int = LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up without touching a socket.

        Args:
            scheduler: the thread's timers.
            answer_anyone: let others than the servers connect.
            limit: how many may be open or linger, for the servers and for everybody else each.
            clock: seconds, monotonic.
        """
        self._limit = limit
        self._scheduler = scheduler
        self._answer_anyone = answer_anyone
        self._clock = clock
        self._ports: frozenset[int] = frozenset()
        self._servers = _NOBODY
        self._admitted: frozenset[str] | None = None
        self._connections: dict[int, str] = {}
        self._again: Appointment | None = None
        # When those that are gone have let go of their handles, with the address that they came from.
        self._lingering: list[tuple[float, str]] = []

    def guard(self, ports: Iterable[int], servers: Iterable[str]) -> bool:
        """Let these servers connect to the listeners at these ports.

        Returns:
            whether the kernel keeps others out.
        """
        self._ports = frozenset(ports)
        self._servers = frozenset(canonical(address) for address in servers)
        return self._admit(self._wanted())

    def connections_changed(self) -> None:
        """Count again; called whenever a connection has been accepted or has ended."""
        wanted = self._wanted()
        if wanted != self._admitted:
            self._admit(wanted)
            if wanted != self._usual:
                _log.warning("Too many connections are open to the SIP port; new ones wait.")
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._lingering or wanted != self._usual:
            self._again = self._scheduler.after(LINGER_S, self.connections_changed)

    @property
    def _usual(self) -> frozenset[str] | None:
        return None if self._answer_anyone else self._servers

    def _wanted(self) -> frozenset[str] | None:
        """Return who may connect now, None for everybody."""
        now = self._clock()
        known, self._connections = self._connections, {}
        for port in self._ports:
            for connection, source in accepted_connections(port).items():
                # A connection that the peer has reset is open until the library lets go of it, but nobody's.
                self._connections[connection] = source or known.get(connection, "")
        ended = [source for connection, source in known.items() if connection not in self._connections]
        self._lingering = [(until, source) for until, source in self._lingering if until > now]
        self._lingering += [(now + LINGER_S, source) for source in ended]
        sources = [*self._connections.values(), *(source for _, source in self._lingering)]
        unknown = sources.count("")
        of_servers = sum(source in self._servers for source in sources)
        of_strangers = len(sources) - of_servers - unknown
        if of_servers + unknown >= self._limit:
            return _NOBODY
        if of_strangers + unknown >= self._limit:
            return self._servers
        return self._usual

    def _admit(self, addresses: frozenset[str] | None) -> bool:
        self._admitted = addresses
        try:
            for port in self._ports:
                if addresses is None:
                    detach(port, socket.SOCK_STREAM)
                else:
                    attach(port, socket.SOCK_STREAM, addresses)
        except (OSError, ValueError) as error:
            _log.warning("The kernel takes no filter for SIP (%s); strangers are turned away later.", error)
            return False
        return addresses is not None
