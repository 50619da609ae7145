"""What each state, reason and decision is called in words; the catalogues translate them."""

from collections.abc import Mapping
from typing import Final

from contract.calls import DisconnectReason
from firmware.base.words import Text, Word, word
from firmware.phone.call import (
    AudioTrouble,
    Decision,
    RegistrationFailure,
    RegistrationState,
    TransferState,
    Verification,
)
from firmware.phone.dial_plan import Objection
from firmware.phone.news import Problem, Watched
from firmware.phone.view import Hint

UNKNOWN_CALLER: Final = word("Number withheld")

HINTS: Final[Mapping[Hint, Word]] = {
    Hint.LIFT_HANDSET: word("Lift the handset"),
    Hint.REPLACE_HANDSET: word("Please hang up"),
    Hint.HANDSET_IS_OFF: word("The handset is off. Please hang up."),
    Hint.NUMBER_IMPOSSIBLE: word("No such number. Press CANCEL."),
    Hint.NUMBER_INCOMPLETE: word("Number too short. Press CANCEL."),
    Hint.EMERGENCY_NUMBER: word("Emergency call"),
    Hint.NOTHING_TO_REDIAL: word("Nothing dialled before"),
    Hint.RINGER_SILENCED: word("Ringer silenced"),
    Hint.CANNOT_CALL: word("Cannot call. Use another phone."),
    Hint.NO_SIP_LIBRARY: word("No SIP library. Use another phone."),
    Hint.EMERGENCY_ONLY: word("Emergency calls only"),
    Hint.SET_UP_FIRST: word("Set the phone up first"),
    Hint.NUMBER_BARRED: word("This number is barred here."),
    Hint.NO_SPEED_DIAL: word("No number behind this key"),
    Hint.NO_VOICEMAIL: word("No voicemail on this line"),
    Hint.FEATURE_ON: word("On"),
    Hint.FEATURE_OFF: word("Off"),
    Hint.FEATURE_IMPOSSIBLE: word("Not possible"),
    Hint.CALL_WAITING: word("OK answers it"),
    Hint.CALL_ON_HOLD: word("HOLD: go back"),
    Hint.TOO_MANY_CALLS: word("Too many calls. End one first."),
    Hint.TRANSFER_TO_WHOM: word("Transfer to:"),
    Hint.TRANSFER_FAILED: word("Transfer failed. You are back."),
    Hint.REDIALLING: word("Trying again…"),
    Hint.PRESS_REDIAL_TO_KEEP_TRYING: word("REDIAL: keep trying"),
    Hint.MESSAGE_SENT: word("Message sent"),
    Hint.MESSAGE_FAILED: word("Message not sent"),
    Hint.MESSAGE_RECEIVED: word("New message"),
    Hint.NO_LOUDSPEAKER: word("No loudspeaker in this phone"),
    Hint.RECORD_AGAIN: word("OK again: record"),
    Hint.RECORDING_NOT_ALLOWED: word("Recording is off. MENU, Privacy."),
    Hint.RECORDING_UNWANTED: word("They want no recording."),
    Hint.RECORDING_EMERGENCY: word("Emergency calls are not recorded."),
    Hint.RECORDING_LOCKED: word("Locked: not recorded"),
    Hint.RECORDING_ON_HOLD: word("On hold: not recorded"),
    Hint.RECORDING_ENDED: word("Recording ended"),
    Hint.RECORDING_WITHDRAWN: word("Recording is now off."),
    Hint.RECORDING_DISK_FULL: word("No room to record. The call goes on."),
    Hint.RECORDING_FAILED: word("Not recorded. The call goes on."),
    Hint.RECORDINGS_TRIMMED: word("Oldest recordings made room."),
    Hint.CONTACT_SAVED: word("Saved"),
    Hint.SET_UP_WAITS: word("Set-up waits for this call."),
    Hint.ALL_SET: word("All set. Lift and dial."),
}

PROBLEMS: Final[Mapping[Problem, Word]] = {
    Problem.CONFIGURATION: word("Set-up mistakes. The old one runs."),
    Problem.SOUND_MISSING: word("No sound. Check the sound card."),
    Problem.DEVICE_BROKEN: word("A part does not work. Ask your installer."),
    Problem.STORE_UNREADABLE: word("The phone's memory cannot be read."),
    Problem.STORE_FULL: word("The phone's memory is full."),
    Problem.LEDGER_DAMAGED: word("Your privacy answers are damaged. All count as no."),
    Problem.FILES_LEFT: word("Files cannot be deleted. Ask your installer."),
    Problem.CLOCK_NOT_SET: word("The clock is not set yet."),
    Problem.BROKER_UNREACHABLE: word("Call data cannot be sent right now."),
    Problem.BROKER_REFUSED: word("Call data is refused. Ask your installer."),
    Problem.RECIPIENTS_UNTOLD: word("Nobody confirmed deleting the last holder's data."),
    Problem.SIP_UNAVAILABLE: word("Cannot call. Use another phone."),
    Problem.SIP_LIBRARY_MISSING: word("No SIP library. Use another phone."),
    Problem.VOICE_AWAY: word("The line is starting again."),
    Problem.MICROPHONE_OPEN: word("The microphone is on without a call."),
    Problem.SOUND_CONFINED: word("Some calls are silent. Ask your installer."),
}

TROUBLES: Final[Mapping[AudioTrouble, Word]] = {
    AudioTrouble.BLOCKED: word("Audio blocked"),
    AudioTrouble.NOT_HEARD: word("They hear nothing"),
    AudioTrouble.NOTHING_HEARD: word("We hear nothing"),
}

REASONS: Final[Mapping[DisconnectReason, Word]] = {
    DisconnectReason.LOCAL_HANGUP: word("You hung up"),
    DisconnectReason.REMOTE_HANGUP: word("They hung up"),
    DisconnectReason.CANCELLED: word("Call cancelled"),
    DisconnectReason.NO_ANSWER: word("No answer"),
    DisconnectReason.BUSY: word("Busy"),
    DisconnectReason.REJECTED: word("Call declined"),
    DisconnectReason.NOT_FOUND: word("No such number"),
    DisconnectReason.UNREACHABLE: word("Not reachable"),
    DisconnectReason.NOT_ALLOWED: word("This call is not allowed"),
    DisconnectReason.NO_COMMON_CODEC: word("The phones have no sound in common"),
    DisconnectReason.ENCRYPTION_REQUIRED: word("The line is not encrypted"),
    DisconnectReason.NETWORK_LOST: word("The network was lost"),
    DisconnectReason.SERVER_ERROR: word("The phone service failed"),
    DisconnectReason.INTERRUPTED: word("The call was interrupted"),
    DisconnectReason.FORWARDED: word("Call forwarded"),
    DisconnectReason.TRANSFERRED: word("Call transferred"),
    DisconnectReason.BARRED: word("This number is barred here"),
    DisconnectReason.ANSWERED_ELSEWHERE: word("Answered elsewhere"),
}

NO_SERVICE: Final = word("No phone service.")

REGISTRATION_FAILURES: Final[Mapping[RegistrationFailure, Word]] = {
    RegistrationFailure.WRONG_PASSWORD: word("Wrong password. Ask your installer."),
    RegistrationFailure.ACCOUNT_UNKNOWN: word("Account unknown. Ask your installer."),
    RegistrationFailure.SERVER_NOT_FOUND: word("Server not found. Ask your installer."),
    RegistrationFailure.SERVER_UNREACHABLE: word("No answer from the server. Trying again."),
    RegistrationFailure.CERTIFICATE_REJECTED: word("Server has no valid certificate."),
    RegistrationFailure.NO_NETWORK: word("No network. Check the cable or Wi-Fi."),
    RegistrationFailure.REFUSED: word("The phone service refuses this phone."),
}

REGISTRATIONS: Final[Mapping[RegistrationState, Word]] = {
    RegistrationState.UNREGISTERED: word("not connected"),
    RegistrationState.REGISTERING: word("connecting"),
    RegistrationState.REGISTERED: word("connected"),
    RegistrationState.FAILED: word("no service"),
}

VERIFICATIONS: Final[Mapping[Verification, Word]] = {
    Verification.VERIFIED: word("✓ Verified"),
    Verification.UNVERIFIED: word("Number not verified"),
    Verification.SPAM: word("Likely spam"),
}

DECISIONS: Final[Mapping[Decision, Word]] = {
    Decision.DO_NOT_DISTURB: word("Declined: do not disturb"),
    Decision.BLOCKED: word("Declined: blocked"),
    Decision.NOT_ON_ALLOW_LIST: word("Declined: not allowed"),
    Decision.ANONYMOUS: word("Declined: number withheld"),
    Decision.OUT_OF_HOURS: word("Declined: out of hours"),
    Decision.FORWARDED_ALWAYS: word("Forwarded: all calls are"),
    Decision.FORWARDED_BUSY: word("Forwarded: you were busy"),
    Decision.FORWARDED_NO_ANSWER: word("Forwarded: you did not answer"),
    Decision.PHONE_BUSY: word("Declined: you were busy"),
    Decision.BARRED: word("Not called: the number is barred"),
    Decision.AUTO_ANSWERED: word("Auto-answered"),
    Decision.MESSAGE_TAKEN: word("Asked for a message"),
    Decision.RECORDING_NOT_ALLOWED: word("Not recorded: it is off"),
    Decision.RECORDING_UNWANTED: word("Not recorded: they said no"),
}

TRANSFERS: Final[Mapping[TransferState, Word]] = {
    TransferState.REQUESTED: word("Transferring…"),
    TransferState.RINGING: word("Ringing there…"),
    TransferState.DONE: word("Transferred"),
    TransferState.FAILED: word("Transfer failed"),
}

FEATURES: Final[Mapping[str, Word]] = {
    "do_not_disturb": word("Do not disturb"),
    "forward_always": word("Forward all"),
    "forward_busy": word("Forward busy"),
    "forward_no_answer": word("Fwd no answer"),
    "reject_anonymous": word("Block withheld"),
    "auto_answer": word("Auto-answer"),
    "auto_redial": word("Keep trying"),
    "private_mode": word("Private mode"),
    "block": word("Block caller"),
    "speed_dial": word("Speed dial"),
}
"""What a feature is called, by its name in the configuration."""

OBJECTIONS: Final[Mapping[Objection, Word]] = {
    Objection.IMPOSSIBLE: word("There is no such number."),
    Objection.EMERGENCY: word("Not an emergency number, please."),
    Objection.BARRED: word("This number is barred here."),
    Objection.OWN_NUMBER: word("That is this phone itself."),
}
"""Why calls are not sent to a number."""

WATCHED: Final[Mapping[Watched, tuple[str, Text]]] = {
    Watched.UNKNOWN: ("", ""),
    Watched.FREE: ("°", word("free")),
    Watched.RINGING: ("!", word("rings")),
    Watched.BUSY: ("\N{MULTIPLICATION SIGN}", word("in a call")),
    Watched.OFF: ("-", word("off")),
}
"""How another phone stands: in a letter that every display has, and in words."""

RECORDING_ANNOUNCEMENT: Final = word("This call is being recorded.")
"""What both ends of a call hear, said aloud."""
GREETING: Final = word("Nobody can answer now. Please leave a message after the tone. It is recorded.")
"""What the answering machine says to a caller."""
