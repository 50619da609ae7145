"""What the own server says of a caller's number: verified, not verified, likely spam.

Its word is the `verstat` parameter of the number that it asserts (3GPP TS 24.229 section 7.2A.20) and a label in
Call-Info (draft-ietf-sipcore-callinfo-spam-04). An Identity header (RFC 8224) is looked at, and can take a tick away:
its signature is the server's to check, so that alone it proves nothing here. Whatever has none of the known forms says
nothing.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Any, Final

from firmware.phone.call import Verification
from firmware.voice.sip.mapping import uri_in

_VERSTAT: Final = {
    "tn-validation-passed": Verification.VERIFIED,
    # A call that was forwarded fails as a forged one does, so this is no word for spam.
    "tn-validation-failed": Verification.UNVERIFIED,
    "no-tn-validation": Verification.UNVERIFIED,
}
_SPAM: Final = frozenset({"spam", "fraud"})
_LEAST_CONFIDENCE: Final = 50
_NUMBER: Final = re.compile(r"(?:tel:|sips?:)(?P<number>[^;@>\s]*)(?P<parameters>(?:;[^;@>\s]*)*)", re.IGNORECASE)
_PARAMETER: Final = re.compile(
    r";\s*(?P<name>[a-z-]{1,20})\s*=\s*\"?(?P<value>[a-z0-9-]{1,40})\"?\s*(?=;|$)", re.IGNORECASE
)
_PASSPORT: Final = re.compile(r"(?P<header>[\w-]{1,2000})\.(?P<claims>[\w-]{1,8000})\.[\w-]{1,2000}(?=;|$)")
_FULL: Final = "A"
"""The signer knows the caller and that the number is the caller's (RFC 8588 section 4)."""


def verification(asserted: str, call_info: Iterable[str], identity: Iterable[str]) -> Verification | None:
    """Return what a trusted server says of the caller's number; None where it says nothing.

    Args:
        asserted: the value of the header that names the caller.
        call_info: the values of Call-Info.
        identity: the values of Identity.
    """
    if any(map(_is_spam, call_info)):
        return Verification.SPAM
    number, said = _verstat(asserted)
    if said is Verification.VERIFIED and not all(_agrees(value, number) for value in identity):
        return Verification.UNVERIFIED
    return said


def _verstat(asserted: str) -> tuple[str, Verification | None]:
    """Return the asserted number and what is said of it: as a parameter of a tel URI, or of a SIP URI's user part."""
    found = _NUMBER.match(uri_in(asserted))
    if found is None:
        return "", None
    said = [part[len("verstat=") :] for part in found["parameters"].lower().split(";") if part.startswith("verstat=")]
    return _digits(found["number"]), _VERSTAT.get(said[0]) if len(said) == 1 else None


def _is_spam(value: str) -> bool:
    parameters = value.rpartition(">")[2]
    found = {each["name"].lower(): each["value"].lower() for each in _PARAMETER.finditer(parameters)}
    confidence = found.get("confidence", "100")
    return (
        found.get("type") in _SPAM
        and confidence.isascii()
        and confidence.isdigit()
        and _LEAST_CONFIDENCE <= int(confidence) <= 100  # noqa: PLR2004 - per cent
    )


def _agrees(value: str, number: str) -> bool:
    """Whether an Identity header says the same: the signer vouches in full, and for this number.

    One that is no SHAKEN PASSporT (RFC 8588), such as of a diversion, says nothing of that.
    """
    found = _PASSPORT.match(value)
    if found is None:
        return False
    header, claims = _json(found["header"]), _json(found["claims"])
    if header.get("ppt") != "shaken":
        return bool(header)
    origin = claims.get("orig")
    signed = origin.get("tn") if isinstance(origin, dict) else None
    return claims.get("attest") == _FULL and isinstance(signed, str) and _digits(signed) == number != ""


def _json(part: str) -> dict[str, Any]:
    try:
        said = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isascii() and character.isdigit())
