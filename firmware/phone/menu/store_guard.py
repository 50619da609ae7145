"""Having the PIN open the phone's memory: what that protects from, what it costs, and the switch."""

from firmware.base.words import Text, word
from firmware.phone.menu.choices import Choice
from firmware.phone.menu.entry import PinEntry
from firmware.phone.menu.question import Question, RequestNotice
from firmware.phone.menu.switches import on_or_off
from firmware.phone.pin import MIN_DIGITS_FOR_STORE, Guard
from firmware.phone.requests.pin import GuardStore, PinChecked
from firmware.phone.state import PhoneState

_TITLE = word("PIN at start")
_GO_ON = word("Go on")


def guard_row(state: PhoneState) -> Choice:
    """Make the row that switches it."""
    guarded = opens_by_pin(state)
    return Choice(_TITLE, _ask_pin if guarded else _explain, on_or_off(guarded))


def opens_by_pin(state: PhoneState) -> bool:
    """Whether the PIN is asked for after each start before anything that is kept can be seen."""
    return Guard.PIN in (state.features.guards or ())


def stolen_card_rows(state: PhoneState) -> list[Choice]:
    """Say plainly whether a stolen card can be read; nothing while that is not known."""
    guards = state.features.guards
    if guards is None:
        return []
    return [Choice(word("A stolen card"), None, word("can't be read") if guards else word("can be read"))]


def _explain(state: PhoneState) -> None:
    text = word("Who forgets the PIN loses all. It is asked for at each start. A stolen card cannot be read then.")
    state.menu.push(state, Question(_TITLE, text, _GO_ON, _ask_pin))


def _ask_pin(state: PhoneState) -> None:
    guarded = not opens_by_pin(state)

    def accept(state: PhoneState, pin: str) -> Text | None:
        if guarded and len(pin) < MIN_DIGITS_FOR_STORE:
            return word("Set a longer PIN first: 6 to 8 digits.")
        state.menu.push(state, RequestNotice(_TITLE, GuardStore(pin, guarded), _say))
        return None

    state.menu.push(state, PinEntry(word("PIN"), accept))


def _say(state: PhoneState, checked: PinChecked) -> Text:
    if not checked.accepted:
        return wrong_pin(checked.wait_s)
    now_on = word("Nothing opens without the PIN now.")
    return now_on if opens_by_pin(state) else word("The memory opens by itself now.")


def wrong_pin(wait_s: int) -> Text:
    """Say that it was not the PIN, and how long the next one has to wait."""
    return word("Wrong PIN. Wait {s} s.", s=wait_s) if wait_s else word("Wrong PIN.")
