"""Status codes and headers of SIP, put into the phone's own words."""

import errno
import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from contract.calls import DisconnectReason
from firmware.phone.call import CallerId, RegistrationFailure, RejectReason

# pjlib numbers the operating system's errors from here (PJ_ERRNO_START_SYS in pj/errno.h).
SYSTEM_ERRORS = 120000
# PJSIP_TLS_ECERTVERIF in pjsip/sip_errno.h.
CERTIFICATE_ERROR = 171173

_NO_STATUS: Final = 700  # RFC 3261 section 21
MAX_NUMBER_LENGTH = 128
MAX_DISPLAY_NAME_LENGTH = 64

_DISCONNECT_REASONS = {
    401: DisconnectReason.NOT_ALLOWED,
    402: DisconnectReason.NOT_ALLOWED,
    403: DisconnectReason.NOT_ALLOWED,
    404: DisconnectReason.NOT_FOUND,
    405: DisconnectReason.NOT_ALLOWED,
    406: DisconnectReason.NO_COMMON_CODEC,
    407: DisconnectReason.NOT_ALLOWED,
    408: DisconnectReason.NO_ANSWER,
    410: DisconnectReason.NOT_FOUND,
    414: DisconnectReason.NOT_FOUND,
    415: DisconnectReason.NO_COMMON_CODEC,
    416: DisconnectReason.NOT_FOUND,
    433: DisconnectReason.NOT_ALLOWED,
    480: DisconnectReason.UNREACHABLE,
    484: DisconnectReason.NOT_FOUND,
    485: DisconnectReason.NOT_FOUND,
    486: DisconnectReason.BUSY,
    487: DisconnectReason.NO_ANSWER,
    488: DisconnectReason.NO_COMMON_CODEC,
    494: DisconnectReason.ENCRYPTION_REQUIRED,
    600: DisconnectReason.BUSY,
    603: DisconnectReason.REJECTED,
    604: DisconnectReason.NOT_FOUND,
    606: DisconnectReason.NO_COMMON_CODEC,
    607: DisconnectReason.REJECTED,
    608: DisconnectReason.REJECTED,
}

# ITU-T Q.850 table 1: networks that have come to an end beyond SIP say there what their status codes say less well.
_CAUSES: Final = {
    1: DisconnectReason.NOT_FOUND,  # unallocated number
    3: DisconnectReason.UNREACHABLE,  # no route to destination: what Asterisk says of a phone that is off
    17: DisconnectReason.BUSY,
    18: DisconnectReason.NO_ANSWER,  # no user responding
    19: DisconnectReason.NO_ANSWER,  # it rang
    20: DisconnectReason.UNREACHABLE,  # subscriber absent
    21: DisconnectReason.REJECTED,
    22: DisconnectReason.NOT_FOUND,  # number changed
    27: DisconnectReason.UNREACHABLE,  # destination out of order
    28: DisconnectReason.NOT_FOUND,  # invalid number format
}
# Those that say no more than that it came to nothing.
_VAGUE: Final = frozenset({403, 404, 408, 480, 500, 502, 503, 603})

REJECT_CODES = {
    RejectReason.BUSY: 486,
    RejectReason.DECLINED: 603,
    RejectReason.NO_ANSWER: 480,
    RejectReason.DO_NOT_DISTURB: 480,
    RejectReason.BLOCKED: 603,
    RejectReason.ANONYMOUS: 433,
    RejectReason.OUT_OF_HOURS: 480,
}


def disconnect_reason(
    sip_code: int, *, from_peer: bool, answered: bool, incoming: bool, encryption_required: bool, cause: int = 0
) -> DisconnectReason:
    """Say why a call that this handset did not end is over.

    Args:
        sip_code: the status code that ended it.
        from_peer: it came over the wire; False where the stack made it up (time-out, transport failure).
        answered: the call was established.
        incoming: the other end began the call.
        encryption_required: this handset would take no unencrypted audio.
        cause: of ITU-T Q.850, which the answer gives as its reason; 0 where it gives none.
    """
    if answered:
        # A BYE ends a call with 200; anything else is the failure of a request within it (RFC 3261 section 12.2.1.2).
        return DisconnectReason.REMOTE_HANGUP if sip_code < 300 else DisconnectReason.NETWORK_LOST  # noqa: PLR2004 - RFC 3261 section 21
    if encryption_required and sip_code in {406, 415, 488, 606}:
        return DisconnectReason.ENCRYPTION_REQUIRED
    if not from_peer and sip_code in {408, 502, 503}:
        return DisconnectReason.UNREACHABLE
    if incoming and sip_code in {0, 200, 487}:
        return DisconnectReason.CANCELLED
    by_cause = _CAUSES.get(cause) if sip_code in _VAGUE else None
    reason = by_cause or _DISCONNECT_REASONS.get(sip_code)
    if reason is not None:
        return reason
    # Nobody declined a request that was malformed, went in circles or needed an extension (RFC 3261 section 21.4).
    return DisconnectReason.SERVER_ERROR


def status_code(code: int) -> int:
    """Return a status code as it is told: 0 for what is none in SIP, though the library takes three digits of any kind.

    The handset ends a voice that says anything else.
    """
    return code if code < _NO_STATUS else 0


def registration_failure(sip_code: int, *, from_server: bool, pj_status: int) -> RegistrationFailure:
    """Say why a registration failed.

    Args:
        sip_code: the final response's code, or the one that the stack made up.
        from_server: the code came over the wire.
        pj_status: the stack's own error, 0 where it has none.
    """
    if not from_server:
        if pj_status == CERTIFICATE_ERROR:
            return RegistrationFailure.CERTIFICATE_REJECTED
        if pj_status - SYSTEM_ERRORS in {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}:
            return RegistrationFailure.NO_NETWORK
        if sip_code in {401, 407}:
            # The stack gives up on a second challenge without asking again (RFC 3261 section 22.1).
            return RegistrationFailure.WRONG_PASSWORD
        return RegistrationFailure.SERVER_UNREACHABLE
    if sip_code in {401, 403, 407}:
        return RegistrationFailure.WRONG_PASSWORD
    if sip_code in {404, 410, 604}:
        return RegistrationFailure.ACCOUNT_UNKNOWN
    return RegistrationFailure.REFUSED


_NAME_ADDR = re.compile(r'^\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^<"]*))\s*<(?P<uri>[^>]*)>')
_URI = re.compile(r"^(?:sips?|tel):(?:(?P<user>[^@]*)@)?(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)


def caller_id(from_header: str) -> CallerId:
    """Read who calls from a From header's value (RFC 3261 section 20.20); it is hostile until proven otherwise."""
    match = _NAME_ADDR.match(from_header)
    quoted, token = match.group("quoted", "token") if match else (None, "")
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else (token or "")
    uri = uri_in(from_header)
    number = _printable(_user_part(uri), MAX_NUMBER_LENGTH)
    if number.lower() in {"anonymous", "unavailable", "restricted"}:
        # RFC 3323 section 4.1: the name of a caller who does not want to be named.
        return CallerId(number="")
    return CallerId(number=number, display_name=_printable(name, MAX_DISPLAY_NAME_LENGTH))


def uri_in(header: str) -> str:
    """Return the URI of a From header's value, or of one like it."""
    match = _NAME_ADDR.match(header)
    return match["uri"] if match else header.strip()


def _user_part(uri: str) -> str:
    match = _URI.match(uri)
    if match is None:
        return ""
    # A tel URI has no "@"; a SIP URI without one has no user part.
    user = match["user"] if match["user"] is not None else match["rest"] if uri[:4].lower() == "tel:" else ""
    # The user part may carry parameters (RFC 3966) and a password (RFC 3261 section 19.1.1).
    return unquote(user.split(";", 1)[0].split(":", 1)[0], errors="replace")


def _printable(text: str, limit: int) -> str:
    # Category C holds control characters and those that turn the writing direction around, which can forge a name.
    kept = "".join(
        " " if character.isspace() else character
        for character in text[: 4 * limit]
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    return " ".join(kept.split())[:limit]
