"""What happens when a stick is plugged into the simulator: the same program looks at it as at a real one."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_BUNDLE_NAME = "bundle.wecall"


class SimulatedPort:
    """Mounts what the page sends as a folder, and has the stick process visit it."""

    def __init__(self, runtime_dir: Path, note: Callable[[str], None]) -> None:
        """`runtime_dir` is where the handset's sockets are; `note` tells the person at the page."""
        self._runtime_dir = runtime_dir
        self._folder = runtime_dir / "stick"
        self._note = note

    async def plug_in(self, bundle: bytes) -> None:
        """Put a stick with this bundle in."""
        await asyncio.to_thread(self._visit, bundle)
        self._note(f"A stick is in. What becomes of it is on the display, and in a report in {self._folder}.")

    def _visit(self, bundle: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for left in self._folder.iterdir():
            left.unlink()
        (self._folder / _BUNDLE_NAME).write_bytes(bundle)
        # Of a session of its own: it waits while the handset starts anew, and writes its report after that.
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "firmware.cli", "stick", self._folder, "--runtime-dir", self._runtime_dir],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
