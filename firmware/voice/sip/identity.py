"""Who calls and what they ask for, read from a message's headers: hostile until a server vouches for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from firmware.phone.call import CallerId, Verification
from firmware.voice.sip.mapping import caller_id
from firmware.voice.sip.verification import verification

_MAX_HEADERS: Final = 200
_MAX_ANSWER_AFTER_S: Final = 60
_WITHHELD = CallerId(number="", asserted=True)

# RFC 7462 section 4 and the words that PBXs send (Asterisk, FreeSWITCH, Broadsoft, 3CX).
_RINGS = {
    "internal": re.compile(
        r"urn:alert:source:internal|alert-internal|bellcore-dr2|ring-?2\b|\binternal\b", re.IGNORECASE
    ),
    "external": re.compile(
        r"urn:alert:source:external|alert-external|bellcore-dr3|ring-?3\b|\bexternal\b", re.IGNORECASE
    ),
    "priority": re.compile(
        r"urn:alert:priority:high|alert-(?:group|priority)|bellcore-dr4|ring-?4\b|\b(?:priority|urgent|emergency)\b",
        re.IGNORECASE,
    ),
}
_ANSWER_AFTER = re.compile(r"answer-after\s*=\s*(\d{1,4})", re.IGNORECASE)
_AUTO_ANSWER = re.compile(r"alert-autoanswer|ring-answer|auto-?answer|\bintercom\b", re.IGNORECASE)
# RFC 3326 section 2, and "non-selected user clearing" of ITU-T Q.850, which some PBXs say instead or beside it.
_ELSEWHERE: Final = frozenset({("sip", "cause=200"), ("q.850", "cause=26")})
_CAUSE: Final = re.compile(r"q\.850;(?:.*;)?cause=(\d{1,3})(?:;|$)")
_PRIVATE = frozenset({"id", "user", "header"})


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A SIP message as it came.

    Attributes:
        text: all of it.
        source: the address that it came from, without the port.
    """

    text: str
    source: str


def received(data: Any) -> ReceivedMessage:
    """Copy what pjsua2 holds of a message; the original lives no longer than the callback."""
    host, _, _port = str(data.srcAddress).rpartition(":")
    return ReceivedMessage(str(data.wholeMsg), host.strip("[]"))


def is_answered_elsewhere(message: str) -> bool:
    """Say whether a CANCEL gives as its reason that another phone has answered (RFC 3326)."""
    reasons = (
        ["".join(part.split()).lower() for part in value.split(";")] for value in Headers(message).values("Reason")
    )
    return any((protocol, parameter) in _ELSEWHERE for protocol, *parameters in reasons for parameter in parameters)


def q850_cause(message: str) -> int:
    """Return the cause of ITU-T Q.850 that a response gives as its reason (RFC 3326), 0 where it gives none."""
    reasons = ("".join(value.split()).lower() for value in Headers(message).values("Reason"))
    found = (_CAUSE.match(reason) for reason in reasons)
    return next((int(match[1]) for match in found if match is not None), 0)


class Headers:
    """The headers of one message, by name."""

    def __init__(self, message: str) -> None:
        head = re.split(r"\r?\n\r?\n", message, maxsplit=1)[0]
        # A line that begins with a blank goes on with the one before it (RFC 3261 section 7.3.1).
        lines = re.sub(r"\r?\n[ \t]+", " ", head).splitlines()[1 : _MAX_HEADERS + 1]
        self._lines = [
            (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        ]

    def values(self, name: str) -> Iterator[str]:
        """Go through all values of a header, those that stand on one line too."""
        for own_name, line in self._lines:
            if own_name == name.lower():
                yield from _split(line)

    def first(self, name: str) -> str:
        """Return a header's first value, empty where it is missing."""
        return next(self.values(name), "")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an INVITE says about its caller.

    Attributes:
        caller: who calls.
        ring: which ring is asked for.
        answer_after_s: seconds after which the call is to answer itself, None where it is not.
        diverted_by: who forwarded the call.
    """

    caller: CallerId
    ring: str = "normal"
    answer_after_s: int | None = None
    diverted_by: CallerId | None = None


def read_invitation(message: str, *, trusted: bool) -> Invitation:
    """Read an INVITE.

    Args:
        message: all of it.
        trusted: it came from a server that is believed; of others only the From header counts, as not verified.
    """
    headers = Headers(message)
    caller = caller_id(headers.first("from") or headers.first("f"))
    if not trusted:
        return Invitation(replace(caller, verification=Verification.UNVERIFIED) if caller.number else caller)
    caller = asserted_identity(headers) or caller
    return Invitation(
        replace(caller, verification=_verification(headers, caller)) if caller.number else caller,
        ring=_ring(headers),
        answer_after_s=_answer_after_s(headers),
        diverted_by=_diverted_by(headers),
    )


def asserted_identity(headers: Headers) -> CallerId | None:
    """Return who a trusted server says is at the other end (RFC 3325), None where it does not say."""
    privacy = {word.strip().lower() for value in headers.values("privacy") for word in value.split(";")}
    for value in headers.values("p-asserted-identity"):
        party = caller_id(value)
        if party.number:
            return _WITHHELD if privacy & _PRIVATE else replace(party, asserted=True)
    for value in headers.values("remote-party-id"):
        parameters = value.rpartition(">")[2].lower()
        if "party=called" in parameters:
            continue
        party = caller_id(value)
        if "privacy=full" in parameters or "privacy=uri" in parameters:
            return _WITHHELD
        if party.number:
            return replace(party, asserted=True)
    return None


def _verification(headers: Headers, caller: CallerId) -> Verification | None:
    """Return what the server says of the number that is shown.

    Where it asserts none, From may make the number doubtful and never gives a tick: many a server passes From on as the
    caller has written it.
    """
    named = (value for value in headers.values("p-asserted-identity") if caller_id(value).number == caller.number)
    asserted = next(named, "")
    sender = headers.first("from") or headers.first("f")
    identity = (*headers.values("identity"), *headers.values("y"))
    said = verification(asserted or sender, headers.values("call-info"), identity)
    return said if asserted or said is not Verification.VERIFIED else None


def _ring(headers: Headers) -> str:
    for value in headers.values("alert-info"):
        for ring, pattern in _RINGS.items():
            if pattern.search(value):
                return ring
    return "normal"


def _answer_after_s(headers: Headers) -> int | None:
    """Look for the ways in which a call may ask to be answered without a hand."""
    for name in ("call-info", "alert-info"):
        for value in headers.values(name):
            after = _ANSWER_AFTER.search(value)
            if after:
                return min(int(after.group(1)), _MAX_ANSWER_AFTER_S)
            if name == "alert-info" and _AUTO_ANSWER.search(value):
                return 0
    for name in ("answer-mode", "priv-answer-mode"):  # RFC 5373
        if headers.first(name).split(";")[0].strip().lower() == "auto":
            return 0
    return None


def _diverted_by(headers: Headers) -> CallerId | None:
    # The topmost is the latest (RFC 5806 section 5).
    for value in headers.values("diversion"):
        party = caller_id(value)
        if party.number:
            return party
    # The last entry is this handset, the one before it whoever sent the call on (RFC 7044).
    history = list(headers.values("history-info"))
    if len(history) > 1:
        party = caller_id(history[-2])
        if party.number:
            return party
    return None


def _split(line: str) -> Iterator[str]:
    """Split a header's line at commas that stand outside of quotes and angle brackets."""
    start, quoted, bracketed, escaped = 0, False, False, False
    for position, character in enumerate(line):
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in "<>":
            bracketed = character == "<"
        elif character == "," and not bracketed:
            yield line[start:position].strip()
            start = position + 1
    yield line[start:].strip()
