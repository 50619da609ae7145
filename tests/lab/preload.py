"""Libraries that a process loads before all others (ld.so(8)), whose functions stand in the place of the system's."""

import subprocess
from pathlib import Path


def preloaded(folder: Path, source: str) -> dict[str, str]:
    """Make a library of C in a folder, and return the environment of a process that loads it."""
    code, library = folder / "preload.c", folder / "preload.so"
    code.write_text(source)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, code], check=True, timeout=30)
    return {"LD_PRELOAD": str(library)}
