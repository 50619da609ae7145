"""The SIP library built with assertions and AddressSanitizer, for a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[3]
_PLACE: Final = _ROOT / "build" / "engine-asan"
# The interpreter is not built for it: it comes first by name, with the library whose exceptions it watches.
_PRELOADED: Final = ("libasan.so", "libstdc++.so")
_OPTIONS: Final = (
    "detect_leaks=0",  # the interpreter's own at its end
    "allocator_may_return_null=1",
    "detect_stack_use_after_return=0",
    "handle_abort=1",
    "quarantine_size_mb=64",
)


def sanitized() -> dict[str, str]:
    """Return the environment in which Python imports that build; it is built and installed where it is not yet."""
    made = subprocess.run(
        ["/usr/bin/python3", "-m", "engine", "--sanitize"], cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    wheel = made.stdout.strip()
    mark = _PLACE / "wheel"
    if not mark.exists() or mark.read_text() != wheel:
        words = ["install", "--quiet", "--upgrade", "--no-deps", "--target", str(_PLACE), wheel]
        subprocess.run([sys.executable, "-m", "pip", *words], check=True)
        mark.write_text(wheel)
    return {
        "PYTHONPATH": os.pathsep.join([str(_PLACE), str(_ROOT)]),
        "LD_PRELOAD": ":".join(_library(name) for name in _PRELOADED),
        "ASAN_OPTIONS": ":".join(_OPTIONS),
    }


def _library(name: str) -> str:
    words = ["gcc", f"-print-file-name={name}"]
    return str(Path(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()).resolve())
