"""A phone asks by itself what is to be chosen, while nobody uses it, and keeps nobody from a call.

First of all where it stands, where nobody has said it; then, of a new phone, all that its holder is to choose.
"""

from firmware.phone.events import Event, KeyHeld, KeyPressed, KeyRepeated, Timer
from firmware.phone.menu.country import CountryPage
from firmware.phone.menu.first_run import reached_step
from firmware.phone.modes.menu import open_menu
from firmware.phone.set_up import SetUp
from firmware.phone.state import PhoneState
from firmware.phone.view import Mode

UNTOUCHED_S = 30.0
"""Whoever has left the first run by a key has the idle page until no key was pressed for so long."""

_KEYS = (KeyPressed, KeyRepeated, KeyHeld)


def keep_first_run(state: PhoneState, event: Event) -> None:
    """Ask for the country or open the first run, at the step that was reached, once the phone is left to itself."""
    if not _is_due(state):
        state.cancel_timer(Timer.FIRST_RUN)
    elif isinstance(event, _KEYS):
        state.start_timer(Timer.FIRST_RUN, UNTOUCHED_S)
    elif Timer.FIRST_RUN not in state.timers:
        open_menu(state, CountryPage(state) if _lacks_country(state) else reached_step(state))


def _is_due(state: PhoneState) -> bool:
    # A menu would put off a busy number that is being tried again.
    in_use = state.engaged or state.calls or state.locked or state.features.auto_redial is not None
    return _is_to_be_asked(state) and state.mode is Mode.IDLE and not in_use


def _lacks_country(state: PhoneState) -> bool:
    return state.settings.chosen_country == ""


def _is_to_be_asked(state: PhoneState) -> bool:
    """Whether the phone is new, or of a firmware that did not ask all of it, or does not know where it stands.

    Whoever has declined the service is not asked again by itself: the menu does, when they want it.
    """
    features = state.features
    if features.set_up is None:
        return False
    never_activated = not state.is_activated and features.consents is not None and not features.consents.age_band
    return features.set_up is SetUp.NEW or never_activated or _lacks_country(state)
