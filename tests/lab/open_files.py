"""What this process has open."""

from contextlib import suppress
from pathlib import Path


def open_files() -> dict[Path, Path]:
    """Return what is behind each descriptor, whose path under /proc opens it once more.

    The list is no snapshot: what another thread closes meanwhile is left out.
    """
    found = {}
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found[descriptor] = descriptor.readlink()
    return found
