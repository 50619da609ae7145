"""The socket at which the handset waits for voice, and the one voice that it speaks with."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from firmware.base.peer import hand_to_group, peer_of
from firmware.voice import channel
from firmware.voice.channel import ClosedError, RefusedError
from firmware.voice.kept_line import GROUP, Door
from firmware.voice.messages import News, Order, decode_news, encode
from firmware.voice.news_gate import Bucket

_log = logging.getLogger(__name__)

REPLACE_NAME: Final = "replace-voice"
"""Appears in the runtime folder where root is to end voice (systemd/wecall-voice-replace.path)."""

_HELLO_S: Final = 0.5
# Whatever voice says, and however fast, four fifths of the main thread's time are others'.
_TURN_S: Final = 0.01
_PAUSE_S: Final = 0.04
_KNOCK_S: Final = 0.1
_LATE_S: Final = 5.0
# One that is replaced may come again before it is ended; its number is another's in the end.
_REFUSED_S: Final = 10.0


class Link:
    """Lets one voice in at a time, hears it for a moment at a time, and has it ended where that is wanted.

    Every method belongs to the main thread.

    Attributes:
        pid: which process voice is, by the kernel's word; None where there is none.
    """

    def __init__(self, runtime_dir: Path, hear: Callable[[News], None], when_lost: Callable[[], None]) -> None:
        """Set up without listening.

        Args:
            runtime_dir: where the socket goes.
            hear: hears what voice says.
            when_lost: hears that it has gone, or was sent away.
        """
        self._runtime_dir = runtime_dir
        self._hear = hear
        self._when_lost = when_lost
        # Each that comes and goes leaves some lines in the log.
        self._arrivals = Bucket(10, 0.5)
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None
        self.pid: int | None = None
        self._uid = 0
        self._refused_pid: int | None = None
        self._refused_s = 0.0
        self._turn_ends_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._when_there: Callable[[], None] = lambda: None

    @property
    def is_there(self) -> bool:
        """Whether a voice is connected."""
        return self._connection is not None

    def listen(self, patience_s: float, is_greeted: Callable[[], bool]) -> None:
        """Listen, and hear a voice that is there within so long until it has said who it is; without a main loop."""
        listener = self._listener = self._open()
        if listener is None:
            return
        listener.settimeout(patience_s)
        with suppress(OSError):
            self._accept()
            if self._connection is not None:
                self._connection.settimeout(_HELLO_S)
                while not is_greeted() and self._connection is not None:
                    self._read_one(self._connection)
        listener.setblocking(False)

    def _open(self) -> socket.socket | None:
        path = self._runtime_dir / channel.SOCKET_NAME
        try:
            listener = channel.listen(path)
        except OSError as error:
            _log.error("The handset cannot listen for voice on %s: %s", path, error.strerror)
            return None
        hand_to_group(path, GROUP)
        listener.listen(2)
        return listener

    def _open_late(self) -> None:
        """Listen as soon as that can be done, where it could not at the beginning."""
        if self._loop is None:
            return
        if (listener := self._open()) is None:
            self._loop.call_later(_LATE_S, self._open_late)
            return
        self._listener = listener
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def take_over(self, door: Door) -> None:
        """Go on with a socket at which voice was waited for, closed now, and with the voice that came."""
        listener = self._listener = door.listener
        listener.setblocking(False)
        if door.connection is None or door.peer is None:
            return
        self._connection, self.pid, self._uid = door.connection, door.peer.pid, door.peer.uid
        self._read(door.greeting)

    def start(self, when_there: Callable[[], None]) -> None:
        """Go on in the running loop; `when_there` is called for each voice that is there or comes."""
        self._loop, self._when_there = asyncio.get_running_loop(), when_there
        if self._listener is not None:
            self._loop.add_reader(self._listener, self._accept)
        else:
            self._loop.call_later(_LATE_S, self._open_late)
        if (connection := self._connection) is not None:
            connection.setblocking(False)
            when_there()
            self._read_all()
            if self._connection is connection:
                self._loop.add_reader(connection, self._read_all)

    def stop(self) -> None:
        """Let go of voice, and listen no more."""
        self._drop()
        listener, self._listener = self._listener, None
        if listener is not None and self._loop is not None:
            self._loop.remove_reader(listener)
            listener.close()
            with suppress(OSError):
                (self._runtime_dir / channel.SOCKET_NAME).unlink()
        self._loop = None

    def send(self, order: Order, file: int | None = None) -> bool:
        """Give an order, with a file that stays the caller's or without; False where there is no voice."""
        if self._connection is None:
            return False
        try:
            channel.send(self._connection, encode(order), file)
        except ClosedError as error:
            # One that is gone is lost once all that it said has been read.
            if isinstance(error.__cause__, BlockingIOError):
                self.replace("it takes no orders")
            return False
        return True

    def end_turn(self) -> None:
        """Hear the rest of what voice says after a pause, so that others have time."""
        self._turn_ends_s = 0.0

    def replace(self, why: str) -> None:
        """End voice at once; the service manager starts another."""
        pid, uid = self.pid, self._uid
        if pid is None:
            return
        _log.error("Voice is replaced: %s", why)
        self._refused_pid, self._refused_s = pid, time.monotonic()
        # Before its connection ends, so that it does nothing more of its own.
        self._end(pid, uid)
        self._lose()

    def _end(self, pid: int, uid: int) -> None:
        if uid == os.geteuid():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            return
        try:
            (self._runtime_dir / REPLACE_NAME).write_bytes(b"")
        except OSError as error:
            _log.error("Voice cannot be ended: %s", error.strerror)

    def _accept(self) -> None:
        if self._listener is None:
            return
        if self._connection is None and self._loop is not None and not self._arrivals.take():
            self._close_door(self._listener, self._loop)
            return
        try:
            connection, _ = self._listener.accept()
            peer = peer_of(connection)
        except OSError:
            return
        allowed = peer.may_use((self._runtime_dir / channel.SOCKET_NAME).stat().st_gid)
        refused = peer.pid == self._refused_pid and time.monotonic() - self._refused_s < _REFUSED_S
        if not allowed or refused or self._connection is not None:
            connection.close()
            if self._loop is not None:
                self._close_door(self._listener, self._loop)
            return
        self._connection, self.pid, self._uid = connection, peer.pid, peer.uid
        if self._loop is not None:
            connection.setblocking(False)
            self._loop.add_reader(connection, self._read_all)
            self._when_there()

    def _close_door(self, listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """Let who comes wait for a moment: somebody may knock without an end."""
        loop.remove_reader(listener)

        def open_again() -> None:
            if self._listener is listener:
                loop.add_reader(listener, self._accept)

        loop.call_later(_KNOCK_S, open_again)

    def _read_all(self) -> None:
        """Hear what voice says, for a moment; where there is more, after a pause."""
        self._turn_ends_s = time.monotonic() + _TURN_S
        while (connection := self._connection) is not None:
            if time.monotonic() >= self._turn_ends_s:
                self._pause(connection)
                return
            try:
                self._read_one(connection)
            except BlockingIOError:
                return

    def _pause(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(connection)

        def go_on() -> None:
            if self._connection is connection:
                loop.add_reader(connection, self._read_all)

        loop.call_later(_PAUSE_S, go_on)

    def _read_one(self, connection: socket.socket) -> None:
        try:
            data, file = channel.receive(connection)
        except ClosedError:
            self._lose()
        except RefusedError as error:
            self.replace(str(error))
        else:
            channel.close(file)
            self._read(data)

    def _read(self, data: bytes) -> None:
        try:
            news = decode_news(data)
        except RefusedError as error:
            self.replace(str(error))
        else:
            self._hear(news)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self.pid = None
        if connection is not None:
            if self._loop is not None:
                self._loop.remove_reader(connection)
            connection.close()

    def _lose(self) -> None:
        self._drop()
        self._when_lost()
