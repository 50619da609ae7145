"""The gate that a message passes twice: when it is queued and again when it is handed to sync."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contract.consent import Purpose
from contract.messages import Topic
from firmware.privacy.consent import ConsentState

PURPOSE_OF_TOPIC: Final[dict[Topic, Purpose | None]] = {
    Topic.CDR: Purpose.CDR_SYNC,
    Topic.CONSENT: None,
    Topic.STATUS: None,
    Topic.ERASURE: None,
    Topic.OUTCOME: None,
}
"""Which purpose each topic serves; None for what says nothing about calls, or takes back what was said."""


class Refusal(StrEnum):
    """Why a message may not leave; NOT_ALLOWED: it is not one of the closed messages."""

    LEDGER_BROKEN = "ledger_broken"
    NOT_GRANTED = "not_granted"
    BEGUN_BEFORE_THE_GRANT = "begun_before_the_grant"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True)
class ConsentGate:
    """Decides from the state of consent alone."""

    state: ConsentState

    def refusal(self, topic: Topic, ledger_entries_at_start: int) -> Refusal | None:
        """Say why a message may not leave, None where it may.

        Before and after are counted in ledger entries and not in clock time: a handset without a battery-backed clock
        steps its clock, and a step must not make a call look begun after a grant.

        Args:
            topic: where the message goes.
            ledger_entries_at_start: how many entries the ledger had when the thing reported on (a call) began.
        """
        purpose = PURPOSE_OF_TOPIC[topic]
        if purpose is None:
            return None
        if not self.state.intact:
            return Refusal.LEDGER_BROKEN
        consent = self.state.purposes[purpose]
        if not consent.granted:
            return Refusal.NOT_GRANTED
        if ledger_entries_at_start < consent.entry_number:
            return Refusal.BEGUN_BEFORE_THE_GRANT
        return None
