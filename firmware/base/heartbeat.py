"""How a thread shows that it makes progress."""

from typing import Protocol


class Heartbeat(Protocol):
    """A thread's sign of life: called whenever the thread has made progress, at least every few seconds."""

    def __call__(self) -> None: ...
