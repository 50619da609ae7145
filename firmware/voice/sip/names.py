"""Answers the SIP library's questions for addresses, so that a slow name server never stops the `sip` thread.

Without this pjsip would call the system's resolver on our thread, for up to half a minute. A route may so name a
server, which TLS verifies the certificate against, while we choose the address (pjsip_endpt_set_ext_resolver in
pjsip/sip_endpoint.h).
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from firmware.voice.sip import native
from firmware.voice.sip.servers import addresses_of, is_address, is_ipv6

_log = logging.getLogger(__name__)

# pjsip/sip_types.h
_RELIABLE: Final = 1
_SECURE: Final = 2
_UDP: Final = 1
_TCP: Final = 2
_TLS: Final = 3
_IPV6: Final = 128
_PORT: Final = 5060
_TLS_PORT: Final = 5061


class Names:
    """Knows the address of each server that an account uses. Lives on the `sip` thread; one a library."""

    def __init__(self, deliver: Callable[[Callable[[], None]], None]) -> None:
        """Set up without telling the library.

        Args:
            deliver: runs a callable on the `sip` thread.
        """
        self._deliver = deliver
        self._known: dict[str, str] = {}
        self._open = False
        # The library keeps a pointer to it.
        self._callback = native.Asked(self._resolve)

    def start(self) -> None:
        """Answer from now on."""
        self._open = True
        native.library().wecall_names_start(self._callback)

    def stop(self) -> None:
        """Drop the questions that are still open: whoever asked them goes with the library."""
        self._open = False

    def point(self, name: str, address: str) -> None:
        """Send what goes to a name to this address."""
        self._known[name.lower()] = address

    def _resolve(  # noqa: PLR0917 - as the library calls it
        self, name: int, length: int, kind: int, flag: int, port: int, token: int, answer: int
    ) -> None:
        # An exception must not reach C frames; ctypes would print it and leave the question open.
        try:
            host = native.text_at(name, length).decode("ascii", "replace")
            kind, port = _transport_and_port(flag, kind, port)
            address = host.strip("[]") if is_address(host) else self._known.get(host.lower())
        except ValueError:
            _log.exception("The SIP stack asked for an address in a way that is not understood.")
            return
        if address is not None:
            _answer(answer, token, address, kind, port)
            return

        def look_up() -> None:
            found = addresses_of(host)
            self._deliver(lambda: self._found(answer, token, found, kind, port))

        threading.Thread(target=look_up, name="resolver", daemon=True).start()

    def _found(self, answer: int, token: int, found: tuple[str, ...], kind: int, port: int) -> None:
        if self._open:
            wanted = [address for address in found if is_ipv6(address) == bool(kind & _IPV6)]
            _answer(answer, token, next(iter([*wanted, *found]), ""), kind, port)


def _transport_and_port(flag: int, kind: int, port: int) -> tuple[int, int]:
    """Complete what the library left open (RFC 3263 section 4.1, without NAPTR)."""
    if kind == 0:
        kind = _TLS if flag & _SECURE else _TCP if flag & _RELIABLE else _UDP
    return kind, port or (_TLS_PORT if kind & ~_IPV6 == _TLS else _PORT)


def _answer(callback: int, token: int, address: str, kind: int, port: int) -> None:
    native.library().wecall_names_answer(callback, token, address.encode(), kind, port)
