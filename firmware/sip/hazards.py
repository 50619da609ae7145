"""Messages that the SIP library does not survive, found by the fuzzer; the gate drops them before they are handled."""

import re
from typing import Final

_HAZARDS: Final = (
    # An address in brackets with nothing in them: pjsip reads it, and aborts where it writes it (pjsip_url_print in
    # sip_uri.c asserts that there is a host), if only to refuse the request.
    re.compile(rb"(?:sips?:|@)\s*\[\s*\]", re.IGNORECASE),
    # An address in a session's description that is longer than any host: pjlib asserts that none is where it makes a
    # socket's address of it (pj_sockaddr_in_set_str_addr in sock_common.c, PJ_MAX_HOSTNAME). The words before it are
    # never looked at twice (*+), however long a line is.
    re.compile(
        rb"[\r\n][ \t]*(?:c=|a=(?:rtcp|candidate|remote-candidates):)"
        rb"(?:[^ \t\r\n]{0,253}+[ \t])*+[^ \t\r\n]{254}",
        re.IGNORECASE,
    ),
)


def is_hazardous(message: bytes) -> bool:
    """Say whether a message must not be handled, nor answered."""
    return any(hazard.search(message) for hazard in _HAZARDS) or _is_endless_digit(message)


def _is_endless_digit(message: bytes) -> bool:
    """Say whether a digit comes in a body without the end of a line, behind which the library looks (pj_strstr)."""
    head, _, body = message.partition(b"\r\n\r\n")
    return b"\r\n" not in body and b"signal" in body.lower() and b"dtmf-relay" in head.lower()
