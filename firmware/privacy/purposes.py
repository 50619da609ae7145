"""What the holder may say yes to. The answer to each is no until it was given."""

from dataclasses import dataclass
from typing import Final

from firmware.phone.purpose import Purpose

POLICY_VERSION: Final = "2024-06-17"
"""The privacy policy that a consent given today refers to."""


NEEDED: Final = frozenset({Purpose.SERVICE})
"""Without a yes to these the phone answers and calls for help, and no more."""


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
    Purpose.SERVICE: PurposeText(
        name="Telephone service",
        covers=(
            "What a call needs: the numbers of both ends and the sound of the call, while it lasts. "
            "Without it the phone answers and calls for help, and no more."
        ),
        recipients="The operator's SIP server and whoever the call is with.",
    ),
    Purpose.RECORDING: PurposeText(
        name="Recording of calls",
        covers=(
            "The sound of a call, from the key that begins a recording to the one that ends it, kept encrypted on this "
            "handset until it is deleted. The other end is told."
        ),
        recipients="Nobody. Recordings leave the handset on a stick that the holder plugs in, and in no other way.",
    ),
    Purpose.CDR_SYNC: PurposeText(
        name="Call records for the operator",
        covers=(
            "For each call begun after you agree: the number, who called, when it started, was answered and ended, "
            "and how it ended. Never what was said, recordings, contacts, notes or keys pressed in a call."
        ),
        recipients="The operator of this handset, through the MQTT broker named in its configuration.",
    ),
    Purpose.CROSS_BORDER_CDR: PurposeText(
        name="Numbers across the border",
        covers=(
            "Where the broker stands in another region than the handset: the numbers in call records as they are. "
            "Without it they leave as pseudonyms that nobody but this handset can tell apart from noise."
        ),
        recipients="The operator of this handset, in the region of its broker.",
    ),
    Purpose.CONTACT_IMPORT: PurposeText(
        name="Import of contacts and pictures",
        covers="Names, numbers and pictures are read from a stick into the encrypted address book of this handset.",
        recipients="Nobody.",
    ),
    Purpose.OPERATOR_NOTICES: PurposeText(
        name="Notices of the operator",
        covers=(
            "News of the operator are shown on the display. That one was shown is told to the operator, by its id. "
            "Notices of a danger to the holder's data are shown in any case."
        ),
        recipients="The operator of this handset.",
    ),
}
