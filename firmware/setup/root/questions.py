"""How root's services are asked: one question a connection, a line of JSON, perhaps with an open file beside it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

Question = TypeVar("Question", bound=BaseModel)

PATIENCE_S: Final = 10.0
"""Whoever asks and then says nothing keeps the others waiting no longer than this."""


@contextmanager
def received(connection: socket.socket, kind: type[Question], most_bytes: int) -> Iterator[tuple[Question, int | None]]:
    """Read a question, and lend the open file beside it.

    Args:
        connection: has a timeout.
        kind: what a question is.
        most_bytes: the longest line, its line end included.

    Raises:
        OSError: there is no whole question in time.
        ValueError: it is no question.
    """
    line, descriptors, _, _ = socket.recv_fds(connection, most_bytes, 1)
    try:
        while not line.endswith(b"\n"):
            if not (piece := connection.recv(most_bytes)) or len(line) + len(piece) > most_bytes:
                raise ValueError("no line")
            line += piece
        try:
            question = kind.model_validate_json(line)
        except ValidationError:
            # What it says of itself may repeat a password.
            raise ValueError("no question") from None
        yield question, descriptors[0] if descriptors else None
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def say(connection: socket.socket, said: BaseModel) -> None:
    """Say one thing to whoever asked.

    Raises:
        OSError: they have gone away.
    """
    connection.sendall(said.model_dump_json().encode() + b"\n")
