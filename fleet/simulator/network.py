"""The network of a simulated handset: the real connection to the broker, which can be cut."""

import asyncio

from firmware.ports.broker import BrokerProblem, BrokerSettings
from firmware.sync.broker import BrokerConnection
from mqtt.connection import OPEN_TIMEOUT_S
from mqtt.problems import BrokerError


class Network:
    """What a handset is connected by.

    An outage closes the socket without a word of MQTT, and no other comes about until it is over. So the broker sees it
    at once and says offline by the last will; in a network that swallows packets it would take it one and a half
    keep-alives.
    """

    def __init__(self, connects: asyncio.Semaphore) -> None:
        """Set up with a way to the broker.

        Args:
            connects: how many of the process's handshakes may be under way: each has a thread, and a fleet that comes
                back at once is more than a computer can do at once.
        """
        self.connects = connects
        self.is_cut = False
        self._connection: _Connection | None = None

    def connect(self, settings: BrokerSettings) -> BrokerConnection:
        """Return a connection that is to be opened."""
        self._connection = _Connection(settings, self)
        return self._connection

    def cut(self) -> None:
        """Let the outage begin."""
        self.is_cut = True
        if self._connection is not None:
            self._connection.lose(BrokerProblem.NO_NETWORK)

    def restore(self) -> None:
        """Let the outage end; the handset comes back when it tries the next time."""
        self.is_cut = False


class _Connection(BrokerConnection):
    def __init__(self, settings: BrokerSettings, network: Network) -> None:
        super().__init__(settings)
        self._network = network

    async def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        async with self._network.connects:
            if self._network.is_cut:
                raise BrokerError(BrokerProblem.NO_NETWORK)
            await super().open(timeout_s)
