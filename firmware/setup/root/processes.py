"""Which process is which, also after its number was given to another one."""

from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_START_TIME: Final = 19
"""Where proc_pid_stat(5) has it, counted from the state on, which follows the name in brackets."""


def identify(pid: int) -> str:
    """Return what no other process has been or will be; empty where there is none of this number.

    A process that becomes another program by execve(2) stays the same.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        started = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return f"{boot} {pid} {started[_START_TIME]}"
    except (OSError, IndexError):
        return ""


def is_alive(identity: str) -> bool:
    """Tell whether a process runs still."""
    parts = identity.split()
    return len(parts) > 1 and identify(int(parts[1])) == identity
