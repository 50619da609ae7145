"""Payloads that hold older packets once more, as RFC 2198 has them: how they are put together, and taken apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

G722: Final = 9
_FOLLOWED: Final = 0x80


@dataclass(frozen=True, slots=True)
class Block:
    """A packet within another.

    Attributes:
        type: of its payload.
        offset: by how many units of RTP's clock it began earlier than the packet that it is in.
        payload: the rest.
    """

    type: int
    offset: int
    payload: bytes


def redundant(copies: Sequence[tuple[int, bytes]], primary: bytes, codec: int = G722) -> bytes:
    """Put a payload together.

    Args:
        copies: how far behind each is, and what it is; the oldest first.
        primary: what the packet is for.
        codec: the payload type of all of them.
    """
    headers = b"".join(bytes([_FOLLOWED | codec]) + (offset << 10 | len(copy)).to_bytes(3) for offset, copy in copies)
    return headers + bytes([codec]) + b"".join(copy for _, copy in copies) + primary


def blocks_of(payload: bytes) -> list[Block]:
    """Take a payload apart; what the packet is for is the last."""
    headers: list[tuple[int, int, int]] = []
    at = 0
    while payload[at] & _FOLLOWED:
        word = int.from_bytes(payload[at + 1 : at + 4])
        headers.append((payload[at] & 0x7F, word >> 10, word & 0x3FF))
        at += 4
    headers.append((payload[at], 0, len(payload) - at - 1 - sum(size for *_, size in headers)))
    at += 1
    blocks = []
    for kind, offset, size in headers:
        blocks.append(Block(kind, offset, payload[at : at + size]))
        at += size
    return blocks
