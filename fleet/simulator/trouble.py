"""How calls end: as usual, or as they do where something is broken."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from contract.calls import DisconnectReason


class Ending(NamedTuple):
    """One way in which a call ends.

    Attributes:
        reason, sip_code: as its record says.
        is_answered: whether somebody talked before.
        is_short: whether it is over as soon as somebody does.
        redials: how often the holder dials the same number again at once, 0 to 1.
    """

    reason: DisconnectReason
    sip_code: int
    is_answered: bool = False
    is_short: bool = False
    redials: float = 0.0


_USUAL: Final = {
    Ending(DisconnectReason.LOCAL_HANGUP, 200, is_answered=True): 3730,
    Ending(DisconnectReason.REMOTE_HANGUP, 200, is_answered=True): 3730,
    Ending(DisconnectReason.NETWORK_LOST, 408, is_answered=True, redials=0.5): 30,
    Ending(DisconnectReason.INTERRUPTED, 0, is_answered=True): 10,
    Ending(DisconnectReason.NO_ANSWER, 480): 800,
    Ending(DisconnectReason.CANCELLED, 487): 600,
    Ending(DisconnectReason.BUSY, 486): 500,
    Ending(DisconnectReason.NOT_FOUND, 404): 200,
    Ending(DisconnectReason.REJECTED, 603): 200,
    Ending(DisconnectReason.SERVER_ERROR, 503): 100,
    Ending(DisconnectReason.UNREACHABLE, 0): 100,
}
"""Each with how often, of ten thousand calls."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is broken.

    Attributes:
        devices: the handsets that have it.
        share: how many of their calls end by it, 0 to 1.
        endings: in one of these ways.
        begins_s, ends_s: from when to when, seconds since the epoch.
    """

    devices: frozenset[str]
    share: float
    endings: tuple[Ending, ...]
    begins_s: float = 0.0
    ends_s: float = math.inf

    def strikes(self, device: str, at_s: float, rng: random.Random) -> bool:
        """Tell whether a call of a handset that begins now ends by it."""
        return device in self.devices and self.begins_s <= at_s < self.ends_s and rng.random() < self.share


def broken_place(devices: Sequence[str]) -> Trouble:
    """Handsets at a place whose network is lost in every seventh call."""
    lost = Ending(DisconnectReason.NETWORK_LOST, 408, is_answered=True, redials=0.5)
    return Trouble(frozenset(devices), 0.15, (lost,))


def broken_registrar(devices: Sequence[str], begins_s: float, ends_s: float) -> Trouble:
    """Handsets whose server is out of order for a while."""
    refused, silent = Ending(DisconnectReason.SERVER_ERROR, 503), Ending(DisconnectReason.UNREACHABLE, 408)
    return Trouble(frozenset(devices), 0.7, (refused, refused, silent), begins_s, ends_s)


def broken_handset(device: str) -> Trouble:
    """A handset that stops in the middle of calls, and with which people do not understand each other."""
    stopped = Ending(DisconnectReason.INTERRUPTED, 0, is_answered=True)
    unheard = Ending(DisconnectReason.LOCAL_HANGUP, 200, is_answered=True, is_short=True, redials=0.9)
    return Trouble(frozenset({device}), 0.3, (stopped, unheard))


def draw_ending(device: str, at_s: float, troubles: Sequence[Trouble], rng: random.Random) -> Ending:
    """Draw how a call ends that begins now."""
    for trouble in troubles:
        if trouble.strikes(device, at_s, rng):
            return rng.choice(trouble.endings)
    [ending] = rng.choices(tuple(_USUAL), tuple(_USUAL.values()))
    return ending
