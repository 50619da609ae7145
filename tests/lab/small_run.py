"""A run of pytest of its own in a folder, for the plugins of ours that are about runs."""

import os
import subprocess
import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]
_UNWANTED = ("cacheprovider", "hypothesispytest", "playwright", "schemathesis")


def small_run(folder: Path, plugin: str, *options: str) -> str:
    """Run the tests of a folder with one of our plugins, and return what was printed."""
    without = [option for name in _UNWANTED for option in ("-p", f"no:{name}")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", plugin, *without, *options, f"--rootdir={folder}", folder],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    ).stdout
