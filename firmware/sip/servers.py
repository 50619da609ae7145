"""Where the SIP server is: name resolution that never blocks the `sip` thread."""

import errno
import ipaddress
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from firmware.phone.call import RegistrationFailure


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a host's name stands for: its IPv4 addresses in the resolver's order, or why there are none."""

    addresses: tuple[str, ...] = ()
    failure: RegistrationFailure | None = None


class ServerResolver:
    """Looks one host up, each time on a thread of its own: the system's resolver may take half a minute to fail."""

    def __init__(self, host: str, deliver: Callable[[Callable[[], None]], None]) -> None:
        """Set up without looking anything up.

        Args:
            host: name or address of the server.
            deliver: runs a callable on the `sip` thread.
        """
        self._host = host.strip("[]")
        self._deliver = deliver
        self._waiting: list[Callable[[Resolution], None]] = []

    def resolve(self, done: Callable[[Resolution], None]) -> None:
        """Call `done` on the `sip` thread with the answer; lookups asked for meanwhile share it."""
        if _is_address(self._host):
            done(Resolution(addresses=(self._host,)))
            return
        self._waiting.append(done)
        if len(self._waiting) == 1:
            threading.Thread(target=self._look_up, name="resolver", daemon=True).start()

    def _look_up(self) -> None:
        resolution = look_up(self._host)
        self._deliver(lambda: self._answer(resolution))

    def _answer(self, resolution: Resolution) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(resolution)


def look_up(host: str) -> Resolution:
    """Ask the system for a host's IPv4 addresses; blocks."""
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        failure = RegistrationFailure.SERVER_NOT_FOUND if has_route() else RegistrationFailure.NO_NETWORK
        return Resolution(failure=failure)
    return Resolution(addresses=tuple(dict.fromkeys(str(address[4][0]) for address in found)))


def has_route() -> bool:
    """Say whether this machine knows a way to other networks; sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # 192.0.2.1 is nobody's (RFC 5737); connecting a datagram socket only asks the routing table.
            probe.connect(("192.0.2.1", 9))
        except OSError as error:
            return error.errno not in {errno.ENETUNREACH, errno.ENETDOWN}
    return True


def address_towards(server: str) -> str:
    """Return our address on the way to the server, empty where there is no way; sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((server, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
