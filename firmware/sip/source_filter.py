"""A packet filter on our own sockets: what does not come from the servers never reaches the SIP stack.

The kernel drops it (SO_ATTACH_FILTER needs no privilege), so neither a flood nor a malformed packet from elsewhere
costs the process anything, and whoever scans gets no answer at all.
"""

import ctypes
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; the socket module does not name it
# Classic BPF opcodes (linux/bpf_common.h) and where the network header stands for a socket's filter (linux/filter.h).
_LOAD_WORD_ABSOLUTE = 0x20
_JUMP_IF_EQUAL = 0x15
_RETURN = 0x06
_NETWORK_HEADER = 0xFFF00000
_IPV4_SOURCE = 12
_KEEP_ALL = 0xFFFFFFFF
_MAX_ADDRESSES = 64


def build_filter(addresses: Iterable[str]) -> bytes:
    """Compile a filter that lets IPv4 packets from `addresses` pass and drops all others.

    Raises:
        ValueError: something is no IPv4 address, or there are more than a filter's jumps reach.
    """
    wanted = sorted({int(ipaddress.IPv4Address(address)) for address in addresses})
    if len(wanted) > _MAX_ADDRESSES:
        raise ValueError(f"A source filter takes at most {_MAX_ADDRESSES} addresses, not {len(wanted)}.")
    program = [(_LOAD_WORD_ABSOLUTE, 0, 0, _NETWORK_HEADER + _IPV4_SOURCE)]
    program += [
        # On a match jump over the comparisons left and over the drop.
        (_JUMP_IF_EQUAL, len(wanted) - position, 0, address)
        for position, address in enumerate(wanted)
    ]
    program += [(_RETURN, 0, 0, 0), (_RETURN, 0, 0, _KEEP_ALL)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def attach(port: int, kind: socket.SocketKind, addresses: Iterable[str]) -> int:
    """Put the filter on this process's sockets that are bound to `port`, replacing an earlier one.

    Only unconnected ones: a connection of our own making to the server needs no filter.

    Returns:
        How many sockets have it now.

    Raises:
        OSError: the kernel refuses.
    """
    program = build_filter(addresses)
    buffer = ctypes.create_string_buffer(program, len(program))
    count = 0
    for descriptor in _own_sockets():
        with socket.socket(fileno=os.dup(descriptor)) as candidate:
            if candidate.family != socket.AF_INET or candidate.type != kind:
                continue
            if candidate.getsockname()[1] != port or _is_connected(candidate):
                continue
            header = struct.pack("HL", len(program) // 8, ctypes.addressof(buffer))
            candidate.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
            count += 1
    return count


def _own_sockets() -> Iterator[int]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if str(entry.readlink()).startswith("socket:"):
                yield int(entry.name)
        except FileNotFoundError:
            continue


def _is_connected(candidate: socket.socket) -> bool:
    try:
        candidate.getpeername()
    except OSError:
        return False
    return True
