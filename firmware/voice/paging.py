"""Paging by multicast: hears on the groups that the configuration names, each from its one source (RFC 4607).

Somebody who begins to speak is told of; whether that is heard the phone decides. What the source sends by the thousand
costs little: a packet of each group is read every few milliseconds, and the kernel drops the rest.
"""

import logging
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from firmware.base.heartbeats import Heartbeat
from firmware.base.interfaces import address_towards, canonical, interface_of
from firmware.phone.news import PagingChanged
from firmware.voice.audio.page_sound import PageSound
from firmware.voice.settings import PagingGroup

_log = logging.getLogger(__name__)

_JOIN_S: Final = 5.0
"""So often a group is joined again: its interface may have come, gone or changed."""
_PAUSE_S: Final = 0.005
_SILENT_S: Final = 1.0
"""Whoever sends nothing for so long has stopped speaking."""
_LONGEST_PACKET: Final = 2048
# struct group_source_req of linux/in.h, whose addresses are each a struct sockaddr_storage.
_JOIN_SOURCE_GROUP: Final = 46
_REQUEST: Final = struct.Struct("=I4x128s128s")
_IP_MULTICAST_ALL, _IPV6_MULTICAST_ALL = 49, 29  # linux/in.h, linux/in6.h


class _Ear:
    """One group's socket, which gets what the source sends to the group and nothing else; and who speaks there."""

    def __init__(self, group: PagingGroup) -> None:
        """Open the socket.

        Raises:
            OSError: the port is taken, or the machine does without that version of IP.
        """
        self.group = group
        self.sound: PageSound | None = None
        self.heard_s = 0.0
        self.socket = socket.socket(socket.AF_INET6 if group.is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            level, option = (
                (socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL) if group.is_ipv6 else (socket.IPPROTO_IP, _IP_MULTICAST_ALL)
            )
            # What other programs of this machine have joined is not ours to hear.
            self.socket.setsockopt(level, option, 0)
            self.socket.bind((group.group, group.port))
        except OSError:
            self.socket.close()
            raise

    def join(self) -> None:
        """Join on the interface towards the source; what was joined already stays so."""
        name = interface_of(address_towards(self.group.source))
        level = socket.IPPROTO_IPV6 if self.group.is_ipv6 else socket.IPPROTO_IP
        # There may be no way to the source yet.
        with suppress(OSError):
            places = (_packed(self.group.group), _packed(self.group.source))
            self.socket.setsockopt(level, _JOIN_SOURCE_GROUP, _REQUEST.pack(socket.if_nametoindex(name), *places))

    def hear(self) -> bool:
        """Take in a packet; True where somebody begins to speak with it."""
        with suppress(OSError):
            packet, (sender, *_) = self.socket.recvfrom(_LONGEST_PACKET)
            sound = self.sound or PageSound()
            if canonical(str(sender)) == self.group.source and sound.take(packet):
                begins, self.sound, self.heard_s = self.sound is None, sound, time.monotonic()
                return begins
        return False


class PagingListener:
    """Listens on a thread of its own, where there is anything to listen to."""

    def __init__(
        self, groups: Sequence[PagingGroup], tell: Callable[[PagingChanged], None], heartbeat: Heartbeat
    ) -> None:
        """Open nothing yet.

        Args:
            groups: which.
            tell: takes news, on the listener's thread.
            heartbeat: the thread's sign of life; none where there is nothing to listen to.
        """
        self._groups = tuple(groups)
        self._tell = tell
        self._heartbeat = heartbeat
        self._ears: tuple[_Ear, ...] = ()
        self._thread: threading.Thread | None = None
        self._woken, self._waker = os.pipe2(os.O_CLOEXEC)

    def start(self) -> None:
        """Begin to listen."""
        if self._groups:
            self._ears = tuple(_opened(self._groups))
            self._thread = threading.Thread(target=self._run, name="paging", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._thread is not None:
            os.write(self._waker, b"x")
            self._thread.join(_JOIN_S)
        for ear in self._ears:
            ear.socket.close()

    def sound_of(self, name: str) -> PageSound | None:
        """Return what is said to a group now, None where nobody speaks; from any thread."""
        return next((ear.sound for ear in self._ears if ear.group.name == name), None)

    def _run(self) -> None:
        joined_s = -_JOIN_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for ear in self._ears:
                selector.register(ear.socket, selectors.EVENT_READ, ear)
            while True:
                self._heartbeat()
                if time.monotonic() - joined_s >= _JOIN_S:
                    joined_s = time.monotonic()
                    for ear in self._ears:
                        ear.join()
                speaks = any(ear.sound is not None for ear in self._ears)
                for key, _ in selector.select(_SILENT_S / 4 if speaks else _JOIN_S):
                    if key.data is None:
                        return
                    if key.data.hear():
                        self._tell(PagingChanged(key.data.group.name, speaks=True))
                self._end_those_silent()
                time.sleep(_PAUSE_S)

    def _end_those_silent(self) -> None:
        for ear in self._ears:
            if ear.sound is not None and time.monotonic() - ear.heard_s >= _SILENT_S:
                ear.sound = None
                self._tell(PagingChanged(ear.group.name, speaks=False))


def _opened(groups: Sequence[PagingGroup]) -> list[_Ear]:
    ears = []
    for group in groups:
        try:
            ears.append(_Ear(group))
        except OSError as error:
            _log.error("A paging group's port cannot be opened; nothing is heard of it: %s", error.strerror)
    return ears


def _packed(address: str) -> bytes:
    """Return an address as a struct sockaddr_in or sockaddr_in6, without a port."""
    if ":" in address:
        return struct.pack("=HHI16s", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address))
    return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_pton(socket.AF_INET, address))
