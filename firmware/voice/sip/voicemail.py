"""The count of voice messages that a voicemail system sends (RFC 3842)."""

import re

from firmware.phone.news import VoicemailCounted

_VOICE = re.compile(r"^Voice-Message\s*:\s*(\d{1,5})\s*/\s*(\d{1,5})", re.IGNORECASE | re.MULTILINE)
_WAITING = re.compile(r"^Messages-Waiting\s*:\s*(yes|no)\b", re.IGNORECASE | re.MULTILINE)


def voicemail_count(message: str, account: str) -> VoicemailCounted | None:
    """Read a NOTIFY with a message summary; None where it says nothing.

    Some systems only say that there are messages: that counts as one.
    """
    body = re.split(r"\r?\n\r?\n", message, maxsplit=1)[-1]
    voice = _VOICE.search(body)
    if voice:
        return VoicemailCounted(new=int(voice.group(1)), old=int(voice.group(2)), account=account)
    waiting = _WAITING.search(body)
    if waiting is None:
        return None
    return VoicemailCounted(new=1 if waiting.group(1).lower() == "yes" else 0, account=account)
