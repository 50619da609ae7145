"""Bodies of SIP messages: what may reach the SIP library, and how it is written anew before it does.

A list of what is known to be good. Everything else is refused or, where the message cannot be, taken off.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from firmware.voice.sip.dialog_info import read_dialog_info
from firmware.voice.sip.presence import read_presence
from firmware.voice.sip.sdp import AllowDtls, BodyError, Fault, parse_description

_MAX_BYTES: Final = 16 * 1024
_SDP: Final = "application/sdp"
_RELAY: Final = "application/dtmf-relay"
_SUMMARY: Final = "application/simple-message-summary"
_FRAGMENT: Final = "message/sipfrag"
_DIALOG_INFO: Final = "application/dialog-info+xml"
_PRESENCE: Final = "application/pidf+xml"
_DESCRIBING: Final = frozenset({"INVITE", "UPDATE", "PRACK", "ACK"})
_NEVER_REFUSED: Final = frozenset({"ACK", "BYE", "CANCEL"})  # ACK has no answer; the others end what has been let in
_OFFERS: Final = frozenset({"INVITE", "UPDATE"})
_FIRST_REDIRECTION: Final = 300

_BOUNDARY: Final = re.compile(r";\s*boundary\s*=\s*(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))\s*(?:;|$)", re.IGNORECASE)
_MAX_PARTS: Final = 8
_REQUIRED: Final = re.compile(r";\s*handling\s*=\s*\"?required\b", re.IGNORECASE)
FOREIGN_CHARSET: Final = re.compile(r"charset\s*=\s*\"?(?!utf-?8\b|us-ascii\b)[\w-]", re.IGNORECASE)

_SIGNAL: Final = re.compile(r"^Signal[ \t]*=[ \t]*([0-9*#A-D])[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_DURATION: Final = re.compile(r"^Duration[ \t]*=[ \t]*([0-9]{1,5})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_DIGIT: Final = re.compile(r"[0-9*#A-D]", re.IGNORECASE)
_USUAL_DURATION_MS: Final = 160
_SHORTEST_MS: Final = 40
_LONGEST_MS: Final = 5000

_WAITING: Final = re.compile(r"^Messages-Waiting[ \t]*:[ \t]*(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_VOICE: Final = re.compile(
    r"^Voice-Message[ \t]*:[ \t]*([0-9]{1,5})[ \t]*/[ \t]*([0-9]{1,5})(?![0-9])", re.IGNORECASE | re.MULTILINE
)
_STATUS_LINE: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: ([ -~]{0,64}))?", re.IGNORECASE)

_MAILBOX: Final = re.compile(
    r"^Message-Account[ \t]*:[ \t]*<?(sips?:[\w.+*#%-]{1,64}@[\w.:\[\]-]{1,128})",
    re.IGNORECASE | re.MULTILINE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message's body.

    Attributes:
        status: 0 to go on, otherwise the answer to refuse a request with. A response or an ACK, which cannot be
            refused, has it where its session description cannot be used: the call has no media and should end.
        fault: what was wrong, if anything; without personal data.
        body: what takes the body's place, empty to take it off; None leaves it as it came.
        content_type: of the new body.
        is_dtls: the stream's keys come by DTLS; they are worth what the signalling that brought its fingerprint is.
    """

    status: int = 0
    fault: Fault | None = None
    body: bytes | None = None
    content_type: str = ""
    is_dtls: bool = False


def inspect_body(content_type: str, body: bytes, *, method: str, status: int, allow_dtls: AllowDtls) -> Verdict:
    """Say what becomes of a message's body.

    Args:
        content_type: the header's value.
        body: what follows the headers.
        method: of the request; of a response the one in CSeq.
        status: of a response, 0 for a request.
        allow_dtls: whether streams with DTLS may be sent to an address.
    """
    if not body.strip():
        return Verdict(body=b"" if body else None)
    describes = method in _DESCRIBING and status < _FIRST_REDIRECTION
    if status and not describes:
        return Verdict(body=b"")
    try:
        _check_size(body)
        if describes:
            is_offer = method in _OFFERS and not status
            return _described(_find_description(content_type, body), allow_dtls, is_offer=is_offer)
        return _command(method, content_type, body)
    except BodyError as error:
        fault = error.fault
    is_answerable = not status and method not in _NEVER_REFUSED
    is_unusable = describes and fault not in {Fault.CONTENT_TYPE, Fault.PARTS}
    return Verdict(fault.status if is_answerable or is_unusable else 0, fault, b"")


def _check_size(body: bytes) -> None:
    if len(body) > _MAX_BYTES:
        raise BodyError(Fault.SIZE)


def _described(body: bytes, allow_dtls: AllowDtls, *, is_offer: bool) -> Verdict:
    description = parse_description(body, allow_dtls, is_offer=is_offer)
    stream = description.stream
    return Verdict(body=description.text(), content_type=_SDP, is_dtls=stream is not None and stream.is_dtls)


def _command(method: str, content_type: str, body: bytes) -> Verdict:
    name = _media_type(content_type)
    if method == "MESSAGE" and name == "text/plain" and not FOREIGN_CHARSET.search(content_type):
        return Verdict()
    reader = _READERS.get((method, name))
    if reader is None:
        raise BodyError(Fault.CONTENT_TYPE)
    written, text = reader(body.decode("latin-1"))
    return Verdict(body=text.encode("ascii"), content_type=written)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _find_description(content_type: str, body: bytes) -> bytes:
    name = _media_type(content_type)
    if name == _SDP:
        return body
    if name not in {"multipart/mixed", "multipart/alternative"}:
        raise BodyError(Fault.CONTENT_TYPE)
    found = []
    for headers, content in _parts(content_type, body):
        if _media_type(headers.get("content-type", headers.get("c", ""))) == _SDP:
            found.append(content)
        elif _REQUIRED.search(headers.get("content-disposition", "")):
            raise BodyError(Fault.PARTS)
    if len(found) != 1:
        raise BodyError(Fault.PARTS)
    return found[0]


def _parts(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Return the headers and the content of each part (RFC 2046 section 5.1.1)."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None or not content_type.isascii():
        raise BodyError(Fault.SYNTAX)
    delimiter = b"\n--" + (boundary[1] or boundary[2]).encode()
    parts: list[tuple[dict[str, str], bytes]] = []
    for chunk in (b"\n" + body.replace(b"\r\n", b"\n")).split(delimiter)[1:]:
        if chunk.startswith(b"--"):
            return parts
        rest, _, part = chunk.partition(b"\n")
        head, blank, content = (b"\n" + part).partition(b"\n\n")
        if rest.strip() or not blank or len(parts) == _MAX_PARTS:
            break
        fields = (line.partition(":") for line in head.decode("latin-1").split("\n"))
        parts.append(({name.strip().lower(): value.strip() for name, _, value in fields}, content))
    raise BodyError(Fault.SYNTAX)


def _read_relay(text: str) -> tuple[str, str]:
    signal, duration = _SIGNAL.search(text), _DURATION.search(text)
    if signal is None:
        raise BodyError(Fault.SYNTAX)
    return _digit(signal[1], int(duration[1]) if duration else _USUAL_DURATION_MS)


def _read_digit(text: str) -> tuple[str, str]:
    digit = text.strip()
    if not _DIGIT.fullmatch(digit):
        raise BodyError(Fault.SYNTAX)
    return _digit(digit, _USUAL_DURATION_MS)


def _digit(digit: str, duration_ms: int) -> tuple[str, str]:
    duration_ms = min(max(duration_ms, _SHORTEST_MS), _LONGEST_MS)
    return _RELAY, f"Signal={digit.upper()}\r\nDuration={duration_ms}\r\n"


def _read_summary(text: str) -> tuple[str, str]:
    waiting, voice = _WAITING.search(text), _VOICE.search(text)
    if waiting is None and voice is None:
        raise BodyError(Fault.SYNTAX)
    lines = [f"Messages-Waiting: {waiting[1].lower()}\r\n"] if waiting else []
    # Which mailbox it is, where that is said in so plain a way.
    lines += [f"Message-Account: {mailbox[1].lower()}\r\n"] if (mailbox := _MAILBOX.search(text)) else []
    lines += [f"Voice-Message: {int(voice[1])}/{int(voice[2])}\r\n"] if voice else []
    return _SUMMARY, "".join(lines)


def _read_fragment(text: str) -> tuple[str, str]:
    found = _STATUS_LINE.match(text)
    if found is None:
        raise BodyError(Fault.SYNTAX)
    return _FRAGMENT, f"SIP/2.0 {found[1]} {(found[2] or '').strip()}\r\n"


def _read_watched(read: Callable[[str], object], text: str) -> tuple[str, str]:
    if read(text) is None:
        raise BodyError(Fault.SYNTAX)
    # firmware/voice/sip/watching.py reads the message as it came; the library reads none of it.
    return "", ""


_READERS: Final[dict[tuple[str, str], Callable[[str], tuple[str, str]]]] = {
    ("INFO", _RELAY): _read_relay,
    ("INFO", "application/dtmf"): _read_digit,
    ("NOTIFY", _SUMMARY): _read_summary,
    ("NOTIFY", _FRAGMENT): _read_fragment,
    ("NOTIFY", _DIALOG_INFO): partial(_read_watched, read_dialog_info),
    ("NOTIFY", _PRESENCE): partial(_read_watched, read_presence),
}
