"""Packets that no peer sends to a port of ours: RTP, redundancy, Opus, text, RTCP, STUN, DTLS and digits gone wrong."""

import random
import struct
from typing import Final

from tests.lab.redundancy import redundant
from tests.lab.reports import block, description, extended_report, metrics, receiver_report

_EVENTS: Final = 101  # the payload type that the fuzzer's SDP gives to telephone events
_TYPES: Final = (0, 8, 13, 72, 77, _EVENTS, 126, 127)
# As the fuzzer's SDP has them: what is repeated, and the type that repeats it.
_REPEATED: Final = ((9, 97), (111, 63))
_TEXT: Final = (98, 100)
_STUN_COOKIE: Final = 0x2112A442


def make_packet(rng: random.Random) -> bytes:
    """Make one; the same generator in the same state makes the same."""
    return rng.choice((_rtp, _rtp, _voice, _voice, _text, _digit, _digit, _rtcp, _reports, _stun, _dtls, _noise))(rng)


def _header(rng: random.Random, payload_type: int, *, first: int = 0x80) -> bytes:
    return struct.pack(
        "!BBHII", first, payload_type | rng.choice((0, 0x80)), rng.getrandbits(16), rng.getrandbits(32),
        rng.getrandbits(32),
    )  # fmt: skip


def _rtp(rng: random.Random) -> bytes:
    """RTP with extensions, padding and sources that are not there (RFC 3550 section 5)."""
    first = rng.choice((0x80, 0x80, 0x90, 0x8F, 0xA0, 0xBF, 0x00, 0x40, 0xC0, 0xFF))
    packet = _header(rng, rng.choice(_TYPES), first=first) + rng.randbytes(rng.choice((0, 1, 3, 4, 160, 1400)))
    return packet[: rng.choice((len(packet), len(packet), rng.randrange(len(packet) + 1)))]


def _voice(rng: random.Random) -> bytes:
    """Opus and G.722 of every length, with redundancy whose headers lie as often as not (RFC 6716, RFC 2198)."""
    codec, repeating = rng.choice(_REPEATED)
    if rng.randrange(4) == 0:
        return _header(rng, codec) + _coded(rng)
    copies = [
        (rng.choice((160, 320, 960, 1920, rng.randrange(0x4000))), _coded(rng)[:1023]) for _ in range(rng.randrange(5))
    ]
    if rng.randrange(2):
        copies.sort(reverse=True)
    payload = bytearray(redundant(copies, _coded(rng), rng.choice((codec, codec, codec, 8))))
    for _ in range(rng.choice((0, 0, 1, 2))):
        payload[rng.randrange(min(len(payload), 16))] = rng.randrange(256)
    return (
        _header(rng, repeating) + payload[: rng.choice((len(payload), len(payload), rng.randrange(len(payload) + 1)))]
    )


def _text(rng: random.Random) -> bytes:
    """Text whose letters are none, and whose redundancy lies as often as not (RFC 4103, ITU-T T.140)."""
    kind, repeating = _TEXT
    words = (
        b"",
        b"a",
        b"\x08" * 40,
        b"\xe5\xbc",
        b"\x1b[9999",
        b"\x98" * 9,
        "\u2028\ufeff\u202e".encode(),
        b"\xff\xfe\xf8",
    )
    copies = [(rng.randrange(0x4000), rng.choice((*words, rng.randbytes(40)))) for _ in range(rng.randrange(20))]
    payload = bytearray(redundant(copies, rng.choice((*words, rng.randbytes(1300))), kind))
    for _ in range(rng.choice((0, 0, 1, 2))):
        payload[rng.randrange(min(len(payload), 16))] = rng.randrange(256)
    return (
        _header(rng, rng.choice((kind, repeating, repeating)))
        + payload[: rng.choice((len(payload), rng.randrange(1400)))]
    )


def _coded(rng: random.Random) -> bytes:
    first = bytes([rng.randrange(256), rng.choice((0, 1, 6, 48, 63, 0x41, 0x86, 0xFF))])
    padding = bytes([255]) * rng.choice((0, 0, 0, 1, 5))
    return first[: rng.choice((1, 2, 2, 2))] + padding + rng.randbytes(rng.choice((0, 1, 20, 80, 158, 160, 400)))


def _digit(rng: random.Random) -> bytes:
    """Telephone events that are none: too short, unknown, or endless (RFC 4733 section 2.3)."""
    body = rng.choice((
        b"", b"\x05", b"\x05\x0a", b"\x05\x0a\x00", struct.pack("!BBH", rng.randrange(16, 256), 10, 800),
        struct.pack("!BBH", rng.randrange(16, 256), 0x8A, 65535), rng.randbytes(3),
    ))  # fmt: skip
    return _header(rng, _EVENTS) + body


def _rtcp(rng: random.Random) -> bytes:
    """RTCP whose counts and lengths lie."""
    kind = rng.choice((200, 201, 202, 203, 204, 205, 206, 207, 192))
    body = rng.randbytes(rng.choice((0, 4, 24, 52, 400)))
    return struct.pack("!BBH", rng.choice((0x80, 0x81, 0x9F, 0xA0)), kind, rng.choice((0, 1, 6, 65535))) + body


def _reports(rng: random.Random) -> bytes:
    """Whole reports, extended ones among them (RFC 3611), of which a few bytes are others, too many or too few."""
    far, ours = rng.getrandbits(32), rng.getrandbits(32)
    compound = bytearray(
        receiver_report(far, *[block(ours, 255, rng.getrandbits(24))] * rng.choice((0, 1, 31)))
        + description(far)
        + extended_report(far, *[metrics(ours)] * rng.choice((0, 1, 2, 40)))
    )
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(compound))
        compound[at : at + rng.choice((0, 1, 1, 4))] = rng.randbytes(rng.choice((0, 1, 1, 4)))
    return bytes(compound[: rng.choice((len(compound), rng.randrange(len(compound) + 1)))])


def _stun(rng: random.Random) -> bytes:
    """STUN with attributes that are longer than the message (RFC 8489 section 14)."""
    attribute = struct.pack("!HH", rng.choice((1, 6, 8, 9, 0x20, 0x8022, 0x8028)), rng.choice((0, 1, 4, 65535)))
    body = attribute + rng.randbytes(rng.choice((0, 1, 8)))
    kind = rng.choice((0x0001, 0x0101, 0x0111, 0x0011, 0x3FFF))
    return struct.pack("!HHI", kind, rng.choice((len(body), 0, 65532)), _STUN_COOKIE) + rng.randbytes(12) + body


def _dtls(rng: random.Random) -> bytes:
    """Handshakes of DTLS that are not due, in fragments that do not fit (RFC 6347 section 4)."""
    body = rng.randbytes(rng.choice((0, 2, 34, 60, 300)))
    length = rng.choice((len(body), 0, 1, 0xFFFFFF))
    kind = rng.choice((0, 1, 2, 3, 11, 12, 14, 16, 20, 255))
    fragment = rng.choice((0, 0, 5, 0xFFFFFF)).to_bytes(3) + rng.choice((length, len(body), 0)).to_bytes(3)
    handshake = bytes([kind]) + length.to_bytes(3) + rng.randrange(3).to_bytes(2) + fragment + body
    record = bytes([rng.choice((20, 21, 22, 22, 22, 23, 24, 63))]) + rng.choice((b"\xfe\xfd", b"\xfe\xff", b"\x03\x04"))
    size = rng.choice((len(handshake), len(handshake), 0, 65535))
    return record + rng.randrange(2).to_bytes(2) + rng.randrange(9).to_bytes(6) + size.to_bytes(2) + handshake


def _noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 11, 12, 13, 64, 1472)))
