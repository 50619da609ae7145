"""`python -m firmware.setup.root.media`: lets through the audio of whom a running call names, as wecall-media.service.

Voice says an address, as text, over a socket of its own; the kernel's rules judge it (systemd/wecall.nft) and forget it
when it has not been said again for a while. So nobody has to be told that a call, or voice, has ended.
"""

import ipaddress
import logging
import pwd
import selectors
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from typing import Final

import systemd.daemon

from firmware.base.media_door import KEPT_S, LONGEST, NO, YES

_VOICE: Final = "wecall-voice"
_PEER: Final = struct.Struct("3i")  # struct ucred in unix(7)
_MOST_CALLERS: Final = 8
# Each costs a program's start: calls that begin and go on need a few.
_PER_S, _AT_ONCE = 5.0, 40.0

_log = logging.getLogger(__name__)


def main() -> None:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    (descriptor,) = systemd.daemon.listen_fds()
    with socket.socket(fileno=descriptor) as listener:
        systemd.daemon.notify("READY=1")
        Door(listener, pwd.getpwnam(_VOICE).pw_uid, let_through).serve()


def let_through(address: str) -> bool:
    """Have the rules let an address's audio through for KEPT_S from now on; False where they do not take it."""
    version = ipaddress.ip_address(address).version
    element = f"element inet wecall described{version} {{ {address}"
    # Once more begins anew: an element that is there keeps its time.
    rules = f"add {element} }}\ndelete {element} }}\nadd {element} timeout {KEPT_S}s }}\n"
    return subprocess.run(["/usr/sbin/nft", "-f", "-"], input=rules, text=True, check=False).returncode == 0


def said_address(message: bytes) -> str | None:
    """Return the address that a message is, None where it is anything else."""
    try:
        text = message.decode("ascii")
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return text if text == str(address) and "%" not in text else None


class Door:
    """Hears voice, and nobody else."""

    def __init__(
        self,
        listener: socket.socket,
        user: int,
        let: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up.

        Args:
            listener: where voice connects, of kind SOCK_SEQPACKET.
            user: voice's.
            let: lets an address through, and says whether it could.
            clock: seconds, monotonic.
        """
        self._listener = listener
        self._user = user
        self._let = let
        self._clock = clock
        self._tokens, self._filled_at = _AT_ONCE, clock()
        self._callers: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """Answer for ever."""
        while True:
            self.answer_once()

    def answer_once(self) -> None:
        """Wait until somebody connects, says something or leaves, and answer."""
        for key, _ in self._selector.select():
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.fileobj, socket.socket):
                self._hear(key.fileobj)

    def _accept(self) -> None:
        caller, _ = self._listener.accept()
        _, user, _ = _PEER.unpack(caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if user != self._user:
            _log.warning("Somebody else than voice asked for audio to be let through; nothing was.")
            caller.close()
            return
        caller.setblocking(False)
        self._callers.append(caller)
        self._selector.register(caller, selectors.EVENT_READ)
        if len(self._callers) > _MOST_CALLERS:
            # A voice that was started anew has left it.
            self._leave(self._callers[0])

    def _hear(self, caller: socket.socket) -> None:
        try:
            message = caller.recv(LONGEST + 1)
            if message:
                address = said_address(message)
                may = address is not None and self._has_room() and self._let(address)
                caller.send(YES if may else NO)
                return
        except OSError:
            pass
        self._leave(caller)

    def _has_room(self) -> bool:
        now = self._clock()
        self._tokens = min(_AT_ONCE, self._tokens + (now - self._filled_at) * _PER_S)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _leave(self, caller: socket.socket) -> None:
        self._selector.unregister(caller)
        self._callers.remove(caller)
        caller.close()


if __name__ == "__main__":
    main()
