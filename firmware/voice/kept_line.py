"""The line as it was told last: voice hears it again before the configuration is read, which takes longest of all.

It is a guess. Once the configuration is read voice is told what that says; where it is the same, as nearly always,
voice has been registering meanwhile, and where it is not, voice starts anew with it. So a line may be kept that is out
of date, but none that should be gone: it lies in memory alone, and who starts the handset anew forgets it.
"""

import os
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from firmware.base.peer import Peer, hand_to_group, peer_of
from firmware.voice import channel
from firmware.voice.channel import ClosedError, RefusedError

GROUP: Final = "wecall-voice"
CONFIGURE: Final = b"\x92\xa9Configure\x80"
"""messages.Configure as it travels; what encodes it takes long to load."""

_NAME: Final = "line"
_HELLO_S: Final = 0.5
_STEP_S: Final = 0.02
# Whoever imports lets another thread have a turn after 5 ms, and meeting voice takes ten turns.
_SWITCH_INTERVAL_S: Final = 0.0002


class Door:
    """A socket at which voice is waited for, on a thread, while the rest is loaded; who comes is told the kept line.

    Attributes:
        listener: the socket.
        connection: the voice's, None where none came.
        peer: which process it is.
        greeting: what it said, as it came.
        settings: what it was told, empty where nothing.
    """

    def __init__(self, path: Path, settings: bytes) -> None:
        """Listen.

        Raises:
            OSError: the socket cannot be made.
        """
        self.listener = channel.listen(path)
        hand_to_group(path, GROUP)
        self._group_id = path.stat().st_gid
        self.listener.listen(2)
        self.listener.settimeout(_STEP_S)
        self.connection: socket.socket | None = None
        self.peer: Peer | None = None
        self.greeting = self.settings = b""
        self._is_closing = False
        self._usual_interval_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._waiter = threading.Thread(target=self._wait, args=(settings,), name="door", daemon=True)
        self._waiter.start()

    def close(self) -> None:
        """Wait no more; what came of it holds from here on, and the socket listens still."""
        self._is_closing = True
        self._waiter.join()
        sys.setswitchinterval(self._usual_interval_s)

    def _wait(self, settings: bytes) -> None:
        while not self._is_closing and self.connection is None:
            with suppress(OSError, ClosedError, RefusedError):
                self._meet(self.listener.accept()[0], settings)

    def _meet(self, connection: socket.socket, settings: bytes) -> None:
        try:
            peer = peer_of(connection)
            connection.settimeout(_HELLO_S)
            if peer.may_use(self._group_id):
                greeting, file = channel.receive(connection)
                channel.close(file)
                channel.send_content(connection, CONFIGURE, settings)
                self.peer, self.greeting, self.settings, self.connection = peer, greeting, settings, connection
        finally:
            if self.connection is not connection:
                connection.close()


def open_door(runtime_dir: Path, configuration: Path) -> Door | None:
    """Wait for voice with the line that was kept; None where none was.

    Args:
        runtime_dir: where socket and line are, in memory.
        configuration: the file that the line came from.
    """
    try:
        mark, _, settings = (runtime_dir / _NAME).read_bytes().partition(b"\n")
        return Door(runtime_dir / channel.SOCKET_NAME, settings) if mark == _mark_of(configuration) else None
    except OSError:
        return None


def keep(runtime_dir: Path, configuration: Path, settings: bytes) -> None:
    """Keep a line for the next start."""
    path = runtime_dir / _NAME
    new = path.with_suffix(".new")
    with suppress(OSError):
        new.touch(mode=0o600)
        new.write_bytes(_mark_of(configuration) + b"\n" + settings)
        new.replace(path)


def forget(runtime_dir: Path) -> None:
    """Keep none: the next start is another handset's, or tries another configuration."""
    with suppress(OSError):
        (runtime_dir / _NAME).unlink(missing_ok=True)


def _mark_of(configuration: Path) -> bytes:
    """Return what is another where the file, or the firmware, is another."""
    words = [channel.PROGRAM]
    for path in (Path(__file__), configuration):
        with suppress(OSError):
            status = path.stat()
            words += [os.fspath(path), str(status.st_ino), str(status.st_ctime_ns)]
    return " ".join(words).encode()
