"""What is said to whoever types another PIN at the command line than the one that counts."""

from firmware.errors import ControlError
from firmware.phone.purpose import Actor
from firmware.storage.pin import Verdict


def not_the_pin(actor: Actor, verdict: Verdict, *, done: str) -> ControlError:
    """Make the error that says that a PIN was another one, that nothing was done, and when to try again."""
    wait = f" The next try is looked at in {verdict.wait_s} s." if verdict.wait_s else ""
    return ControlError(f"That is not the {actor}'s PIN; nothing was {done}.{wait}")
