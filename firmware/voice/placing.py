"""Calls that have to get out, whatever becomes of voice: those that it has not said anything of yet."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState
from firmware.phone.orders import HangUpCall, PlaceCall

if TYPE_CHECKING:
    from firmware.voice.client import VoiceClient

# Voice is back within a second as a rule; who dials meanwhile need not dial again.
_PATIENCE_S: Final = 8.0
_REPEAT_S: Final = 1.0
_IGNORED_S: Final = 5.0
# Longer than names of servers take to be found: nobody waits for help by a voice that only says it is at work.
_NOT_DIALLED_S: Final = 45.0


@dataclass(slots=True)
class _Placement:
    order: PlaceCall
    timer: asyncio.TimerHandle
    asked_s: float
    began_s: float


class Placing:
    """Waits a while for voice with each call, and with one for help for as long as it takes."""

    def __init__(self, client: "VoiceClient", is_emergency: Callable[[str], bool]) -> None:
        """`is_emergency` says whether a URI is that of an emergency number."""
        self._client = client
        self._is_emergency = is_emergency
        self._placements: dict[CallId, _Placement] = {}
        self._emergencies: dict[CallId, PlaceCall] = {}

    def place(self, order: PlaceCall) -> None:
        """Order a call, now and again."""
        if self._is_emergency(order.uri):
            self._emergencies[order.call_id] = order
        self._wait_with(order)
        self._client.send(order)

    def withdraw(self, call_id: CallId) -> bool:
        """Order a call no more; True where voice cannot have heard of it."""
        self._emergencies.pop(call_id, None)
        if (placement := self._placements.pop(call_id, None)) is None:
            return False
        placement.timer.cancel()
        return not self._client.is_ready

    def taken(self, call_id: CallId) -> None:
        """Hear that voice is at work on a call; one for help is ordered again until it is dialled."""
        if (placement := self._placements.get(call_id)) is None:
            return
        if call_id in self._emergencies:
            placement.asked_s = asyncio.get_running_loop().time()
        else:
            placement.timer.cancel()
            del self._placements[call_id]

    def moved(self, call_id: CallId, state: CallState) -> None:
        """Hear how a call goes on."""
        if (placement := self._placements.pop(call_id, None)) is not None:
            placement.timer.cancel()
        if state in {CallState.ACTIVE, CallState.DISCONNECTED}:
            self._emergencies.pop(call_id, None)

    def outlives(self, call_id: CallId) -> bool:
        """Say whether a call goes on without the voice that it had: the next one is to place it."""
        if (order := self._emergencies.get(call_id)) is not None and call_id not in self._placements:
            self._wait_with(order)
        return call_id in self._placements

    def waiting(self) -> Iterator[PlaceCall]:
        """Give the orders that a voice that has just come has to hear."""
        now_s = asyncio.get_running_loop().time()
        for placement in tuple(self._placements.values()):
            placement.asked_s = placement.began_s = now_s
            yield placement.order

    def _wait_with(self, order: PlaceCall) -> None:
        loop = asyncio.get_running_loop()
        if order.call_id in self._emergencies:
            timer = loop.call_later(_REPEAT_S, self._repeat, order.call_id)
        else:
            timer = loop.call_later(_PATIENCE_S, self._give_up, order.call_id)
        self._placements[order.call_id] = _Placement(order, timer, loop.time(), loop.time())

    def _repeat(self, call_id: CallId) -> None:
        """Order an emergency call again until voice says that it dials; one that ignores it is replaced."""
        loop = asyncio.get_running_loop()
        if (placement := self._placements.get(call_id)) is None:
            return
        placement.timer = loop.call_later(_REPEAT_S, self._repeat, call_id)
        now_s = loop.time()
        if not self._client.is_ready:
            placement.asked_s = placement.began_s = now_s
        elif now_s - placement.asked_s > _IGNORED_S or now_s - placement.began_s > _NOT_DIALLED_S:
            placement.asked_s = placement.began_s = now_s
            self._client.replace("it does not dial an emergency call")
        else:
            self._client.send(placement.order)

    def _give_up(self, call_id: CallId) -> None:
        if self._placements.pop(call_id, None) is not None:
            self._client.end(call_id, DisconnectReason.UNREACHABLE)
            # A voice that was busy all the time may still find the order.
            self._client.send(HangUpCall(call_id))
