import os
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.base.errors import StorageError
from firmware.store.sealed_files import KEY_BYTES, MAX_CHUNK_BYTES, Ending, SealedReader, SealedWriter, new_key

KEY = bytes(range(32))
CHUNKS = [b"first second", b"", b"third" * 100]


def sealed(chunks: list[bytes], *, finished: bool = True) -> bytes:
    with open(os.memfd_create("sealed"), "w+b") as file:  # noqa: PTH123 - a descriptor has no path
        writer = SealedWriter(file, KEY)
        for chunk in chunks:
            writer.append(chunk)
        writer.finish() if finished else writer.sync()
        file.seek(0)
        return file.read()


def read(content: bytes, key: bytes = KEY) -> tuple[list[bytes], Ending | None]:
    reader = SealedReader(BytesIO(content), key)
    return list(reader), reader.ending


def frames(content: bytes) -> list[bytes]:
    """Take a file apart: its header, then its frames."""
    start = content.index(b"\n") + 1
    parts = [content[:start]]
    while start < len(content):
        end = start + 4 + int.from_bytes(content[start : start + 4], "big")
        parts.append(content[start:end])
        start = end
    return parts


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_what_was_appended_is_read_back_in_order(chunks: list[bytes]) -> None:
    assert read(sealed(chunks)) == (chunks, Ending.WHOLE)


def test_nothing_of_the_content_can_be_seen() -> None:
    assert b"first" not in sealed(CHUNKS)


def test_a_file_whose_writer_died_is_read_as_far_as_it_came_and_said_to_be_cut() -> None:
    assert read(sealed(CHUNKS, finished=False)) == (CHUNKS, Ending.CUT)


@given(st.data())
def test_a_file_cut_anywhere_gives_its_beginning_and_is_never_whole(data: st.DataObject) -> None:
    content = sealed(CHUNKS)
    chunks, ending = read(content[: data.draw(st.integers(0, len(content) - 1))])
    assert chunks == CHUNKS[: len(chunks)]
    assert ending is Ending.CUT


@given(st.data())
def test_a_bit_changed_anywhere_is_found(data: st.DataObject) -> None:
    content = bytearray(sealed(CHUNKS))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    chunks, ending = read(bytes(content))
    assert chunks == CHUNKS[: len(chunks)]
    assert ending is not Ending.WHOLE


@pytest.mark.parametrize(
    "order", [(0, 2, 1, 3, 4), (0, 1, 3, 4), (0, 1, 1, 2, 3, 4), (0, 1, 2, 4), (0, 4), (0, 1, 4, 2, 3)]
)
def test_frames_moved_repeated_or_taken_out_are_found(order: tuple[int, ...]) -> None:
    parts = frames(sealed(CHUNKS))
    chunks, ending = read(b"".join(parts[place] for place in order))
    assert chunks == CHUNKS[: len(chunks)]
    assert ending is Ending.DAMAGED


def test_what_follows_the_end_is_found() -> None:
    assert read(sealed(CHUNKS) + b"\0")[1] is Ending.DAMAGED


def test_another_key_reads_nothing() -> None:
    assert read(sealed(CHUNKS), new_key()) == ([], Ending.DAMAGED)


def test_a_chunk_that_is_too_long_is_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="at most"):
        sealed([bytes(MAX_CHUNK_BYTES + 1)])
    content = sealed([])
    lying = content[: content.index(b"\n") + 1] + b"\xff\xff\xff\xff" + bytes(100)
    assert read(lying) == ([], Ending.DAMAGED)


def test_keys_are_random() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) == KEY_BYTES


def test_a_whole_file_is_read_within_its_limit() -> None:
    content = sealed(CHUNKS)
    assert SealedReader(BytesIO(content), KEY).read_whole(1000) == b"".join(CHUNKS)
    with pytest.raises(StorageError, match="more than it should"):
        SealedReader(BytesIO(content), KEY).read_whole(100)
    with pytest.raises(StorageError, match="is cut"):
        SealedReader(BytesIO(content[:-1]), KEY).read_whole(1000)
