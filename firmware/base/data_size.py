"""How much data it is, in words."""

from typing import Final

_KILO: Final = 1000


def size_words(size_bytes: int) -> str:
    """Say it as those who bill for it do: 1 kB is 1000 bytes."""
    if size_bytes < _KILO:
        return f"{size_bytes} B"
    kilobytes = size_bytes / _KILO
    return f"{kilobytes:.1f} kB" if kilobytes < _KILO else f"{kilobytes / _KILO:.1f} MB"
