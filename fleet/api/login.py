"""Asks the broker who somebody is, by connecting to it as them."""

import asyncio
import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fleet.errors import FleetError
from mqtt.connection import Connection, Terms
from mqtt.problems import BrokerError
from mqtt.tls import Server

_log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 10
# MQTT 5 section 3.2.2.2: bad user name or password, and not authorized. The others are about this client.
_NOT_LET_IN: Final = frozenset({0x86, 0x87})


@dataclass(frozen=True, slots=True)
class MqttLogin:
    """Connects over TLS with a user and a password, and leaves again.

    Attributes:
        host, port: where the broker takes people without a certificate.
        ca: PEM file with the authorities that sign the broker's certificate.
    """

    host: str
    port: int
    ca: Path

    def __call__(self, user: str, password: str) -> bool:
        """Tell whether the broker lets somebody in; nothing of it is kept.

        Raises:
            FleetError: it cannot be asked.
        """
        try:
            asyncio.run(self._connect(user, password))
        except BrokerError as error:
            if error.code in _NOT_LET_IN:
                return False
            _log.warning("The broker cannot be asked whether it lets somebody in. %s", error)
            raise FleetError(
                "The broker cannot be asked who you are. Try again in a while; `login_port` is its port for people."
            ) from error
        return True

    async def _connect(self, user: str, password: str) -> None:
        server = Server.read(self.host, self.port, _TIMEOUT_S, self.ca)
        async with Connection(server, f"login-{secrets.token_hex(8)}", Terms(login=(user, password))) as connection:
            await connection.open(_TIMEOUT_S)
