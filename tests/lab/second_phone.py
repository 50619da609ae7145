"""A second phone of ours: a PjsuaStack in a process of its own, since the library is one to a process."""

import multiprocessing
import os
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, Final, Self

from firmware.phone.events import Event
from firmware.voice.sip.settings import SipSettings
from tests.lab import kills
from tests.lab.arrivals import Arrivals
from tests.lab.audio import Sound
from tests.lab.network import current_network
from tests.lab.sip_line import EventInbox, SipLine

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0

kills.load(__name__)

_NETWORK: Final = current_network()
"""That of the process which forks."""


class RemoteStack:
    """A SipStack's requests, made of the other process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        def request(*arguments: Any, **words: Any) -> None:
            self._connection.send(("stack", name, arguments, words))

        return request


class SecondPhone(EventInbox):
    """As a SipLine, but elsewhere; events arrive here as they do there."""

    def __init__(self, settings: SipSettings) -> None:
        super().__init__()
        self._settings = settings
        self._connection, self._theirs = multiprocessing.Pipe()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._sounds = Arrivals[Sound]("the second phone")
        self.stack = RemoteStack(self._connection)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process, which runs."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until its stack runs; its events come in from now on."""
        # A fork has the network and the libraries of where it comes from.
        if current_network() == _NETWORK and not os.environ.get("LD_PRELOAD"):
            self._process = kills.start_apart(_run, self._theirs, self._settings)
        else:
            apart = multiprocessing.get_context("spawn")
            self._process = apart.Process(target=_run, args=(self._theirs, self._settings), daemon=True)
            self._process.start()
        self._theirs.close()
        assert self._connection.poll(START_TIMEOUT_S), "the second phone does not start"
        threading.Thread(target=self._listen, name="second-phone", daemon=True).start()

    def stop(self) -> None:
        """Hang up, unregister and end."""
        if self._process is None:
            return
        if self._process.is_alive():
            self._connection.send(("stop",))
            self._process.join(STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def say(self, frequency_hz: float) -> None:
        """Speak this tone from now on."""
        self._connection.send(("say", frequency_hz))

    def last_heard(self, duration_s: float) -> Sound:
        """Return the last of what came to its ear."""
        self._sounds.forget()
        self._connection.send(("last_heard", duration_s))
        return self._sounds.take()

    def _listen(self) -> None:
        while True:
            try:
                word = self._connection.recv()
            except (EOFError, OSError):
                return
            if isinstance(word, Sound):
                self._sounds.add(word)
            else:
                self.post(word)


def _run(connection: Connection, settings: SipSettings) -> None:
    sending = threading.Lock()

    def send(word: Event | Sound) -> None:
        with sending:
            connection.send(word)

    line = SipLine(settings)
    line.when_posted = send
    with line:
        while True:
            match connection.recv():
                case ("stack", str() as name, tuple() as arguments, Mapping() as words):
                    getattr(line.stack, name)(*arguments, **words)
                case ("say", frequency_hz):
                    line.say(frequency_hz)
                case ("last_heard", duration_s):
                    send(line.last_heard(duration_s))
                case _:
                    return
