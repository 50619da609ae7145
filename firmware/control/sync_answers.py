"""What travels from the handset to the sync process."""

from collections.abc import Mapping
from typing import Any, Literal

from firmware.control.requests import Answer, Key
from firmware.ports.broker import BrokerSettings


class Configuration(Answer):
    """The broker's settings; None where the handset has no broker."""

    broker: BrokerSettings | None


class Message(Answer, kw_only=True):
    """One message as it goes over the socket."""

    key: Key
    topic: str
    qos: Literal[1] = 1
    retain: bool
    payload: Mapping[str, Any]


class Messages(Answer):
    """What is due, oldest first; empty where nothing was during the wait."""

    messages: tuple[Message, ...]


class Line(Answer):
    """Whether an account can call; None where that was still as it was heard, or unknown, at the end of the wait."""

    can_call: bool | None
