"""Somebody at the terminal, who does what a test asks and says what they see."""

from pathlib import Path

import pytest

_TERMINAL = Path("/dev/tty")


class Person:
    """Reads and writes the terminal itself, because pytest captures standard input and output."""

    @classmethod
    def needed_for(cls, what: str) -> "Person":
        """Return the person, or skip the test where nobody is there."""
        try:
            _TERMINAL.open("w").close()
        except OSError:
            pytest.skip(f"needs a person at a terminal for {what}")
        return cls()

    def tell(self, request: str) -> None:
        with _TERMINAL.open("w") as terminal:
            terminal.write(f"\n  >> {request}\n")

    def confirms(self, question: str) -> bool:
        self.tell(f"{question} [y/n]")
        with _TERMINAL.open() as terminal:
            return terminal.readline().strip().lower().startswith("y")
