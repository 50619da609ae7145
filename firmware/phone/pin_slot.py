"""Whose PIN it is."""

from enum import StrEnum


class PinSlot(StrEnum):
    """HOLDER: opens a locked phone and proves who asks. GUARDIAN: answers for a holder who is under 14."""

    HOLDER = "holder"
    GUARDIAN = "guardian"
