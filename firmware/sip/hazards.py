"""Messages that the SIP library does not survive, found by the fuzzer; the gate drops them before they are handled."""

import re
from typing import Final

_HAZARDS: Final = (
    # An address in brackets with nothing in them: pjsip reads it, and aborts where it writes it (pjsip_url_print in
    # sip_uri.c asserts that there is a host), if only to refuse the request.
    re.compile(rb"(?:sips?:|@)\s*\[\s*\]", re.IGNORECASE),
)


def is_hazardous(message: bytes) -> bool:
    """Say whether a message must not be handled, nor answered."""
    return any(hazard.search(message) for hazard in _HAZARDS)
