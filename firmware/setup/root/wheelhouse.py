"""The wheels of a bundle, one after the other, and how much of them is unpacked."""

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from provisioning.bundle import Bundle


class Wheelhouse:
    """The wheels of a bundle.

    Args:
        bundle: whose.
        folder: where a wheel may lie while it is unpacked, without a name.
    """

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        self._bundle = bundle
        self._folder = folder

    @property
    def digest(self) -> str:
        """What tells this firmware from others."""
        digests = []
        for name in self._bundle.wheels:
            digest = _Digest()
            self._bundle.extract(name, cast("BinaryIO", digest))
            digests.append(digest.text)
        return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """How large all wheels are together, packed as they are."""
        return sum(self._bundle.sizes[name] for name in self._bundle.wheels)

    def opened(self) -> Iterator[BinaryIO]:
        """Open one after the other; each is closed when the next one is wanted."""
        for name in sorted(self._bundle.wheels):
            with tempfile.TemporaryFile(dir=self._folder) as file:
                self._bundle.extract(name, file)
                file.seek(0)
                yield file


class Share:
    """How much of something is done; told in whole percent, each once.

    Args:
        whole_bytes: how much there is to do.
        on_percent: told.
    """

    def __init__(self, whole_bytes: int, on_percent: Callable[[int], None]) -> None:
        self._whole_bytes = max(1, whole_bytes)
        self._on_percent = on_percent
        self._done_bytes = 0
        self._told = 0

    def add(self, done_bytes: int) -> None:
        """Note that so much more is done."""
        self._done_bytes += done_bytes
        percent = min(100, 100 * self._done_bytes // self._whole_bytes)
        if percent > self._told:
            self._told = percent
            self._on_percent(percent)


class _Digest(io.RawIOBase):
    """A file that keeps nothing of what is written but its SHA-256."""

    def __init__(self) -> None:
        super().__init__()
        self._hash = hashlib.sha256()

    def write(self, piece: Any) -> int:
        self._hash.update(piece)
        return len(piece)

    @property
    def text(self) -> str:
        return self._hash.hexdigest()
