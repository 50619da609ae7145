"""The handset's processes, as `make demo` and the end-to-end tests run them: the real commands, without systemd."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ClassVar, Final

from contract.consent import Purpose
from firmware.base.errors import StorageError
from firmware.control.admin_requests import StatusRequest
from firmware.control.client import ask_async
from firmware.control.requests import Role
from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.preferences import SetUp
from firmware.store.contacts import StoredContacts
from firmware.store.preferences import StoredSetUp
from tests.lab import kills
from tests.lab.guarded_store import open_store_of
from tests.lab.holder import USUAL, take_into_use
from tests.lab.kept_process import KeptProcess
from tests.lab.network import current_network
from tests.lab.ports import free_port
from tests.lab.warm_process import WarmProcess, completed

_FORK = "tests.lab.forked_handset"
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0
_COMMAND_TIMEOUT_S = 30.0

for _module in (
    _FORK,
    "drivers.ringer",
    "drivers.simulator.handset",
    "drivers.simulator.service",
    "drivers.sound",
    "firmware.app.handset",
    "firmware.cli",
    "firmware.display.families.mono",
    "firmware.voice.sip.engine",
    "firmware.app.sync",
    "firmware.voice.instruments",
    "firmware.voice.process",
):
    kills.load(_module)


_NETWORK: Final = current_network()
"""That of the process which forks."""


class WecallProcess:
    """One `wecall` command that says READY=1 as it would to systemd.

    Attributes:
        environment: that it is started with; to be changed before that.
        watched_by: a command that runs it under its eyes, and under the process id that it was started with itself.
        forks: a handset's are forks of a process that has loaded the firmware, which takes half of the time.
    """

    forks: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        may_fork: bool = False,
        module: str = "firmware.cli",
    ) -> None:
        self.log_path = folder / f"{name}.log"
        self._name = name
        self._arguments = tuple(arguments)
        self._notify_path = folder / f"{name}.notify"
        self.environment = {**os.environ, **environment, "NOTIFY_SOCKET": str(self._notify_path)}
        self._process: subprocess.Popen[bytes] | WarmProcess | None = None
        self.watched_by: Sequence[str] = ()
        self._may_fork = may_fork
        self._module = module
        self._notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    @property
    def pid(self) -> int:
        """The process's id.

        Raises:
            RuntimeError: it does not run.
        """
        if self._process is None:
            raise RuntimeError(f"{self._name} has not been started.")
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> None:
        """Start and wait for READY=1.

        Raises:
            RuntimeError: it ended or was not ready in time; the message holds the end of its log.
        """
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start without waiting."""
        if "NOTIFY_SOCKET" in self.environment:
            self._notify_path.unlink(missing_ok=True)
            self._notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._notifications.bind(str(self._notify_path))
        with self.log_path.open("ab") as log:
            self._process = self._fork(log) if self._is_to_fork() else self._run(log)

    def _is_to_fork(self) -> bool:
        """Say whether a fork would be what was asked for, with what is loaded and where it is."""
        if not (self.forks and self._may_fork) or self.watched_by:
            return False
        loads_others = any(
            name.startswith(("LD_", "PYTHON")) and os.environ.get(name) != value
            for name, value in self.environment.items()
        )
        return not loads_others and current_network() == _NETWORK

    def _fork(self, log: IO[bytes]) -> WarmProcess:
        with Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), log.fileno(), log.fileno())
            return WarmProcess(_FORK, *self._arguments, streams=streams, environment=self.environment)

    def _run(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.watched_by, sys.executable, "-m", self._module, *self._arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        """Wait for READY=1.

        Raises:
            RuntimeError: it ended or was not ready in time; the message holds the end of its log.
        """
        assert self._process is not None
        with self._notifications as notifications:
            notifications.settimeout(0.2)
            for _ in range(round(_START_TIMEOUT_S / 0.2)):
                try:
                    if b"READY=1" in notifications.recv(4096):
                        return
                except TimeoutError:
                    if self._process.poll() is not None:
                        break
        self.kill()
        raise RuntimeError(f"wecall {self._name} did not become ready:\n{self.log[-3000:]}")

    def stop(self) -> int:
        """End it in good order and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self._end(signal.SIGKILL)

    def is_running(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"wecall {self._name} did not stop within {_STOP_TIMEOUT_S:.0f} s") from None


class Handset:
    """The handset, its voice, the simulator that has its devices as a page, and its sync process.

    Attributes:
        configuration: the file's content from the next start on; no file where None.
    """

    def __init__(
        self,
        folder: Path,
        configuration: str,
        environment: Mapping[str, str],
        *,
        simulator_port: int | None = None,
        new: bool = False,
        purposes: Collection[Purpose] = USUAL,
    ) -> None:
        """Set up.

        Args:
            folder: the handset's own.
            configuration: the file's content.
            environment: of all processes, beside our own.
            simulator_port: where the page is; any free one where left out.
            new: it asks by itself what is to be chosen, and nobody has agreed to anything.
            purposes: what the holder agreed to before the first start, where it is not new.
        """
        self.folder = folder
        self.configuration_path = folder / "config.toml"
        self.configuration: str | None = configuration
        self._is_to_be_set_up = not new
        self._is_simulator_ready = False
        self._purposes = purposes
        self._environment = environment
        self._port = simulator_port or free_port(socket.SOCK_STREAM)
        self._runtime_dir = folder / "run"
        self.state_dir = folder / "state"
        simulator = ["simulator", "--port", str(self._port), "--runtime-dir", str(self._runtime_dir)]
        self.simulator = WecallProcess("simulator", simulator, folder, environment, may_fork=True)
        self._run = [
            "run", "--config", str(self.configuration_path), "--state-dir", str(self.state_dir),
            "--runtime-dir", str(self._runtime_dir), "--simulated-devices",
        ]  # fmt: skip
        self.main = WecallProcess("run", self._run, folder, environment, may_fork=True)
        voice = WecallProcess(
            "voice", ["voice", "--runtime-dir", str(self._runtime_dir)], folder, environment, may_fork=True
        )
        # Nobody would listen, and it would wait for that.
        del voice.environment["NOTIFY_SOCKET"]
        self.voice = KeptProcess(voice)
        sync = ["sync", "--runtime-dir", str(self._runtime_dir)]
        self.sync = WecallProcess("sync", sync, folder, environment, may_fork=True)

    def make_hasty(self, patience_s: float = 60) -> None:
        """Have it do in seconds what takes another minutes, from the next start on.

        Args:
            patience_s: how long a version on trial has to show that it works.
        """
        environment = {**self._environment, "HASTY_PATIENCE_S": str(patience_s)}
        self.main = WecallProcess("run", self._run, self.folder, environment, module="tests.lab.hasty_handset")

    @property
    def updates_dir(self) -> Path:
        """Where it finds root's service for updates: beside its own folder in /run."""
        return self.folder / "wecall-update"

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self._port}/"

    def start(self, *, sync: bool = True) -> None:
        """Start all processes, or all but sync; a simulator or a voice that outlasted the handset goes on."""
        self.prepare()
        processes = (self.main,) if self.simulator.is_running() else (self.simulator, self.main)
        self.voice.launch()
        for process in processes:
            process.launch()
        for process in processes:
            process.wait_until_ready()
        if sync:
            self.sync.start()

    def launch(self) -> None:
        """Start all without waiting; a simulator that runs goes on."""
        self.prepare()
        self._is_simulator_ready = self.simulator.is_running()
        if not self._is_simulator_ready:
            self.simulator.launch()
        self.voice.launch()
        self.main.launch()
        self.sync.launch()

    def wait_until_ready(self) -> None:
        """Wait until all that was launched is ready."""
        if not self._is_simulator_ready:
            self.simulator.wait_until_ready()
        self.main.wait_until_ready()
        self.sync.wait_until_ready()

    def prepare(self) -> None:
        """Make its folders and files, as they are before a start."""
        for path in (self.folder, self._runtime_dir, self.state_dir):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.configuration is None:
            self.configuration_path.unlink(missing_ok=True)
            return
        # Whoever kept what a configuration came to takes a file that was touched for another.
        if not self.configuration_path.exists() or self.configuration_path.read_text() != self.configuration:
            self.configuration_path.touch(mode=0o600)
            self.configuration_path.write_text(self.configuration)
        if self._is_to_be_set_up:
            self._is_to_be_set_up = False
            # Whoever starts a handset may be in a loop.
            with ThreadPoolExecutor(1) as elsewhere:
                elsewhere.submit(asyncio.run, self._set_up()).result()

    async def _set_up(self) -> None:
        """Write into the store, before the first start, what somebody leaves who has gone through the first run."""
        # A disk that takes nothing is for the handset itself to complain of.
        with suppress(StorageError):
            store = await open_store_of(self.state_dir, self._environment)
            try:
                await StoredSetUp(store).save(SetUp.FIRST_RUN)
                await take_into_use(store, self._purposes)
            finally:
                await store.stop()

    def stop(self) -> None:
        """Stop all."""
        self.sync.stop()
        # It ends with the handset.
        self.voice.release()
        self.main.stop()
        self.voice.stop()
        self.simulator.stop()

    def cut_power(self) -> None:
        """End the handset and its voice at once; sync is left to whoever started it, and the page's hook stays."""
        self.main.kill()
        self.voice.kill()

    def add_contact(self, name: str, number: str, country: str, ring: str = "") -> None:
        """Write into the address book of a handset that does not run; `ring` is the contact's own, if any."""

        async def add() -> None:
            store = await open_store_of(self.state_dir, self._environment)
            await StoredContacts(store, country).save(Contact(0, name, (ContactNumber(number),), ring=ring))
            await store.stop()

        asyncio.run(add())

    def command(self, *arguments: str) -> str:
        """Run an administrator's command and return what it printed."""
        done = self._completed(*arguments, "--runtime-dir", str(self._runtime_dir))
        if arguments[0] != "doctor":
            done.check_returncode()
        return done.stdout

    @staticmethod
    def _completed(*arguments: str) -> subprocess.CompletedProcess[str]:
        if WecallProcess.forks:
            return completed(_FORK, *arguments, timeout_s=_COMMAND_TIMEOUT_S)
        return subprocess.run(
            [sys.executable, "-m", "firmware.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_TIMEOUT_S,
            cwd=Path(__file__).parents[2],
        )

    async def status(self) -> Mapping[str, Any]:
        """What `wecall status` tells, without a process for each question."""
        return await ask_async(self._runtime_dir, Role.ADMIN, StatusRequest())

    def ask(self, *arguments: str) -> Any:
        """Run an administrator's command that prints JSON and return it."""
        return json.loads(self.command(*arguments, "--json"))
