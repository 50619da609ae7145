"""New."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.base.errors import MediaError
from firmware.voice.audio.opus import OggWriter, Page, read_pages

PACKETS = st.lists(st.binary(max_size=600), min_size=1, max_size=60)


def crc(data: bytes) -> int:
    """RFC 3533 section 6: polynomial 0x04c11db7, from zero, nothing reflected, nothing inverted."""
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
            register &= 0xFFFFFFFF
    return register


@given(packets=PACKETS, granule=st.integers(0, 2**62))
def test_a_page_holds_its_packets_and_its_checksum_is_the_one_of_the_rfc(packets: list[bytes], granule: int) -> None:
    page = OggWriter(7).page(packets, granule)
    assert list(read_pages(page)) == [Page(granule, tuple(packets))]
    (checksum,) = struct.unpack_from("<I", page, 22)
    assert checksum == crc(page[:22] + bytes(4) + page[26:])


def test_pages_are_numbered_and_the_first_and_the_last_are_marked() -> None:
    writer = OggWriter(0x01000304)
    pages = [writer.page([b"a"], 0), writer.page([b"b"], 960), writer.page([b"c"], 1920, is_last=True)]
    assert [page[5] for page in pages] == [2, 0, 4]
    assert [struct.unpack_from("<I", page, 18)[0] for page in pages] == [0, 1, 2]
    assert all(struct.unpack_from("<I", page, 14)[0] == 0x01000304 for page in pages)


def test_a_page_takes_255_segments_and_no_more() -> None:
    OggWriter(1).page([bytes(254)] * 255, 0)
    with pytest.raises(ValueError, match="255 segments"):
        OggWriter(1).page([bytes(254)] * 256, 0)


def test_what_is_no_page_is_said() -> None:
    page = OggWriter(1).page([b"packet"], 0)
    with pytest.raises(MediaError, match="no page of Ogg"):
        list(read_pages(b"x" * 40))
    with pytest.raises(MediaError, match="ends within"):
        list(read_pages(page + b"OggS"))
