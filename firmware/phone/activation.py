"""What the holder of a new phone declares, and what the phone remembers while it is being activated."""

from dataclasses import dataclass, field
from enum import StrEnum

from contract.consent import Actor


class AgeBand(StrEnum):
    """How old the holder is, as far as it matters; no more than the band is ever asked for or kept."""

    UNDER_14 = "under_14"
    FROM_14_TO_17 = "14_to_17"
    ADULT = "adult"


@dataclass(slots=True)
class Activation:
    """How far a run through the first questions has come; what was answered is in the store.

    Attributes:
        age_band: what was declared in this run, None until then.
        holder_is_here: the holder's PIN was typed or set in this run.
        guardian_is_here: the guardian's was.
        code_message: what the operator's message with a code says, where it has come to this phone.
    """

    age_band: AgeBand | None = None
    holder_is_here: bool = False
    guardian_is_here: bool = False
    code_message: str = field(default="", repr=False)

    @property
    def actor(self) -> Actor:
        """Who answers in this run."""
        return Actor.GUARDIAN if self.age_band is AgeBand.UNDER_14 else Actor.HOLDER
