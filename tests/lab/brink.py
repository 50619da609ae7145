"""Memory for what a parser reads, with a page behind it that ends whoever reads a byte too many."""

import ctypes
import mmap
from typing import Final

_LARGEST: Final = 16 * mmap.PAGESIZE  # no UDP packet is larger


class Brink:
    """A place for one packet at a time."""

    def __init__(self) -> None:
        self._pages = mmap.mmap(-1, _LARGEST + mmap.PAGESIZE)
        self._end = ctypes.addressof(ctypes.c_char.from_buffer(self._pages)) + _LARGEST
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(self._end), mmap.PAGESIZE, 0) == 0

    def put(self, packet: bytes) -> int:
        """Return the address of a packet that ends where the page begins."""
        self._pages[_LARGEST - len(packet) : _LARGEST] = packet
        return self._end - len(packet)


BRINK: Final = Brink()
