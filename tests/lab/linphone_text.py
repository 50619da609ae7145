"""linphone as a phone with real-time text (RFC 4103): Debian's own library, in a process of its own.

Run as a program it takes a command a line (`call URI`, `type LETTERS`) and says what happens, an event a line.
"""

import ctypes
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final, Self

from tests.lab.patience import wait_until

_LIBRARY: Final = "liblinphone.so.12"
_INCOMING, _RUNNING, _UPDATED = 1, 8, 16  # LinphoneCallState
_TURN_S: Final = 0.01
_STOP_S: Final = 10.0


class LinphoneText:
    """A phone that takes every call, with text and without sound."""

    def __init__(self, folder: Path, user: str, password: str, port: int, server: str = "127.0.0.1") -> None:
        """Set up without starting; `server` and `port` are its registrar's, over UDP."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".local" / "share" / "linphone").mkdir(parents=True, exist_ok=True)
        self._folder = folder
        (folder / "linphonerc").write_text(f"""
[sip]
sip_port=-1
sip_tcp_port=0
sip_tls_port=0
default_proxy=0
[proxy_0]
reg_proxy=<sip:{server}:{port};transport=udp>
reg_identity=sip:{user}@localhost
reg_expires=300
reg_sendregister=1
[auth_info_0]
username={user}
passwd={password}
domain=localhost
""")
        self._process: subprocess.Popen[str] | None = None
        self._letters: list[tuple[float, str]] = []
        self._runs = False

    def __enter__(self) -> Self:
        environment = {**os.environ, "HOME": str(self._folder)}
        with (self._folder / "output.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.linphone_text", str(self._folder / "linphonerc")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8", env=environment,
            )  # fmt: skip
        threading.Thread(target=self._listen, name="linphone", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(_STOP_S)

    @property
    def text(self) -> str:
        """All letters that it has shown."""
        return "".join(letter for _, letter in self._letters)

    def forget(self) -> None:
        """Forget what it has shown."""
        self._letters.clear()

    @property
    def letters(self) -> list[tuple[float, str]]:
        """Each letter that it has shown, with when by the monotonic clock."""
        return list(self._letters)

    def call(self, uri: str) -> None:
        """Call somebody, with text."""
        self._say(f"call {uri}")

    def wait_until_it_talks(self) -> None:
        """Wait until the call runs."""
        wait_until(lambda: self._runs, "linphone's call runs")

    def type(self, letters: str) -> None:
        """Type letters, one after another."""
        self._say(f"type {letters}")

    def _say(self, command: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "letter":
                self._letters.append((time.monotonic(), chr(int(rest))))
            elif word == "state":
                self._runs = self._runs or int(rest) == _RUNNING


class _Core:
    """The library's core, in a program's own thread."""

    def __init__(self, configuration: str) -> None:
        self._library = library = ctypes.CDLL(_LIBRARY)
        for name in (
            "factory_get", "factory_create_core_3", "factory_create_core_cbs", "core_create_call_params",
            "core_invite_address_with_params", "core_interpret_url", "core_get_current_call", "call_get_chat_room",
            "chat_room_create_message_from_utf8",
        ):  # fmt: skip
            getattr(library, f"linphone_{name}").restype = ctypes.c_void_p
        library.linphone_chat_room_get_char.restype = ctypes.c_uint32
        factory = ctypes.c_void_p(self._do("factory_get"))
        self._core = self._do("factory_create_core_3", factory, configuration.encode(), None, None)
        self._do("core_enable_realtime_text", self._core, 1)
        self._do("core_set_use_files", self._core, 1)
        # The library keeps their addresses alone.
        self._callbacks = (
            ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)(self._changed),
            ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(self._composing),
        )
        told = self._do("factory_create_core_cbs", factory)
        self._do("core_cbs_set_call_state_changed", told, self._callbacks[0])
        self._do("core_cbs_set_is_composing_received", told, self._callbacks[1])
        self._do("core_add_callbacks", self._core, told)
        self._do("core_start", self._core)
        # It believes that there is no network where there is no way out.
        self._do("core_set_network_reachable", self._core, 1)
        self._message: Any = None

    def _do(self, name: str, *arguments: Any) -> Any:
        passed = [ctypes.c_void_p(each) if isinstance(each, int) and each > 2**16 else each for each in arguments]
        return getattr(self._library, f"linphone_{name}")(*passed)

    def _with_text(self, call: Any) -> Any:
        parameters = self._do("core_create_call_params", self._core, call)
        self._do("call_params_enable_realtime_text", parameters, 1)
        return parameters

    def _changed(self, _core: Any, call: Any, state: int, _message: bytes) -> None:
        if state == _INCOMING:
            self._do("call_accept_with_params", call, self._with_text(call))
        elif state == _UPDATED:
            self._do("call_accept_update", call, self._with_text(call))
        _tell("state", state)

    def _composing(self, _core: Any, room: Any) -> None:
        while letter := self._do("chat_room_get_char", room):
            _tell("letter", letter)

    def run(self, commands: "queue.SimpleQueue[str]") -> None:
        while True:
            self._do("core_iterate", self._core)
            try:
                word, _, rest = commands.get(timeout=_TURN_S).partition(" ")
            except queue.Empty:
                continue
            if word == "call":
                whom = self._do("core_interpret_url", self._core, rest.encode())
                self._do("core_invite_address_with_params", self._core, whom, self._with_text(None))
            elif word == "type":
                self._type(rest)

    def _type(self, letters: str) -> None:
        if self._message is None:
            room = self._do("call_get_chat_room", self._do("core_get_current_call", self._core))
            self._message = self._do("chat_room_create_message_from_utf8", room, b"")
        for letter in letters:
            self._do("chat_message_put_char", self._message, ord(letter))


def _tell(word: str, number: int) -> None:
    sys.stdout.write(f"{word} {number}\n")
    sys.stdout.flush()


def main(configuration: str) -> None:
    commands: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            commands.put(line.rstrip("\n"))

    threading.Thread(target=read, daemon=True).start()
    _Core(configuration).run(commands)


if __name__ == "__main__":
    main(sys.argv[1])
