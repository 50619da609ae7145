"""What is said to whoever types another PIN at the command line than the one that counts."""

from contract.consent import Actor, Channel
from firmware.base.errors import ControlError
from firmware.phone.pin import Right
from firmware.store.pin import StoredPin, Verdict
from firmware.store.rights import StoredRequests


async def prove(pin: StoredPin, requests: StoredRequests, typed: str, *, actor: Actor, right: Right, done: str) -> None:
    """Let only whoever has the PIN go on; each one that was looked at and was another stands in the ledger.

    Args:
        pin: the one that counts.
        requests: writes the entry.
        typed: what was typed.
        actor: whose PIN it is.
        right: what it is typed for.
        done: what is not done without it, for the sentence.

    Raises:
        ControlError: it is another one.
    """
    verdict = await pin.check(typed)
    if verdict.accepted:
        return
    if verdict.looked_at:
        await requests.note_check_failed(right, actor=actor, channel=Channel.COMMAND_LINE)
    raise not_the_pin(actor, verdict, done=done)


def not_the_pin(actor: Actor, verdict: Verdict, *, done: str) -> ControlError:
    """Make the error that says that a PIN was another one, that nothing was done, and when to try again."""
    wait = f" The next try is looked at in {verdict.wait_s} s." if verdict.wait_s else ""
    return ControlError(f"That is not the {actor}'s PIN; nothing was {done}.{wait}")
