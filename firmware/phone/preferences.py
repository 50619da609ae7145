"""What the holder has set on the phone itself; it outlives a restart, in the store."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preferences:
    """The holder's own settings, on top of the configuration's.

    Attributes:
        do_not_disturb: no call rings, but for emergency services that call back.
        forward_always, forward_busy, forward_no_answer: numbers as dialled to send calls to; empty for none.
        reject_anonymous: callers who withhold their number are turned away.
        auto_answer: calls that ask for it are answered by themselves, on the speaker, with a warning tone.
        blocked: numbers that never ring; `*` at the end stands for any digits.
        speed_dials: pairs of a digit key and the number that holding it dials.
    """

    do_not_disturb: bool = False
    forward_always: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    reject_anonymous: bool = False
    auto_answer: bool = False
    blocked: tuple[str, ...] = ()
    speed_dials: tuple[tuple[str, str], ...] = ()
