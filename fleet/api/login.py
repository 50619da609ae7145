"""Asks the broker who somebody is, by connecting to it as them."""

import logging
import secrets
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from fleet.errors import FleetError

_log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 10
_BAD_USER_OR_PASSWORD: Final = 0x86
_NOT_AUTHORIZED: Final = 0x87


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
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"login-{secrets.token_hex(8)}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        answers: list[ReasonCode] = []

        def keep(_client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
            answers.append(reason)

        client.on_connect = keep
        client.connect_timeout = _TIMEOUT_S
        ends_at = time.monotonic() + _TIMEOUT_S
        try:
            client.tls_set_context(ssl.create_default_context(cafile=str(self.ca)))
            client.username_pw_set(user, password)
            # The keep-alive is also how long paho waits for the other end's part of the TLS handshake.
            client.connect(self.host, self.port, keepalive=_TIMEOUT_S, clean_start=True)
            status = MQTTErrorCode.MQTT_ERR_SUCCESS
            while not answers and status is MQTTErrorCode.MQTT_ERR_SUCCESS and time.monotonic() < ends_at:
                status = client.loop(timeout=0.2)
        except (OSError, ValueError) as error:
            _log.warning("The broker cannot be asked whether it lets somebody in: %s", type(error).__name__)
            raise _unreachable() from error
        finally:
            client.disconnect()
        if not answers:
            raise _unreachable()
        if answers[0].value in {_BAD_USER_OR_PASSWORD, _NOT_AUTHORIZED}:
            return False
        if answers[0].is_failure:
            raise _unreachable()
        return True


def _unreachable() -> FleetError:
    return FleetError(
        "The broker cannot be asked who you are. Try again in a while; `login_port` is its port for people."
    )
