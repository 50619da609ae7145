"""Values of attributes in session descriptions: parsed strictly and written anew, None where they cannot be used."""

import base64
import binascii
import re
from collections.abc import Callable, Container
from ipaddress import IPv4Address, IPv6Address
from typing import Final

Address = IPv4Address | IPv6Address

_MAX_ADDRESS: Final = 45
_MAX_DIGITS: Final = 20
_BROADCAST: Final = IPv4Address("255.255.255.255")

# The lengths are those of key and salt (RFC 4568, 6188 and 7714), the names those that pjmedia's transport_srtp.c has.
_KEY_BYTES: Final = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AES_192_CM_HMAC_SHA1_80": 38,
    "AES_192_CM_HMAC_SHA1_32": 38,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_256_CM_HMAC_SHA1_32": 46,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
_KEY: Final = re.compile(r"inline:([A-Za-z0-9+/]{32,64})={0,2}(?:\|(?:2\^)?[0-9]{1,15})?")
_TAGS: Final = range(1, 100)

_FINGERPRINT: Final = re.compile(r"(sha-1|sha-256)[ ]+([0-9A-F]{2}(?::[0-9A-F]{2}){19,31})", re.IGNORECASE)
_HASH_BYTES: Final = {"sha-1": 20, "sha-256": 32}

_CANDIDATE_FIELDS: Final = 8
_FOUNDATION: Final = re.compile(r"[A-Za-z0-9+/]{1,32}")
_COMPONENTS: Final = range(1, 3)
_PRIORITIES: Final = range(1, 2**31)
_PORTS: Final = range(1, 65536)
_CANDIDATE_TYPES: Final = frozenset({"host", "srflx", "prflx", "relay"})

_SWITCH: Final = range(2)
_OPUS_RATES: Final = frozenset({8000, 12000, 16000, 24000, 48000})
# RFC 7587 section 6.1, as far as it binds whoever sends. `stereo` and `usedtx` are wishes: a handset has one microphone
# and sends in silence too, and pjmedia would do as it is asked.
_OPUS: Final[dict[str, Container[int]]] = {
    "maxplaybackrate": _OPUS_RATES,
    "sprop-maxcapturerate": _OPUS_RATES,
    "maxaveragebitrate": range(6000, 510001),
    "cbr": _SWITCH,
    "useinbandfec": _SWITCH,
}

_REPEATED: Final = {"audio": range(2, 5), "text": range(2, 6)}


def parse_number(text: str, allowed: Container[int]) -> int | None:
    """Return a decimal number that is allowed."""
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS:
        return None
    number = int(text)
    return number if number in allowed else None


def parse_address(text: str, family: type[IPv4Address] | type[IPv6Address]) -> Address | None:
    """Return a literal address of one host, or the unspecified one, of a family."""
    if len(text) > _MAX_ADDRESS or "%" in text:
        return None
    try:
        address = family(text)
    except ValueError:
        return None
    if address.is_multicast or address == _BROADCAST:
        return None
    # Of the other family in disguise.
    return None if isinstance(address, IPv6Address) and address.ipv4_mapped else address


def rewrite_crypto(value: str) -> str | None:
    """Rewrite `a=crypto` (RFC 4568).

    A key with an MKI, several keys, or parameters that change what is encrypted are more than pjmedia knows.
    """
    tag_text, _, rest = value.partition(" ")
    suite, *fields = rest.split() or [""]
    tag, size = parse_number(tag_text, _TAGS), _KEY_BYTES.get(suite)
    found = _KEY.fullmatch(fields[0]) if fields else None
    if tag is None or size is None or found is None or any(not each.startswith("WSH=") for each in fields[1:]):
        return None
    try:
        key = base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), validate=True)
    except binascii.Error:
        return None
    return f"{tag} {suite} inline:{base64.b64encode(key).decode()}" if len(key) == size else None


def rewrite_fingerprint(value: str) -> str | None:
    """Rewrite `a=fingerprint` with one of the hashes that pjmedia knows."""
    found = _FINGERPRINT.fullmatch(value)
    if found is None:
        return None
    name, digits = found[1].lower(), found[2].upper()
    return f"{name} {digits}" if digits.count(":") == _HASH_BYTES[name] - 1 else None


def rewrite_candidate(value: str, allowed: Callable[[Address], bool]) -> str | None:
    """Rewrite `a=candidate` (RFC 8839) without what follows its type; host names and TCP cannot be used."""
    fields = value.split(maxsplit=_CANDIDATE_FIELDS)
    if len(fields) < _CANDIDATE_FIELDS:
        return None
    foundation, component_text, transport, priority_text, host, port_text, label, kind = fields[:_CANDIDATE_FIELDS]
    component, priority = parse_number(component_text, _COMPONENTS), parse_number(priority_text, _PRIORITIES)
    address, port = parse_address(host, IPv6Address if ":" in host else IPv4Address), parse_number(port_text, _PORTS)
    if component is None or priority is None or address is None or port is None or kind.lower() not in _CANDIDATE_TYPES:
        return None
    if not _FOUNDATION.fullmatch(foundation) or transport.upper() != "UDP" or label.lower() != "typ":
        return None
    if address.is_unspecified or not allowed(address):
        return None
    return f"{foundation} {component} UDP {priority} {address} {port} typ {kind.lower()}"


def rewrite_opus(value: str) -> str:
    """Rewrite those parameters of Opus that pjmedia reads."""
    found: dict[str, int] = {}
    for each in value.split(";"):
        name, _, text = each.partition("=")
        name = name.strip().lower()
        number = parse_number(text.strip(), _OPUS.get(name, ()))
        if number is not None:
            found.setdefault(name, number)
    return ";".join(f"{name}={number}" for name, number in found.items())


def repeated_format(value: str, media: str) -> str:
    """Return the payload type that a list of redundancy (RFC 2198 section 5) repeats; nothing where it is not one."""
    formats = value.split("/")
    return formats[0] if len(formats) in _REPEATED[media] and len(set(formats)) == 1 else ""
