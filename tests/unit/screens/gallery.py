"""Every page that the display can show, as art that a reviewer can read.

`python -m tests.unit.screens.gallery` draws it anew; look at the difference before committing it.
"""

from pathlib import Path
from typing import Any

from PIL import Image

from firmware.phone.call import (
    CallDirection,
    CallerId,
    CallQuality,
    CallState,
    Decision,
    DisconnectReason,
    RegistrationFailure,
    RegistrationState,
    TextMessage,
    TransferState,
)
from firmware.phone.events import Problem
from firmware.phone.view import CallView, Hint, InfoPage, LineView, Mode, PhoneView, Refusal
from firmware.screens.drawing import render
from firmware.screens.languages import Language
from firmware.screens.pages import page_for

FOLDER = Path(__file__).parent / "gallery"
CLOCK = "12:34"
_ANNA = CallerId("+442012345678", "Anna Schmidt")
_BRAILLE = 0x2800
_BRAILLE_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE_WIDTH_PX, _BRAILLE_HEIGHT_PX = 2, 4


_BOB = CallerId("2345")
_GOOD = CallQuality(0.4, 8.0, 42.0, "G722", True, 4.3)
_POOR = CallQuality(9.5, 60.0, None, "PCMA", False, 2.1)


def _view(mode: Mode, **more: Any) -> PhoneView:
    return PhoneView(mode, **({"registration": RegistrationState.REGISTERED} | more))


def _call(state: CallState, party: CallerId = _ANNA, **more: Any) -> CallView:
    return CallView(state, more.pop("direction", CallDirection.OUTGOING), party, **more)


VIEWS = {
    "idle": _view(Mode.IDLE),
    "idle, registering": _view(Mode.IDLE, registration=RegistrationState.REGISTERING),
    "idle, missed calls": _view(Mode.IDLE, missed_calls=2, missed_party="Anna Schmidt"),
    "idle, wrong password and a full store": _view(
        Mode.IDLE,
        registration=RegistrationState.FAILED,
        registration_failure=RegistrationFailure.WRONG_PASSWORD,
        registration_sip_code=401,
        problems=((Problem.STORE_FULL, ""),),
    ),
    "idle, no sound and many missed calls": _view(Mode.IDLE, problems=((Problem.SOUND_MISSING, ""),), missed_calls=120),
    "details of a refused line": _view(
        Mode.IDLE,
        registration=RegistrationState.FAILED,
        registration_failure=RegistrationFailure.REFUSED,
        registration_sip_code=403,
        details_step=2,
    ),
    "details of a mistake": _view(
        Mode.IDLE,
        problems=((Problem.CONFIGURATION, ""),),
        mistakes=("sip.retry_base_s: Input should be greater than or equal to 0.1.",),
        details_step=2,
    ),
    "not set up": _view(
        Mode.UNPROVISIONED,
        registration=RegistrationState.UNREGISTERED,
        mistakes=("accounts[1].password: is missing.", "device.id: is missing."),
    ),
    "not set up, lifted": _view(
        Mode.UNPROVISIONED, registration=RegistrationState.UNREGISTERED, off_hook=True, hint=Hint.CANNOT_CALL
    ),
    "dial tone": _view(Mode.COLLECTING_DIGITS, off_hook=True),
    "a short number": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="12345"),
    "a number of sixteen digits": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="0044201234567890"),
    "a number that is too long": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="00442012345678901234"),
    "an emergency number": _view(Mode.COLLECTING_DIGITS, digits="112", hint=Hint.EMERGENCY_NUMBER),
    "an impossible number": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="009", hint=Hint.NUMBER_IMPOSSIBLE),
    "a number waiting for the handset": _view(Mode.COLLECTING_DIGITS, digits="2345", hint=Hint.LIFT_HANDSET),
    "calling": _view(Mode.OUTGOING, off_hook=True, call=_call(CallState.DIALING)),
    "ringing at the far end": _view(Mode.OUTGOING, off_hook=True, call=_call(CallState.ALERTING)),
    "emergency call": _view(
        Mode.OUTGOING, off_hook=True, call=_call(CallState.DIALING, CallerId("112"), emergency=True)
    ),
    "emergency call failed": _view(
        Mode.CALL_ENDED,
        off_hook=True,
        call=_call(CallState.DISCONNECTED, CallerId("112"), emergency=True, reason=DisconnectReason.UNREACHABLE),
    ),
    "incoming call": _view(Mode.RINGING, call=_call(CallState.INCOMING, direction=CallDirection.INCOMING)),
    "incoming call, long name": _view(
        Mode.RINGING,
        call=_call(
            CallState.INCOMING,
            CallerId("13912345678"),
            contact_name="欧阳建国办公室电话",
        ),
    ),
    "incoming call, withheld": _view(Mode.RINGING, call=_call(CallState.INCOMING, CallerId(""))),
    "talking": _view(Mode.IN_CALL, off_hook=True, microphone_open=True, call=_call(CallState.ACTIVE, duration_s=3725)),
    "talking, keys sent": _view(
        Mode.IN_CALL,
        off_hook=True,
        microphone_open=True,
        call=_call(CallState.ACTIVE, CallerId("2345"), duration_s=65, dtmf="1234#"),
    ),
    "muted": _view(
        Mode.IN_CALL,
        off_hook=True,
        microphone_open=True,
        muted=True,
        call=_call(CallState.ACTIVE, duration_s=65),
    ),
    "on hold": _view(Mode.IN_CALL, off_hook=True, call=_call(CallState.HELD, duration_s=65)),
    "held by the far end": _view(
        Mode.IN_CALL, off_hook=True, call=_call(CallState.ACTIVE, duration_s=65, held_by_peer=True)
    ),
    "volume of the ringer": _view(Mode.IDLE, volume_percent=70),
    "volume in a call": _view(
        Mode.IN_CALL,
        off_hook=True,
        microphone_open=True,
        volume_percent=30,
        call=_call(CallState.ACTIVE, duration_s=65),
    ),
    "another caller waits": _view(
        Mode.IN_CALL,
        off_hook=True,
        microphone_open=True,
        hint=Hint.CALL_WAITING,
        call=_call(CallState.ACTIVE, duration_s=65, quality=_GOOD),
        other_calls=(_call(CallState.WAITING, _BOB, direction=CallDirection.INCOMING),),
    ),
    "talking, another call is on hold": _view(
        Mode.IN_CALL,
        off_hook=True,
        microphone_open=True,
        call=_call(CallState.ACTIVE, duration_s=65, quality=_POOR),
        other_calls=(_call(CallState.HELD, _BOB),),
    ),
    "conference": _view(
        Mode.IN_CALL,
        off_hook=True,
        microphone_open=True,
        call=_call(CallState.ACTIVE, duration_s=65, in_conference=True),
        other_calls=(_call(CallState.ACTIVE, _BOB, in_conference=True),),
    ),
    "transfer, to whom": _view(
        Mode.COLLECTING_DIGITS, off_hook=True, hint=Hint.TRANSFER_TO_WHOM, other_calls=(_call(CallState.HELD),)
    ),
    "transferring": _view(
        Mode.IN_CALL, off_hook=True, call=_call(CallState.HELD, duration_s=65, transfer=TransferState.REQUESTED)
    ),
    "talking on the speaker, answered by itself": _view(
        Mode.IN_CALL,
        speaker=True,
        call=_call(CallState.INCOMING, direction=CallDirection.INCOMING, decision=Decision.AUTO_ANSWERED),
    ),
    "incoming call, from somewhere": _view(
        Mode.RINGING,
        call=_call(
            CallState.INCOMING, CallerId("+442079460000"), attribution="London", direction=CallDirection.INCOMING
        ),
    ),
    "incoming call, forwarded": _view(
        Mode.RINGING, call=_call(CallState.INCOMING, diverted_by="Front desk", direction=CallDirection.INCOMING)
    ),
    "incoming call on another line": _view(
        Mode.RINGING, call=_call(CallState.INCOMING, _BOB, account="Office", direction=CallDirection.INCOMING)
    ),
    "idle, everything waits": _view(
        Mode.IDLE,
        missed_calls=2,
        missed_party="Anna Schmidt",
        voicemail=3,
        unread_messages=1,
        do_not_disturb=True,
        forwarding="2345",
    ),
    "idle, a call was turned away": _view(
        Mode.IDLE, do_not_disturb=True, refusal=Refusal("Anna Schmidt", Decision.DO_NOT_DISTURB)
    ),
    "idle, trying again": _view(Mode.IDLE, redial_in_s=30),
    "a feature was switched on": _view(Mode.IDLE, hint=Hint.FEATURE_ON, feature="do_not_disturb", do_not_disturb=True),
    "a barred number": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="0900123", hint=Hint.NUMBER_BARRED),
    "menu, a line that works": _view(
        Mode.IDLE,
        info=InfoPage.LINES,
        lines=(LineView("Home", RegistrationState.REGISTERED), LineView("Office", RegistrationState.FAILED)),
    ),
    "menu, a line that does not": _view(
        Mode.IDLE,
        info=InfoPage.LINES,
        info_step=1,
        lines=(
            LineView("Home", RegistrationState.REGISTERED),
            LineView("Office", RegistrationState.FAILED, RegistrationFailure.SERVER_UNREACHABLE, 0, 12),
        ),
    ),
    "menu, how a call sounded": _view(
        Mode.IDLE, info=InfoPage.QUALITY, recent_qualities=(("Anna Schmidt", _GOOD), ("2345", _POOR))
    ),
    "menu, how a bad call sounded": _view(
        Mode.IDLE, info=InfoPage.QUALITY, info_step=1, recent_qualities=(("Anna Schmidt", _GOOD), ("2345", _POOR))
    ),
    "menu, a message": _view(
        Mode.IDLE,
        info=InfoPage.MESSAGES,
        messages=(
            TextMessage("a" * 32, CallDirection.INCOMING, _ANNA, "The meeting is moved to three. 会议改到三点。"),
        ),
    ),
    "menu, a message that was not sent": _view(
        Mode.IDLE,
        info=InfoPage.MESSAGES,
        messages=(TextMessage("a" * 32, CallDirection.OUTGOING, _BOB, "On my way", delivered=False),),
    ),
    "menu, what is switched on": _view(
        Mode.IDLE, info=InfoPage.FEATURES, do_not_disturb=True, forwarding="+442079460000"
    ),
    "writing a message": _view(
        Mode.WRITING, digits="2345", message_text="I am on my way and shall be there in twenty minutes or so"
    ),
    "busy": _view(
        Mode.CALL_ENDED,
        off_hook=True,
        hint=Hint.REPLACE_HANDSET,
        call=_call(CallState.DISCONNECTED, CallerId("2345"), reason=DisconnectReason.BUSY, sip_code=486),
    ),
    "the far end hung up": _view(
        Mode.CALL_ENDED,
        off_hook=True,
        call=_call(CallState.DISCONNECTED, duration_s=65, reason=DisconnectReason.REMOTE_HANGUP),
    ),
}


def braille(image: Image.Image) -> str:
    """Return an image of mode `1` as text, eight pixels a character."""
    rows = []
    for top in range(0, image.height, _BRAILLE_HEIGHT_PX):
        row = ""
        for left in range(0, image.width, _BRAILLE_WIDTH_PX):
            dots = sum(
                bit
                for y, bits in enumerate(_BRAILLE_DOTS)
                for x, bit in enumerate(bits)
                if image.getpixel((left + x, top + y))
            )
            row += chr(_BRAILLE + dots)
        rows.append(row)
    return "\n".join(rows)


def art(language: Language) -> dict[str, str]:
    """Draw every page in one language."""
    return {name: braille(render(page_for(view, language.value, CLOCK))) for name, view in VIEWS.items()}


def read(language: Language) -> dict[str, str]:
    """Read the pages that were approved."""
    sections = (FOLDER / f"{language.value}.txt").read_text(encoding="utf-8").split("\n\n")
    return dict(section.strip("\n").split("\n", 1) for section in sections if section.strip("\n"))


def write() -> None:
    """Approve the pages as they are drawn now."""
    FOLDER.mkdir(exist_ok=True)
    for language in Language:
        text = "\n\n".join(f"{name}\n{drawn}" for name, drawn in art(language).items())
        (FOLDER / f"{language.value}.txt").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
