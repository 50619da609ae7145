"""What the holder may say yes to. The answer to each is no until it was given."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

POLICY_VERSION: Final = "2024-06-17"
"""The privacy policy that a consent given today refers to."""


class Purpose(StrEnum):
    """Every reason for which something may leave the handset with the holder's consent."""

    CDR_SYNC = "cdr_sync"


@dataclass(frozen=True, slots=True)
class PurposeText:
    """What the holder is told before answering.

    Attributes:
        name: the purpose in a few words.
        covers: what leaves, and what does not.
        recipients: who gets it.
    """

    name: str
    covers: str
    recipients: str


PURPOSE_TEXTS: Final[dict[Purpose, PurposeText]] = {
    Purpose.CDR_SYNC: PurposeText(
        name="Call records for the operator",
        covers=(
            "For each call begun after you agree: the number, who called, when it started, was answered and ended, "
            "and how it ended. Never what was said, recordings, contacts, notes or keys pressed in a call."
        ),
        recipients="The operator of this handset, through the MQTT broker named in its configuration.",
    ),
}
