"""What the phone knows that a display may show: a frozen copy, handed over with each ShowPage."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.call import (
    CallDirection,
    CallerId,
    CallState,
    DisconnectReason,
    RegistrationFailure,
    RegistrationState,
)
from firmware.phone.events import Problem


class Mode(StrEnum):
    """What the phone as a whole is doing."""

    UNPROVISIONED = "unprovisioned"
    IDLE = "idle"
    COLLECTING_DIGITS = "collecting_digits"
    OUTGOING = "outgoing"
    RINGING = "ringing"
    IN_CALL = "in_call"
    CALL_ENDED = "call_ended"


class Hint(StrEnum):
    """A word to the person about what to do next."""

    LIFT_HANDSET = "lift_handset"
    REPLACE_HANDSET = "replace_handset"
    HANDSET_IS_OFF = "handset_is_off"
    NUMBER_IMPOSSIBLE = "number_impossible"
    NUMBER_INCOMPLETE = "number_incomplete"
    EMERGENCY_NUMBER = "emergency_number"
    NOTHING_TO_REDIAL = "nothing_to_redial"
    RINGER_SILENCED = "ringer_silenced"
    CANNOT_CALL = "cannot_call"
    EMERGENCY_ONLY = "emergency_only"


@dataclass(frozen=True, slots=True)
class CallView:
    """One call as the display shows it.

    Attributes:
        state: where the call is.
        direction: who began it.
        party: the number dialled or the caller's identity.
        contact_name: the address book's name, empty where unknown.
        duration_s: whole seconds since the answer, 0 before it.
        held_by_peer: the far end has put the call on hold.
        dtmf: the digits sent in this call, newest last.
        reason: why it ended, where it has.
        sip_code: the status code that ended it, 0 where there was none.
        emergency: an emergency number was dialled.
    """

    state: CallState
    direction: CallDirection
    party: CallerId
    contact_name: str = ""
    duration_s: int = 0
    held_by_peer: bool = False
    dtmf: str = ""
    reason: DisconnectReason | None = None
    sip_code: int = 0
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class PhoneView:
    """The whole phone as the display shows it.

    Attributes:
        mode: what the phone is doing.
        off_hook: the handset is lifted.
        digits: what has been dialled so far.
        call: the call in the foreground.
        registration: whether the line works.
        registration_failure: why it does not.
        registration_sip_code: the status code behind that, 0 where there was none.
        problems: standing faults, each with its sentence, most important first.
        mistakes: what is wrong with the configuration, each a sentence with its place.
        details_step: how often the person has asked for more about what is wrong; 0 where nobody asks.
        missed_calls: how many nobody has seen.
        missed_party: the newest of them, by name or number; empty where unknown.
        muted: the microphone sends silence.
        microphone_open: the microphone's PCM is open; the display must show it.
        volume_percent: set for a moment after a volume key, else None.
        hint: a word to the person, None where there is none.
    """

    mode: Mode
    off_hook: bool = False
    digits: str = ""
    call: CallView | None = None
    registration: RegistrationState = RegistrationState.UNREGISTERED
    registration_failure: RegistrationFailure | None = None
    registration_sip_code: int = 0
    problems: tuple[tuple[Problem, str], ...] = ()
    mistakes: tuple[str, ...] = ()
    details_step: int = 0
    missed_calls: int = 0
    missed_party: str = ""
    muted: bool = False
    microphone_open: bool = False
    volume_percent: int | None = None
    hint: Hint | None = None
