"""The sync process's end of its socket."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from contract.downlink import DownTopic
from firmware.control import open_files
from firmware.control.client import TIMEOUT_S, ask_for
from firmware.control.requests import (
    Answer,
    ConfigurationRequest,
    ConnectionRequest,
    DoneRequest,
    Empty,
    LineRequest,
    MovedRequest,
    NetworkBundleRequest,
    NextRequest,
    ReceivedRequest,
    Request,
    Role,
)
from firmware.control.sync_answers import Configuration, Line, Messages
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import OutboxKey, OutboxMessage

_A = TypeVar("_A", bound=Answer)

_MOST_KEYS: Final = 1000


class HandsetLink:
    """Asks the handset for what to carry. Every method raises ControlError when the handset does not answer."""

    def __init__(self, runtime_dir: Path) -> None:
        self._runtime_dir = runtime_dir

    async def configuration(self) -> BrokerSettings | None:
        """Return the broker's settings, None where the handset has no broker."""
        return (await self._ask(ConfigurationRequest(), Configuration)).broker

    async def next_messages(self, wait_s: float) -> Sequence[OutboxMessage]:
        """Wait for messages that are due; none if there were none in that time."""
        answer = await self._ask(NextRequest(wait_s=wait_s), Messages, timeout_s=wait_s + TIMEOUT_S)
        return [
            OutboxMessage(OutboxKey(*message.key), message.topic, message.retain, message.payload)
            for message in answer.messages
        ]

    async def done(self, keys: Sequence[OutboxKey]) -> None:
        """Say that the broker has these messages."""
        for first in range(0, len(keys), _MOST_KEYS):
            some = tuple((key.epoch, key.seq) for key in keys[first : first + _MOST_KEYS])
            await self._ask(DoneRequest(keys=some), Empty)

    async def line(self, heard: bool | None, wait_s: float) -> bool | None:
        """Wait until whether an account can call is known and not what was heard last; None if not in that time."""
        answer = await self._ask(LineRequest(heard=heard, wait_s=wait_s), Line, timeout_s=wait_s + TIMEOUT_S)
        return answer.can_call

    async def report(self, state: BrokerState, problem: BrokerProblem) -> None:
        """Say how it stands with the broker."""
        await self._ask(ConnectionRequest(state=state, code=problem), Empty)

    async def moved(self, traffic: Traffic) -> None:
        """Say what went over the network since this was said last."""
        await self._ask(MovedRequest(sent_bytes=traffic.sent_bytes, received_bytes=traffic.received_bytes), Empty)

    async def received(self, topic: DownTopic, document: bytes) -> None:
        """Hand over a message of the broker's."""
        if topic is not DownTopic.BUNDLE:
            request: Request = ReceivedRequest(topic=topic)
        elif document:
            request = NetworkBundleRequest(digest=hashlib.sha256(document).hexdigest())
        else:
            # An empty message is what clears a retained one.
            return
        with open_files.sealed(document) as file:
            await ask_for(Empty, self._runtime_dir, Role.SYNC, request, file=file)

    async def _ask(self, request: Request, answer: type[_A], *, timeout_s: float = TIMEOUT_S) -> _A:
        return await ask_for(answer, self._runtime_dir, Role.SYNC, request, timeout_s=timeout_s)
