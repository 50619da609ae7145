"""What a phone that is being activated asks about its number; answered by events of `activation_answers`."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReadNumberProof:
    """Read whether the line's number is proved; NumberProofRead follows."""


@dataclass(frozen=True, slots=True)
class RequestCode:
    """Have the operator send a code to the line's number; NumberProofRead follows, and CodeArrived if it comes here."""


@dataclass(frozen=True, slots=True)
class CheckCode:
    """Have the operator compare the code that was typed; NumberProofRead follows."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeaveNumberUnproved:
    """Write down that the number is not proved, because this operator offers no proof."""


ActivationErrand = ReadNumberProof | RequestCode | CheckCode | LeaveNumberUnproved
