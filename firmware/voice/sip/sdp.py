"""Session descriptions (SDP, RFC 8866 and 3264), parsed strictly and written anew: one stream of audio and one of text.

The SIP library reads only what `Description.text` wrote: lines of a closed list with bounded values. Attributes that
hold for the whole session are moved to the stream. Everything takes linear time.
"""

import re
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from firmware.base.errors import SipError
from firmware.voice.sip.sdp_attributes import (
    Address,
    parse_address,
    parse_number,
    repeated_format,
    rewrite_candidate,
    rewrite_crypto,
    rewrite_fingerprint,
    rewrite_opus,
)

_MAX_LINES: Final = 512
_MAX_MEDIA: Final = 8
# A stream then has 68 attributes at most, as many as pjmedia keeps (PJMEDIA_MAX_SDP_ATTR).
_MAX_FORMATS: Final = 12
_MAX_CRYPTOS: Final = 8
_MAX_CANDIDATES: Final = 16  # PJ_ICE_MAX_CAND

_LINE_TYPES: Final = frozenset("vosiuepcbtrzkam")
_FREE_TEXT: Final = ("s=", "i=")  # may be in any language; never handed on
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MEDIA: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,15}")
_TRANSPORT: Final = re.compile(r"[A-Za-z][A-Za-z0-9/.-]{0,31}")
_NAMED_FORMAT: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
_CONNECTION: Final = re.compile(r"IN +IP([46]) +([0-9A-Fa-f.:]+)")
_ORIGIN_NUMBER_MASK: Final = 0x7FFFFFFF  # pjmedia refuses more than 32 bits, which WebRTC's session ids have

_DTLS_PROFILES: Final = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
_SDES_PROFILES: Final = frozenset({"RTP/SAVP", "RTP/SAVPF"})
_PROFILES: Final = frozenset({"RTP/AVP", "RTP/AVPF"}) | _SDES_PROFILES | _DTLS_PROFILES
# By the kind of media that can be open. Other formats are dropped.
_STATIC_FORMATS: Final = {"audio": {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}, "text": {}}
_FORMATS: Final = {
    "audio": {
        "pcmu/8000": "PCMU/8000",
        "pcma/8000": "PCMA/8000",
        "g722/8000": "G722/8000",
        "g722/16000": "G722/8000",  # its true rate, which RFC 3551 forbids to write and some write
        "opus/48000/2": "opus/48000/2",
        "telephone-event/8000": "telephone-event/8000",
        "telephone-event/16000": "telephone-event/16000",
        "telephone-event/48000": "telephone-event/48000",
    },
    "text": {"t140/1000": "t140/1000"},  # RFC 4103
}
_DYNAMIC_FORMATS: Final = range(96, 128)
# Redundancy (RFC 2198), by the codec that it repeats.
_REDUNDANCY: Final = {"opus/48000/2": "red/48000/2", "G722/8000": "red/8000", "t140/1000": "red/1000"}
_REDUNDANCY_FORMATS: Final = (*range(35, 64), *_DYNAMIC_FORMATS)  # browsers have it below 64
_PTIMES_MS: Final = range(10, 61, 10)
_MAX_PTIMES_MS: Final = range(10, 61)
_PORTS: Final = range(1, 65536)
_DIRECTIONS: Final = ("inactive", "sendonly", "recvonly", "sendrecv")
_SETUPS: Final = frozenset({"active", "passive", "actpass"})
_CONNECTIONS: Final = frozenset({"new", "existing"})
_RECORD: Final = {  # RFC 7866
    "record": frozenset({"on", "off", "paused"}),
    "recordpref": frozenset({"on", "off", "pause", "nopreference"}),
}
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_INHERITED: Final = frozenset({"ice-ufrag", "ice-pwd", "fingerprint", "setup", *_RECORD})

AllowDtls = Callable[[Address], bool]
_Attributes = dict[str, list[str]]


class Fault(StrEnum):
    """What is wrong with a body."""

    SIZE = "size"
    CHARACTERS = "characters"
    SYNTAX = "syntax"
    CONTENT_TYPE = "content type"
    PARTS = "parts"
    NO_AUDIO = "no audio"
    ADDRESS = "media address"
    PROFILE = "media profile"
    CODECS = "codecs"
    KEYS = "SRTP keys"
    DTLS = "DTLS"

    @property
    def status(self) -> int:
        """The answer to a request that has it."""
        if self in {Fault.SIZE, Fault.CHARACTERS, Fault.SYNTAX}:
            return 400
        return 415 if self in {Fault.CONTENT_TYPE, Fault.PARTS} else 488


class BodyError(SipError):
    """A body cannot be used.

    Attributes:
        fault: why.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"The body of a SIP message cannot be used: {fault}.")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that is open.

    Attributes:
        media: its kind.
        port: of RTP.
        profile: of RTP, with the transport below it.
        address: where it is sent to; unspecified if it is on hold.
        formats: payload types, each with its name, the best first.
        attributes: what `a=` lines say besides.
    """

    media: str
    port: int
    profile: str
    address: Address
    formats: tuple[tuple[str, str], ...]
    attributes: tuple[str, ...]

    @property
    def is_encrypted(self) -> bool:
        """It names keys, or where they come from."""
        return any(each.startswith(("crypto:", "fingerprint:")) for each in self.attributes)

    @property
    def is_dtls(self) -> bool:
        """Its keys come by DTLS."""
        return self.profile in _DTLS_PROFILES

    def lines(self) -> Iterator[str]:
        yield f"m={self.media} {self.port} {self.profile} {' '.join(number for number, _ in self.formats)}"
        if self.media != "audio":
            yield f"c={_connection(self.address)}"  # the session's is that of the audio
        yield from (f"a=rtpmap:{number} {name}" for number, name in self.formats)
        yield from (f"a={attribute}" for attribute in self.attributes)


@dataclass(frozen=True, slots=True)
class ClosedStream:
    """An m= line that keeps its place with port 0."""

    media: str
    profile: str
    format: str

    def lines(self) -> Iterator[str]:
        yield f"m={self.media} 0 {self.profile} {self.format}"


@dataclass(frozen=True, slots=True)
class Description:
    """A session.

    Attributes:
        session_id: stays the same in all descriptions of a session.
        version: grows with each change.
        is_ice_lite: its sender does the smaller half of ICE.
        streams: one for each m= line.
    """

    session_id: int
    version: int
    is_ice_lite: bool
    streams: tuple[Stream | ClosedStream, ...]

    @property
    def stream(self) -> Stream | None:
        """The stream of audio that is open."""
        return next((each for each in self.streams if isinstance(each, Stream) and each.media == "audio"), None)

    def text(self) -> bytes:
        stream = self.stream
        lines = [
            "v=0",
            f"o=- {self.session_id} {self.version} IN IP4 0.0.0.0",
            "s=-",
            # pjsua looks for an address even where every stream is closed.
            f"c={_connection(stream.address if stream else IPv4Address(0))}",
            "t=0 0",
            *(["a=ice-lite"] if self.is_ice_lite else []),
            *(line for each in self.streams for line in each.lines()),
        ]
        return ("\r\n".join(lines) + "\r\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class _Section:
    """The lines of an m= line, or those before the first."""

    media: str = ""
    port: int = 0
    port_count: str = ""
    profile: str = ""
    formats: tuple[str, ...] = ()
    lines: dict[str, str] = field(default_factory=dict)
    attributes: _Attributes = field(default_factory=dict)


def parse_description(body: bytes, allow_dtls: AllowDtls, *, is_offer: bool) -> Description:
    """Parse a description and keep its first stream of audio that can be used, and of text where it is as well kept.

    Args:
        body: the description, of bounded size.
        allow_dtls: whether streams with DTLS may be sent to an address.
        is_offer: a stream must be open; in an answer all may be closed.

    Raises:
        BodyError: it cannot be parsed, or no stream can be used.
    """
    session, *sections = _sections(body)
    if len(sections) > _MAX_MEDIA:
        raise BodyError(Fault.SIZE)
    streams: list[Stream | ClosedStream] = [_closed(each) for each in sections]
    faults: list[Fault] = []
    audio = text = None
    for index, section in enumerate(sections):
        if section.port and section.media == "audio" and audio is None:
            try:
                streams[index] = audio = _stream(section, session, allow_dtls)
            except BodyError as error:
                faults.append(error.fault)
    if audio is None and (faults or is_offer):
        raise BodyError(faults[0] if faults else Fault.NO_AUDIO)
    for index, section in enumerate(sections):
        if section.port and section.media == "text" and audio is not None and text is None:
            # Whatever is wrong with it takes nothing of the audio away.
            with suppress(BodyError):
                found = _stream(section, session, allow_dtls)
                if (found.profile, found.is_encrypted) == (audio.profile, audio.is_encrypted):
                    streams[index] = text = found
    return Description(*_origin(session.lines.get("o", "")), "ice-lite" in session.attributes, tuple(streams))


def _lines(body: bytes) -> list[str]:
    text = body.decode("latin-1").replace("\r\n", "\n").rstrip("\n")
    lines = text.split("\n")
    if _CONTROL.search(text) or not all(line.isascii() or line.startswith(_FREE_TEXT) for line in lines):
        raise BodyError(Fault.CHARACTERS)
    if len(lines) > _MAX_LINES:
        raise BodyError(Fault.SIZE)
    if lines[0].rstrip() != "v=0" or not all(line[1:2] == "=" and line[0] in _LINE_TYPES for line in lines):
        raise BodyError(Fault.SYNTAX)
    return lines


def _sections(body: bytes) -> list[_Section]:
    sections = [_Section()]
    for line in _lines(body):
        kind, value = line[0], line[2:].strip()
        if kind == "m":
            sections.append(_media(value))
        elif kind == "a":
            name, _, value = value.partition(":")
            sections[-1].attributes.setdefault(name, []).append(value.strip())
        else:
            sections[-1].lines.setdefault(kind, value)
    return sections


def _media(value: str) -> _Section:
    media, port_text, profile, *formats = (*value.split(), "", "", "")
    formats = [each for each in formats if each]
    port_text, _, count = port_text.partition("/")
    port = parse_number(port_text, range(65536))
    if port is None or not formats or not _MEDIA.fullmatch(media) or not _TRANSPORT.fullmatch(profile):
        raise BodyError(Fault.SYNTAX)
    return _Section(media, port, count, profile, tuple(formats))


def _origin(value: str) -> tuple[int, int]:
    fields = value.rsplit(maxsplit=5)  # some have blanks in the name before
    numbers = [parse_number(each, range(2**64)) for each in fields[1:3]]
    if len(fields) != 6 or None in numbers:  # noqa: PLR2004 - RFC 8866 section 5.2
        raise BodyError(Fault.SYNTAX)
    session_id, version = ((number or 0) & _ORIGIN_NUMBER_MASK for number in numbers)
    return session_id, version


def _closed(section: _Section) -> ClosedStream:
    name = section.formats[0]
    return ClosedStream(section.media, section.profile, name if _NAMED_FORMAT.fullmatch(name) else "0")


def _stream(section: _Section, session: _Section, allow_dtls: AllowDtls) -> Stream:
    profile = section.profile.upper()
    if profile not in _PROFILES or section.port_count not in {"", "1"}:
        raise BodyError(Fault.PROFILE)
    address = _parse_connection(section.lines.get("c") or session.lines.get("c", ""))
    if address is None:
        raise BodyError(Fault.ADDRESS)
    allowed = allow_dtls if profile in _DTLS_PROFILES else _any_address
    if not allowed(address):
        raise BodyError(Fault.DTLS)
    formats = _formats(section)
    if all(name.startswith("telephone-event") for _, name in formats):
        raise BodyError(Fault.CODECS)
    given = {name: values for name, values in session.attributes.items() if name in _INHERITED} | section.attributes
    redundancy = _redundancy(section, formats)
    attributes = (
        *_parameters(formats, given),
        *(f"fmtp:{number} {repeated}" for number, _, repeated in redundancy),
        _direction(section) or _direction(session) or "sendrecv",
        *_wishes(given),
        *_rtcp(given, address, allowed),
        *_keys(given, profile),
        *_ice(given, allowed),
    )
    # Behind the codecs: pjmedia takes what stands first for the codec, whoever prefers redundancy.
    formats += tuple((number, name) for number, name, _ in redundancy)
    return Stream(section.media, section.port, profile, address, formats, attributes)


def _any_address(_: Address) -> bool:
    return True


def _connection(address: Address) -> str:
    return f"IN IP{address.version} {address}"


def _parse_connection(value: str) -> Address | None:
    found = _CONNECTION.fullmatch(value)
    return parse_address(found[2], IPv4Address if found[1] == "4" else IPv6Address) if found else None


def _by_number(values: list[str]) -> dict[str, str]:
    pairs = (value.partition(" ") for value in reversed(values))
    return {number: rest.strip() for number, _, rest in pairs}


def _formats(section: _Section) -> tuple[tuple[str, str], ...]:
    names = _by_number(section.attributes.get("rtpmap", []))
    formats: dict[str, str] = {}
    for number in section.formats:
        static = _STATIC_FORMATS[section.media].get(number, "")
        name = _FORMATS[section.media].get(names.get(number, static).lower().removesuffix("/1"))
        # pjmedia knows numbers below 96 by the number alone.
        if name and (name == static or _is_format(number, _DYNAMIC_FORMATS)):
            formats[number] = name
    return tuple(formats.items())[:_MAX_FORMATS]


def _is_format(number: str, allowed: Container[int]) -> bool:
    return parse_number(number, allowed) is not None and number[0] != "0"


def _redundancy(section: _Section, formats: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str, str], ...]:
    """Return the payload types that repeat one codec of the stream and nothing else, each with its name and its list.

    One codec's has one number; of two none is used.
    """
    codecs = dict(formats)
    names, lists = (_by_number(section.attributes.get(key, [])) for key in ("rtpmap", "fmtp"))
    found: dict[str, list[tuple[str, str, str]]] = {}
    for number in dict.fromkeys(section.formats):
        codec = repeated_format(lists.get(number, ""), section.media)
        name = names.get(number, "").lower().removesuffix("/1")
        if name == _REDUNDANCY.get(codecs.get(codec, "")) and _is_format(number, _REDUNDANCY_FORMATS):
            found.setdefault(codec, []).append((number, name, lists[number]))
    return tuple(each[0] for each in found.values() if len(each) == 1)


def _parameters(formats: tuple[tuple[str, str], ...], given: _Attributes) -> Iterator[str]:
    parameters = _by_number(given.get("fmtp", []))
    for number, name in formats:
        value = parameters.get(number, "")
        if name.startswith("opus"):
            value = rewrite_opus(value)
        elif value:
            value = "0-15" if name.startswith("telephone-event") else ""
        if value:
            yield f"fmtp:{number} {value}"


def _direction(section: _Section) -> str | None:
    return next((each for each in _DIRECTIONS if each in section.attributes), None)


def _first(given: _Attributes, name: str) -> str:
    return given.get(name, [""])[0]


def _wishes(given: _Attributes) -> Iterator[str]:
    # pjmedia overruns its buffers where packets are longer than its codecs make them.
    for name, times in {"ptime": _PTIMES_MS, "maxptime": _MAX_PTIMES_MS}.items():
        time = parse_number(_first(given, name), times)
        if time is not None:
            yield f"{name}:{time}"
    for name, values in _RECORD.items():
        value = _first(given, name).lower()
        if value in values:
            yield f"{name}:{value}"


def _rtcp(given: _Attributes, address: Address, allowed: AllowDtls) -> Iterator[str]:
    if "rtcp-mux" in given:
        yield "rtcp-mux"
    port_text, _, connection = _first(given, "rtcp").partition(" ")
    port, other = parse_number(port_text, _PORTS), _parse_connection(connection)
    if port is None:
        return
    if not connection:
        yield f"rtcp:{port}"
    # pjmedia takes it for an address of the same family as that of RTP.
    elif other is not None and other.version == address.version and allowed(other):
        yield f"rtcp:{port} {_connection(other)}"


def _keys(given: _Attributes, profile: str) -> tuple[str, ...]:
    if profile not in _DTLS_PROFILES:
        cryptos = list(filter(None, map(rewrite_crypto, given.get("crypto", []))))
        if profile in _SDES_PROFILES and not cryptos:
            raise BodyError(Fault.KEYS)
        by_tag = {text.partition(" ")[0]: f"crypto:{text}" for text in reversed(cryptos)}
        return tuple(reversed(by_tag.values()))[:_MAX_CRYPTOS]
    fingerprints = list(filter(None, map(rewrite_fingerprint, given.get("fingerprint", []))))
    setup = _first(given, "setup").lower()
    if not fingerprints or setup not in _SETUPS:
        raise BodyError(Fault.DTLS)
    # "sha-256" comes after "sha-1".
    keys = [f"fingerprint:{max(fingerprints)}", f"setup:{setup}"]
    # RFC 4145 section 5; RFC 8842 has no use for it, Asterisk has.
    connection = _first(given, "connection").lower()
    return (*keys, f"connection:{connection}") if connection in _CONNECTIONS else tuple(keys)


def _ice(given: _Attributes, allowed: AllowDtls) -> tuple[str, ...]:
    name, password = _first(given, "ice-ufrag"), _first(given, "ice-pwd")
    if not _UFRAG.fullmatch(name) or not _PASSWORD.fullmatch(password):
        return ()
    candidates = filter(None, (rewrite_candidate(each, allowed) for each in given.get("candidate", [])))
    return (
        f"ice-ufrag:{name}",
        f"ice-pwd:{password}",
        *(["ice-mismatch"] if "ice-mismatch" in given else []),
        *(f"candidate:{each}" for each in list(candidates)[:_MAX_CANDIDATES]),
    )
