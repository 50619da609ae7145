"""The process that carries calls and sound, as the rest of the handset sees it."""

from collections.abc import Callable
from typing import Protocol

from firmware.phone.orders import LineOrder, SoundOrder


class Voice(Protocol):
    """Every method returns at once; what follows arrives as events. Sounds are at SOUND_RATE_HZ."""

    def order(self, order: LineOrder | SoundOrder) -> None:
        """Have something done; where voice is away, it hears later what still counts then."""
        ...

    def play(self, sound: bytes, *, in_ear: bool, beside_call: bool = False) -> None:
        """Play a sound once over what is heard, in place of the one before; an empty one is silence.

        In the earpiece or the loudspeaker nothing sounds where it is shut, nor with the microphone open, which may
        hear it, unless somebody wants to hear it `beside_call`. By the ringer nothing sounds over ringing.
        """
        ...

    def announce(self, sound: bytes, when_over: Callable[[bool], None]) -> None:
        """Play a sound once to both ends, over what they hear, in place of the one before.

        Args:
            sound: what is played.
            when_over: is told once whether all of it went out; it does not where the microphone is shut or shuts
                meanwhile. It may be told before this returns.
        """
        ...
