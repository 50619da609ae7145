"""Who is at the other end of a local socket, by the kernel's word, and who may be."""

import grp
import logging
import os
import socket
import struct
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_UCRED: Final = struct.Struct("3i")
# Linux 4.13; the socket module has no name for it (asm-generic/socket.h).
_SO_PEERGROUPS: Final = 59
# The most that socket.getsockopt takes: 256 groups.
_MAX_GROUPS_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Peer:
    """A process at the moment it connected; it may have passed the connection on since."""

    pid: int
    uid: int
    gids: frozenset[int]

    def may_use(self, group_id: int) -> bool:
        """Say whether the file mode of a socket of that group would let this peer in.

        The kernel has checked the mode already; this catches a socket whose mode or group somebody loosened.
        """
        return self.uid in {0, os.geteuid()} or group_id in self.gids


asking: ContextVar[Peer | None] = ContextVar("asking", default=None)
"""Whose request a handler answers; None where nobody asked over a socket."""


def peer_of(connection: socket.socket) -> Peer:
    """Return who connected.

    Raises:
        OSError: the kernel does not say.
    """
    pid, uid, gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_GROUPS_BYTES)
    groups = struct.unpack(f"{len(packed) // struct.calcsize('I')}I", packed)
    return Peer(pid, uid, frozenset((gid, *groups)))


def hand_to_group(path: Path, group: str) -> None:
    """Let a group use a socket, where there is that group and this process is a member."""
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except KeyError:
        _log.info("There is no group %s here, so only this user's own group may use %s.", group, path)
    except PermissionError:
        _log.warning(
            "%s stays with this user's own group, because the handset is not a member of group %s.", path, group
        )
