"""Private mode: every yes that the service does not need is taken back, all at once and by one key."""

from firmware.phone.answers import ErrandFailed
from firmware.phone.consent_errands import WithdrawOptional
from firmware.phone.moves import show_notice
from firmware.phone.purpose import Actor, Purpose
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint


def is_private(state: PhoneState) -> bool:
    """Whether nothing but the service is agreed to; it ends with the next yes."""
    consents = state.features.consents
    return consents is not None and consents.granted <= {Purpose.SERVICE}


def begin_private_mode(state: PhoneState) -> bool:
    """Take it all back; False where a guardian is, or may be, to be asked first, for which the menu has a page."""
    if state.has_guardian or not state.knows_its_holder:
        return False
    state.emit(WithdrawOptional(Actor.HOLDER))
    return True


def take_failure(state: PhoneState, failure: ErrandFailed) -> None:
    """Say so where private mode could not be written: whoever asked for it has seen that it is on."""
    if failure.errand == WithdrawOptional.__name__:
        state.features.feature = "private_mode"
        show_notice(state, Hint.FEATURE_IMPOSSIBLE)
    state.menu.take(state, failure)
