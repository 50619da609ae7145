"""RTCP as other phones send it: reports (RFC 3550 section 6.4) and VoIP metrics (RFC 3611 section 4.7)."""

import struct
from collections.abc import Iterable
from typing import Final

SENDER, RECEIVER, DESCRIPTION, GOODBYE, EXTENDED = 200, 201, 202, 203, 207
# What every phone sends: reports, whose they are, and that it is over.
PLAIN: Final = {SENDER, RECEIVER, DESCRIPTION, GOODBYE}
UNTOLD: Final = 127


def is_rtcp(packet: bytes) -> bool:
    """Tell it from RTP (RFC 5761 section 4)."""
    return len(packet) >= 8 and packet[0] >> 6 == 2 and 192 <= packet[1] <= 223


def kinds(compounds: Iterable[bytes]) -> list[int]:
    """Return the kind of each packet within these."""
    found = []
    for compound in compounds:
        at = 0
        while at < len(compound):
            found.append(compound[at + 1])
            at += 4 * (int.from_bytes(compound[at + 2 : at + 4]) + 1)
        assert at == len(compound)
    return found


def packet(kind: int, content: bytes, count: int = 0, *, padding: int = 0, version: int = 2) -> bytes:
    """Return one packet of a compound; `content` begins with who sent it."""
    padded = content + (bytes(padding - 1) + bytes([padding]) if padding else b"")
    first = version << 6 | bool(padding) << 5 | count
    return struct.pack("!BBH", first, kind, len(padded) // 4) + padded


def block(source: int, fraction: int = 0, lost: int = 0, highest: int = 0) -> bytes:
    """Return a report block about the stream of this SSRC."""
    return struct.pack("!IB3sIIII", source, fraction, (lost & 0xFFFFFF).to_bytes(3), highest, 0, 0, 0)


def receiver_report(sender: int, *blocks: bytes) -> bytes:
    """Return the report of one who sends no audio."""
    return packet(RECEIVER, struct.pack("!I", sender) + b"".join(blocks), len(blocks))


def sender_report(sender: int, *blocks: bytes, sent: int = 0) -> bytes:
    """Return the report of one who sends audio as well, so many packets so far."""
    told = struct.pack("!I12xI4x", sender, sent)
    return packet(SENDER, told + b"".join(blocks), len(blocks))


def description(sender: int) -> bytes:
    """Return a source description with a name."""
    return packet(DESCRIPTION, struct.pack("!IBB5sB", sender, 1, 5, b"a@b.c", 0), 1)


def metrics(
    source: int,
    rates: tuple[int, int, int, int] = (0, 0, 0, 0),
    opinions: tuple[int, int] = (UNTOLD, UNTOLD),
    *,
    shortest_gap: int = 16,
) -> bytes:
    """Return a block of VoIP metrics.

    Args:
        source: SSRC of the stream that it is about.
        rates: 256ths: lost, discarded, missing within bursts, missing between bursts.
        opinions: tenths of a mean opinion score: of listening, of the conversation.
        shortest_gap: between bursts, in packets.
    """
    head = struct.pack("!BBHI4B", 7, 0, 8, source, *rates)
    middle = struct.pack("!HHHHbbBB", 120, 360, 40, 60, -20, -50, UNTOLD, shortest_gap)
    return head + middle + struct.pack("!6BHHH", 93, UNTOLD, *opinions, 0, 0, 40, 60, 120)


def extended_report(sender: int, *blocks: bytes) -> bytes:
    """Return an extended report with these blocks."""
    return packet(EXTENDED, struct.pack("!I", sender) + b"".join(blocks))
