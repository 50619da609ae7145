"""Pages of an Ogg stream (RFC 3533), each whole and checked by itself, so that a stream may end after any of them."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from firmware.base.errors import MediaError

_HEAD: Final = struct.Struct("<4sBBqIIIB")
_CHECKSUM_AT: Final = 22
_CHECKSUM_END: Final = 26
_FIRST: Final = 2
_LAST: Final = 4
_MOST_SEGMENTS: Final = 255
_FULL_SEGMENT: Final = 255
_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True, slots=True)
class Page:
    """One page: whole packets, and how many samples the stream has come to with the last of them."""

    granule: int
    packets: tuple[bytes, ...]


class OggWriter:
    """Makes the pages of one stream, in order."""

    def __init__(self, serial: int) -> None:
        """`serial` tells the stream from others in the same file."""
        self._serial = serial
        self._pages = 0

    def page(self, packets: Sequence[bytes], granule: int, *, is_last: bool = False) -> bytes:
        """Return a page of whole packets, which together take no more than 255 segments of 255 bytes."""
        lacing = bytearray()
        for packet in packets:
            full, rest = divmod(len(packet), _FULL_SEGMENT)
            lacing += bytes([_FULL_SEGMENT]) * full + bytes([rest])
        if len(lacing) > _MOST_SEGMENTS:
            raise ValueError(f"A page of Ogg has at most {_MOST_SEGMENTS} segments, not {len(lacing)}.")
        flags = (0 if self._pages else _FIRST) | (_LAST if is_last else 0)
        head = _HEAD.pack(b"OggS", 0, flags, granule, self._serial, self._pages, 0, len(lacing))
        self._pages += 1
        page = bytearray(head + lacing + b"".join(packets))
        page[_CHECKSUM_AT:_CHECKSUM_END] = struct.pack("<I", _checksum(page))
        return bytes(page)


def read_pages(data: bytes) -> Iterator[Page]:
    """Return the pages of a stretch of a stream that was written by OggWriter.

    Raises:
        MediaError: it holds something else.
    """
    at = 0
    while at < len(data):
        try:
            magic, _, _, granule, _, _, _, segments = _HEAD.unpack_from(data, at)
        except struct.error as error:
            raise MediaError("A recording ends within a page of Ogg; what was before it can be heard.") from error
        if magic != b"OggS":
            raise MediaError("A recording holds what is no page of Ogg; what was before it can be heard.")
        at += _HEAD.size
        lacing, at = data[at : at + segments], at + segments
        packets, packet = [], bytearray()
        for length in lacing:
            packet += data[at : at + length]
            at += length
            if length < _FULL_SEGMENT:
                packets.append(bytes(packet))
                packet.clear()
        yield Page(granule, tuple(packets))


def _checksum(page: bytes | bytearray) -> int:
    """Return Ogg's own CRC: zlib's polynomial with its bits the other way round, and from zero."""
    mirrored = zlib.crc32(bytes(page).translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")
