"""Root's service for updates, answering on its real socket from a thread; a test says what becomes of each wish."""

import os
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from contract.results import OutcomeCode
from firmware.setup.root.update.messages import (
    MAX_LINE_BYTES,
    UpdateAnswer,
    UpdateOutcome,
    UpdateProgress,
    UpdateRequest,
    UpdateState,
    UpdateWish,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = "0.2.0"
NEXT = "0.3.0"


class RootOfUpdates:
    """A card with two systems, as far as a handset sees it.

    Attributes:
        state: how the machine stands; `write` has the handset know.
        asked: every wish so far.
        brought: what was in the files beside them.
        refusals: what a wish comes to, where that is not what was wished for.
        when_asked: called with each wish before it is answered.
    """

    def __init__(self, folder: Path, *, on_trial: bool = False) -> None:
        self.folder = folder
        self.state = UpdateState(how="card", version=NEXT if on_trial else RUNS, slot="A", on_trial=on_trial)
        self.asked: list[UpdateRequest] = []
        self.brought: list[bytes] = []
        self.refusals: dict[UpdateWish, OutcomeCode] = {}
        self.when_asked: Callable[[UpdateRequest], object] = lambda _request: None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._stops = False

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        self._listener.bind(str(self.folder / "update.sock"))
        self._listener.listen()
        self.write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops = True
        self._thread.join()
        self._listener.close()

    @property
    def wishes(self) -> list[UpdateWish]:
        """What was wished for so far."""
        return [request.wish for request in self.asked]

    def write(self, **changes: object) -> None:
        """Say how the machine stands, after these changes."""
        self.state = self.state.model_copy(update=changes)
        draft = self.folder / "state.new"
        draft.write_text(self.state.model_dump_json())
        draft.replace(self.folder / "state.json")

    def restart(self, *, works: bool) -> None:
        """Do what a machine does after START_TRIAL: run the new system on trial, or be back in the old one."""
        if works:
            self.write(version=self.state.installed, installed="", on_trial=True)
        else:
            self.write(last=OutcomeCode.WENT_BACK, last_version=self.state.installed, installed="", on_trial=False)

    def _serve(self) -> None:
        while not self._stops:
            if select.select([self._listener], [], [], 0.05)[0]:
                connection, _ = self._listener.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        line, files, _, _ = socket.recv_fds(connection, MAX_LINE_BYTES, 1)
        while not line.endswith(b"\n"):
            line += connection.recv(MAX_LINE_BYTES)
        request = UpdateRequest.model_validate_json(line)
        for file in files:
            self.brought.append(os.pread(file, 1 << 20, 0))
            os.close(file)
        self.when_asked(request)
        refusal = self.refusals.get(request.wish)
        code = self._carry_out(connection, request.wish) if refusal is None else refusal
        outcome = UpdateOutcome.DONE if refusal is None else UpdateOutcome.REFUSED
        answer = UpdateAnswer(outcome=outcome, code=code, state=self.state)
        # Whoever counts wishes may end the handset that had this one.
        self.asked.append(request)
        with suppress(OSError):
            connection.sendall(answer.model_dump_json().encode() + b"\n")

    def _carry_out(self, connection: socket.socket, wish: UpdateWish) -> OutcomeCode | Literal[""]:
        match wish:
            case UpdateWish.INSTALL:
                with suppress(OSError):
                    connection.sendall(UpdateProgress(percent=50, received_bytes=1).model_dump_json().encode() + b"\n")
                self.write(installed=NEXT)
                return OutcomeCode.INSTALLED
            case UpdateWish.START_TRIAL:
                self.write(tries=self.state.tries + 1)
            case UpdateWish.WORKS:
                self.write(on_trial=False, tries=0, last=OutcomeCode.APPLIED, last_version=self.state.version)
                return OutcomeCode.APPLIED
        return ""
