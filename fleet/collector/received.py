"""A message as the broker brought it."""

from typing import NamedTuple


class Received(NamedTuple):
    """One message; nobody has looked into it.

    Attributes:
        topic: where it was published.
        payload: what it holds.
        number: its packet identifier, by which the broker is told that it may forget it.
        qos: 1, or 0 where nobody waits for that word.
        connection: counts the connections of this process: on another one the identifier means nothing.
        at_s: when it came, on a clock that nobody sets.
    """

    topic: str
    payload: bytes
    number: int
    qos: int
    connection: int
    at_s: float
