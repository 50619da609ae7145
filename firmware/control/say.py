"""Says one thing to the handset, without loading what all the requests are made of: that takes longer than the rest."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware.base.errors import ControlError, RequestRefusedError

_TIMEOUT_S: Final = 10.0
_LONGEST_ANSWER_BYTES: Final = 64 * 1024


def say(socket_path: Path, request: Mapping[str, str | bool]) -> None:
    """Send a request whose answer says nothing more than that it was done.

    Args:
        socket_path: of the role's socket.
        request: as one of the role's models in firmware.control.request_lists has it.

    Raises:
        ControlError: the handset is not there, does not answer or refuses.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(str(socket_path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer = json.loads(answers.readline(_LONGEST_ANSWER_BYTES))
    except (OSError, ValueError) as error:
        raise ControlError("The handset could not be told. Does it run?") from error
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise RequestRefusedError("The handset did not take what it was told. Is it of another version?")
