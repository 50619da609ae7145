"""What the two ends of a call tell each other about recording it: the attributes and the option tag of RFC 7866."""

import re
from dataclasses import dataclass
from typing import Final

from firmware.phone.recording import RecordingPreference, RecordingSign
from firmware.voice.sip.identity import Headers
from firmware.voice.sip.native import library

RECORD_AWARE: Final = "record-aware"

_ATTRIBUTE = re.compile(r"a=(record|recordpref):[ \t]*([a-z]+)[ \t]*\Z", re.IGNORECASE)
_PREFERENCES: Final = {
    "on": RecordingPreference.WANTED,
    "off": RecordingPreference.UNWANTED,
    "pause": RecordingPreference.PAUSED,
}
_MAX_SDP_LINES: Final = 500


@dataclass(frozen=True, slots=True)
class RecordingSigns:
    """What a session description says about recording; where it says nothing, nothing is recorded nor preferred.

    Attributes:
        records: the end that sent it records what it hears of this one.
        preference: what that end thinks of being recorded.
    """

    records: bool = False
    preference: RecordingPreference = RecordingPreference.NONE


def read_signs(message: str) -> RecordingSigns | None:
    """Return what a message's session description says; None where it has none."""
    body = re.split(r"\r?\n\r?\n", message, maxsplit=1)[-1]
    if not re.search(r"^m=audio\b", body, re.MULTILINE):
        return None
    found: dict[str, str] = {}
    is_audio = True
    for line in body.splitlines()[:_MAX_SDP_LINES]:
        if line.startswith("m="):
            is_audio = line.startswith("m=audio")
        elif is_audio and (match := _ATTRIBUTE.match(line)):
            # What is said of the stream counts over what is said of the session before it (section 6.1.2).
            found[match[1].lower()] = match[2].lower()
    return RecordingSigns(
        records=found.get("record") == "on",
        preference=_PREFERENCES.get(found.get("recordpref", ""), RecordingPreference.NONE),
    )


def is_record_aware(message: str) -> bool:
    """Say whether the sender of a message understands these signs."""
    headers = Headers(message)
    supported = (value for name in ("supported", "k") for value in headers.values(name))
    return RECORD_AWARE in {value.strip().lower() for value in supported}


def put_sign(session: int, sign: RecordingSign) -> None:
    """Add a sign to a session description of ours that is about to be sent: a `pjmedia_sdp_session` at this address.

    pjsua2 would take the description as text, too, but gives none where it is longer than 1024 bytes.
    """
    library().wecall_describe_recording(session, sign.value.encode())
