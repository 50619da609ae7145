"""The jitter buffer of a running stream, reached past pjsua2, which sets buffers up but changes none.

What pjmedia does not export is read at offsets that belong to a build. For every stream they are checked against what
pjmedia tells of the same buffer; where they do not hold, the buffer is left alone.
"""

import ctypes
import os
from typing import Final, Self

from firmware.sip import native

_STREAM_BYTES: Final = 8192  # more than any build's `struct pjmedia_stream` has before its buffer
_POINTER: Final = 8
# struct pjmedia_jbuf of pjmedia/src/pjmedia/jbuf.c on 64-bit machines.
_BUFFER_BYTES: Final = 0x110
_FRAME_SIZE: Final = 0x10
_FRAME_MS: Final = 0x18
_CAPACITY: Final = 0x20
_MINIMUM: Final = 0x2C
_MAXIMUM: Final = 0x30
_DEPTH: Final = 0x9C
_COLLECTING: Final = 0xA0
# struct pj_mutex_t of pjlib/src/pj/os_core_unix.c: a pthread mutex, then a name that holds its own address.
_MUTEX_NAME: Final = 40
_MUTEX_NAME_BYTES: Final = 32
_DISCARD_NONE: Final = 0  # PJMEDIA_JB_DISCARD_NONE in pjmedia/jbuf.h


class _State(ctypes.Structure):
    """The beginning of struct pjmedia_jb_state of pjmedia/jbuf.h, with room for the rest."""

    _fields_ = (
        ("frame_size", ctypes.c_uint),
        ("minimum", ctypes.c_uint),
        ("maximum", ctypes.c_uint),
        ("capacity", ctypes.c_uint),
        ("burst", ctypes.c_uint),
        ("depth", ctypes.c_uint),
        ("rest", ctypes.c_uint * 32),
    )


class LiveJitterBuffer:
    """One stream's buffer, for as long as the stream lives.

    Attributes:
        frame_ms: length of the frames that it counts in.
    """

    def __init__(self, library: ctypes.CDLL, buffer: int, mutex: int, frame_ms: int) -> None:
        self._library = library
        self._buffer = ctypes.c_void_p(buffer)
        self._mutex = ctypes.c_void_p(mutex)
        self._collecting = ctypes.c_int.from_address(buffer + _COLLECTING)
        self.frame_ms = frame_ms

    @classmethod
    def find(cls, stream: int) -> Self | None:
        """Return the buffer of a stream, None where this build keeps it in another way.

        Args:
            stream: address of the `pjmedia_stream`.
        """
        library = native.library()
        state = _State()
        if library.pjmedia_stream_get_stat_jbuf(ctypes.c_void_p(stream), ctypes.byref(state)) != 0:
            return None
        memory = _read(stream, _STREAM_BYTES)
        # The stream's mutex for the buffer is the member before it.
        for offset in range(_POINTER, len(memory) - _POINTER, _POINTER):
            buffer = _number(memory, offset, _POINTER)
            if not _is_buffer(buffer, state):
                continue
            mutex = _number(memory, offset - _POINTER, _POINTER)
            if _is_mutex(mutex):
                frame_ms = _number(_read(buffer, _BUFFER_BYTES), _FRAME_MS, 4)
                return cls(library, buffer, mutex, frame_ms)
        return None

    def take_over(self, depth_ms: int) -> None:
        """Keep the library from adapting it, and begin with a depth."""
        self.apply(depth_ms)
        self._library.pjmedia_jbuf_set_discard(self._buffer, ctypes.c_int(_DISCARD_NONE))

    def apply(self, depth_ms: int, *, deepen: bool = False, skip_ms: int = 0) -> None:
        """Change it.

        Args:
            depth_ms: how much audio it collects whenever it has run dry.
            deepen: collect that much now.
            skip_ms: take that much out of what waits.
        """
        library, buffer = self._library, self._buffer
        # The threads that put packets in and take audio out hold the same mutex.
        library.pj_mutex_lock(self._mutex)
        try:
            library.pjmedia_jbuf_set_fixed(buffer, ctypes.c_uint(max(1, depth_ms // self.frame_ms)))
            if deepen:
                self._collecting.value = 1
            if skip_ms >= self.frame_ms:
                library.pjmedia_jbuf_remove_frame(buffer, ctypes.c_uint(skip_ms // self.frame_ms))
        finally:
            library.pj_mutex_unlock(self._mutex)


def _is_buffer(address: int, state: _State) -> bool:
    memory = _read(address, _BUFFER_BYTES)
    return (
        len(memory) == _BUFFER_BYTES
        and _number(memory, _FRAME_SIZE, 8) == state.frame_size
        and _number(memory, _CAPACITY, 8) == state.capacity
        and _number(memory, _MINIMUM, 4) == state.minimum
        and _number(memory, _MAXIMUM, 4) == state.maximum
        and _number(memory, _DEPTH, 4) == state.depth
        # It is collecting until enough has come in, which may be sooner than we look.
        and _number(memory, _COLLECTING, 4) in {0, 1}
    )


def _is_mutex(address: int) -> bool:
    name = _read(address + _MUTEX_NAME, _MUTEX_NAME_BYTES).split(b"\0", 1)[0]
    return name == b"mtx0x%x" % address


def _read(address: int, count: int) -> bytes:
    """Return memory of this process, as much as there is: unlike a pointer, this may point anywhere."""
    try:
        memory = os.open("/proc/self/mem", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.pread(memory, count, address)
    except (OSError, OverflowError):
        return b""
    finally:
        os.close(memory)


def _number(memory: bytes, offset: int, size: int) -> int:
    return int.from_bytes(memory[offset : offset + size], "little")
