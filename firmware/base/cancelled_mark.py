"""The mark that a cancelled account leaves: the configuration by which this phone registers no more."""

import hashlib
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably

MARK_NAME: Final = "cancelled"


def mark_cancelled(state_dir: Path, text: str) -> None:
    """Let a configuration, given by its text, not be used here any more.

    Raises:
        OSError: the card cannot be written.
    """
    replace_durably(state_dir / MARK_NAME, _digest(text).encode())


def is_cancelled(state_dir: Path, text: str) -> bool:
    """Tell whether the account of this configuration was cancelled here; any other configuration counts again."""
    try:
        return (state_dir / MARK_NAME).read_text(encoding="ascii").strip() == _digest(text)
    except (OSError, UnicodeDecodeError):
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
