import ctypes
from collections.abc import Callable
from typing import Any

import pytest

from firmware.sip import jitter_buffer, native
from firmware.sip.jitter_buffer import LiveJitterBuffer

FRAME_SIZE, CAPACITY, DEPTH = 80, 50, 2


class Library:
    """Tells of a buffer, and takes note of what is done to it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []

    def pjmedia_stream_get_stat_jbuf(self, _stream: Any, state: Any) -> int:
        told = ctypes.cast(state, ctypes.POINTER(ctypes.c_uint))
        told[0], told[1], told[2], told[3], told[5] = FRAME_SIZE, DEPTH, DEPTH, CAPACITY, DEPTH
        return 0

    def __getattr__(self, name: str) -> Callable[..., int]:
        def call(_address: Any, argument: Any = None) -> int:
            self.done.append((name, getattr(argument, "value", 0)))
            return 0

        return call


class Memory:
    """A stream, its buffer and the buffer's mutex, where this build keeps them."""

    def __init__(self) -> None:
        self.stream = ctypes.create_string_buffer(16_384)
        self.buffer = ctypes.create_string_buffer(512)
        self.mutex = ctypes.create_string_buffer(128)
        self.put(self.mutex, 40, b"mtx0x%x\0" % ctypes.addressof(self.mutex))
        for offset, value in ((0x10, FRAME_SIZE), (0x18, 10), (0x20, CAPACITY), (0x2C, DEPTH), (0x30, DEPTH)):
            self.put(self.buffer, offset, value.to_bytes(4, "little"))
        for offset, value in ((0x9C, DEPTH), (0xA0, 1)):
            self.put(self.buffer, offset, value.to_bytes(4, "little"))
        self.put(self.stream, 3448, ctypes.addressof(self.mutex).to_bytes(8, "little"))
        self.put(self.stream, 3456, ctypes.addressof(self.buffer).to_bytes(8, "little"))
        # As in any structure, much of what looks like a pointer is none.
        self.put(self.stream, 64, (0xDEADBEEF000).to_bytes(8, "little") + b"\xff" * 8 + (8).to_bytes(8, "little"))

    @property
    def address(self) -> int:
        return ctypes.addressof(self.stream)

    @staticmethod
    def put(block: "ctypes.Array[ctypes.c_char]", offset: int, value: bytes) -> None:
        ctypes.memmove(ctypes.addressof(block) + offset, value, len(value))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()
    monkeypatch.setattr(native, "library", lambda: library)
    return library


def test_the_buffer_of_a_stream_is_found_by_what_the_library_tells_of_it(library: Library) -> None:
    memory = Memory()
    found = LiveJitterBuffer.find(memory.address)
    assert found is not None
    assert found.frame_ms == 10


@pytest.mark.parametrize("offset", [0x10, 0x20, 0x2C, 0x30, 0x9C, 0xA0])
def test_a_build_that_keeps_it_in_another_way_is_left_alone(offset: int, library: Library) -> None:
    memory = Memory()
    memory.put(memory.buffer, offset, b"\x07\x00\x00\x00")
    assert LiveJitterBuffer.find(memory.address) is None


def test_a_buffer_whose_mutex_is_not_known_is_left_alone(library: Library) -> None:
    memory = Memory()
    memory.put(memory.mutex, 40, b"mtx0x1234\0")
    assert LiveJitterBuffer.find(memory.address) is None


def test_it_is_changed_under_its_mutex(library: Library) -> None:
    memory = Memory()
    found = LiveJitterBuffer.find(memory.address)
    assert found is not None
    memory.put(memory.buffer, 0xA0, b"\0\0\0\0")
    found.apply(70, deepen=True, skip_ms=10)
    names = [name for name, _ in library.done]
    assert names == ["pj_mutex_lock", "pjmedia_jbuf_set_fixed", "pjmedia_jbuf_remove_frame", "pj_mutex_unlock"]
    assert ("pjmedia_jbuf_set_fixed", 7) in library.done
    assert ("pjmedia_jbuf_remove_frame", 1) in library.done
    assert memory.buffer.raw[0xA0] == 1


def test_memory_that_is_not_there_is_read_without_harm() -> None:
    assert jitter_buffer._read(8, 64) == b""
    assert jitter_buffer._read(2**64 - 8, 64) == b""
