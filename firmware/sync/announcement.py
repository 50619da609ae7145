"""Tells dashboards of the handset where the broker lets it, and leaves it where that costs the connection."""

import logging
from typing import Final, Protocol

from mqtt.problems import BrokerError, MessageRefusedError

_log = logging.getLogger(__name__)

_MOST_LOSSES: Final = 2
"""A connection may be lost at any moment; twice at this one it is what the broker thinks of the topic."""


class Connection(Protocol):
    """What of a connection this needs."""

    async def announce(self) -> None: ...


class Announcement:
    """What one broker makes of it. Whoever is refused tries again with the next connection and says so once.

    The topic lies outside the handset's own, so that an access list may well not have it. Some brokers can be told to
    hang up on whoever publishes where it may not (EMQX: `deny_action = disconnect`): call records matter more.
    """

    def __init__(self) -> None:
        self._losses = 0
        self._has_said = False

    async def make(self, connection: Connection) -> None:
        """Announce the handset, or take the announcement back.

        Raises:
            BrokerError: the connection is lost.
        """
        if self._losses == _MOST_LOSSES:
            return
        try:
            await connection.announce()
        except MessageRefusedError:
            self._say_once("The broker does not take what Home Assistant finds this handset by")
        except BrokerError:
            self._losses += 1
            if self._losses == _MOST_LOSSES:
                self._say_once("The broker hangs up when it is told what Home Assistant finds this handset by")
            raise
        self._losses = 0

    def _say_once(self, what: str) -> None:
        if not self._has_said:
            _log.info("%s. Allow it homeassistant/device/<device>/config, or set [sync] discovery to false.", what)
            self._has_said = True
