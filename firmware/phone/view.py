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
        missed_calls: how many nobody has seen.
        muted: the microphone sends silence.
        microphone_open: the microphone's PCM is open; the display must show it.
        volume_percent: set for a moment after a volume key, else None.
        hint: a short word to the person (a key of the screens' language table), empty where there is none.
    """

    mode: Mode
    off_hook: bool = False
    digits: str = ""
    call: CallView | None = None
    registration: RegistrationState = RegistrationState.UNREGISTERED
    registration_failure: RegistrationFailure | None = None
    registration_sip_code: int = 0
    problems: tuple[tuple[Problem, str], ...] = ()
    missed_calls: int = 0
    muted: bool = False
    microphone_open: bool = False
    volume_percent: int | None = None
    hint: str = ""
