"""Root's service for updates, as the handset sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import TypeAdapter, ValidationError

from firmware.setup.root.update.messages import (
    MAX_LINE_BYTES,
    SOCKET,
    STATE,
    UpdateAnswer,
    UpdateProgress,
    UpdateRequest,
    UpdateState,
    UpdateWish,
)
from firmware.setup.root_socket import converse

_SAID: Final[TypeAdapter[UpdateAnswer | UpdateProgress]] = TypeAdapter(UpdateAnswer | UpdateProgress)
_MOST_STATE_BYTES: Final = 16 * 1024


def read_state(path: Path = Path(STATE)) -> UpdateState | None:
    """Return how the machine stands; None where nobody updates it, or root has not said so yet."""
    try:
        with path.open("rb") as file:
            return UpdateState.model_validate_json(file.read(_MOST_STATE_BYTES))
    except (OSError, ValidationError):
        return None


class RootUpdates:
    """Asks root's service for updates; every method raises ControlError where it does not answer as it should.

    None is the answer of a machine that has no such service.

    Args:
        socket: the service's.
        state: the file in which root says how the machine stands.
    """

    def __init__(self, socket: Path = Path(SOCKET), state: Path = Path(STATE)) -> None:
        self._socket = socket
        self._state = state

    def state(self) -> UpdateState | None:
        """Return how the machine stands."""
        return read_state(self._state)

    async def install(
        self,
        message: str,
        on_progress: Callable[[int], None],
        *,
        file: BinaryIO | None = None,
        proof: str = "",
        release_keys: str = "",
    ) -> UpdateAnswer | None:
        """Have an update put beside what runs.

        Args:
            message: the document that announced it, in base64; empty where it is the file.
            on_progress: told how much of it is done, in per cent.
            file: the update itself, on a stick.
            proof: that it stands in the transparency log, for a file.
            release_keys: a list of release keys in base64, likewise.
        """
        wish = UpdateRequest(wish=UpdateWish.INSTALL, message=message, proof=proof, release_keys=release_keys)
        return await self._ask(wish, on_progress, file)

    async def take_release_keys(self, release_keys: str) -> UpdateAnswer | None:
        """Have a newer list of release keys taken, in base64: what it takes back is refused from now on."""
        return await self._ask(UpdateRequest(wish=UpdateWish.RELEASE_KEYS, release_keys=release_keys))

    async def start_trial(self) -> UpdateAnswer | None:
        """Have the machine restart into what was installed, once; it does so soon after the answer."""
        return await self._ask(UpdateRequest(wish=UpdateWish.START_TRIAL))

    async def say(self, *, works: bool) -> UpdateAnswer | None:
        """Say whether what runs on trial works; where it does not, the machine restarts into what ran before."""
        return await self._ask(UpdateRequest(wish=UpdateWish.WORKS if works else UpdateWish.FAILS))

    async def _ask(
        self,
        request: UpdateRequest,
        on_progress: Callable[[int], None] = lambda _percent: None,
        file: BinaryIO | None = None,
    ) -> UpdateAnswer | None:
        def hear(line: bytes) -> UpdateAnswer | None:
            said = _SAID.validate_json(line)
            if isinstance(said, UpdateAnswer):
                return said
            on_progress(said.percent)
            return None

        line = request.model_dump_json().encode() + b"\n"
        return await converse(self._socket, "wecall-update.service", line, hear, file=file, most_bytes=MAX_LINE_BYTES)
