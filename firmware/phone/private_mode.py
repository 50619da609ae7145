"""Private mode: every yes that the service does not need is taken back, all at once and by one key."""

from firmware.phone.consent_errands import WithdrawOptional
from firmware.phone.purpose import Actor, Purpose
from firmware.phone.state import PhoneState


def is_private(state: PhoneState) -> bool:
    """Whether nothing but the service is agreed to; it ends with the next yes."""
    consents = state.features.consents
    return consents is not None and consents.granted <= {Purpose.SERVICE}


def begin_private_mode(state: PhoneState) -> bool:
    """Take it all back; False where a guardian is to be asked first, for which the menu has a page."""
    if state.has_guardian:
        return False
    state.emit(WithdrawOptional(Actor.HOLDER))
    return True
