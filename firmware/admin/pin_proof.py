"""Whose PIN counts at the command line, and what is said to whoever types another."""

from collections.abc import Mapping

from firmware.errors import ControlError
from firmware.phone.purpose import Actor
from firmware.storage.pin import StoredPin, Verdict


async def who_answers(pins: Mapping[Actor, StoredPin]) -> Actor | None:
    """Return whose PIN counts: the guardian's, where there is one; None where nobody has set any."""
    for actor in (Actor.GUARDIAN, Actor.HOLDER):
        if actor in pins and await pins[actor].is_set():
            return actor
    return None


def not_the_pin(actor: Actor, verdict: Verdict, *, done: str) -> ControlError:
    """Make the error that says that a PIN was another one, that nothing was done, and when to try again."""
    wait = f" The next try is looked at in {verdict.wait_s} s." if verdict.wait_s else ""
    return ControlError(f"That is not the {actor}'s PIN; nothing was {done}.{wait}")
