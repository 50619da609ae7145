"""The moves from mode to mode that more than one mode makes."""

from firmware.phone.call_timers import wanted_timers
from firmware.phone.events import Timer
from firmware.phone.state import PhoneState
from firmware.phone.view import Hint, Mode

NOTICE_S = 3.0
SETTLE_S = 3.0
"""Keys that a person goes on pressing after a call ended or a number was refused are not a new number: the end of
a long one could spell an emergency number."""
MENU_PATIENCE_S = 120.0
"""A menu that nobody touches is left."""
TONE_LIMIT_S = 30.0
"""A handset that stays off is warned for this long, then left in peace."""

_LASTING = frozenset(
    {
        Timer.NOTICE,
        Timer.DIGIT_ROW,
        Timer.EMERGENCY_CALLBACK,
        Timer.AUTO_REDIAL,
        Timer.LIGHT,
        Timer.FLASH,
        Timer.SPEECH,
        Timer.LET_GO,
        Timer.LOCK,
        Timer.RECORDING,
        Timer.BUNDLE,
        Timer.BUNDLE_PATIENCE,
    }
)


def enter(state: PhoneState, mode: Mode) -> None:
    """Change the mode; what belonged to the last one ends."""
    state.mode = mode
    state.auto_answering = False
    for timer in sorted(state.timers - _LASTING - wanted_timers(state).keys()):
        state.cancel_timer(timer)
    state.digits = ""
    state.refused = False
    state.settled = True
    state.tone = None
    state.listening = True
    state.hint = None
    state.notice = None
    state.details_step = 0
    state.sound_shown = False
    state.previewed_ring = ""
    if mode in {Mode.IDLE, Mode.UNPROVISIONED, Mode.COLLECTING_DIGITS, Mode.MENU, Mode.LISTENING}:
        state.call = None


def go_home(state: PhoneState) -> None:
    """Be a phone that nobody uses: a menu that was left for a call or a text message is there again."""
    enter(state, state.home)
    if state.menu.top is not None:
        state.start_timer(Timer.INFO, MENU_PATIENCE_S)
        state.menu.top.open(state)


def show_notice(state: PhoneState, hint: Hint) -> None:
    """Show a hint for a few seconds."""
    state.notice = hint
    state.start_timer(Timer.NOTICE, NOTICE_S)
