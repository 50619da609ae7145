"""The handset's SIP stack in a process of its own, so that a crash of its library is seen as one.

It needs no sound device: its audio is pumped by a clock, says a steady tone and keeps what it hears.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import psutil

from tests.lab import kills
from tests.lab.arrivals import Arrivals
from tests.lab.audio import Sound, find_tone, gaps
from tests.lab.patience import PATIENCE_S
from tests.lab.priority import prefer
from tests.lab.warm_process import WarmProcess

START_TIMEOUT_S = 30.0
_PROGRAM = "tests.lab.stack_program"
kills.load(_PROGRAM)
SPOKEN_HZ = 1000
_GONE = "gone"


@dataclass(frozen=True, slots=True)
class StackSettings:
    """How the stack is set.

    Attributes:
        username, password: of its account on localhost.
        server_port: where the account's server listens.
        transport: how SIP travels.
        answer_anyone: let strangers in.
        welcome: user parts of those whose calls it answers, or lets ring while there are enough; it is busy for all
            others.
        calls: how many calls it has at once before further ones only ring.
        srtp: whether it encrypts audio; the values are `provisioning.sip_choices.Srtp`'s.
        ice: it offers and takes ICE.
        name_server: the address of the only name server that its process finds; this machine's where empty. Only root
            may change it.
        host: the account's server.
        local_port: where it listens, of both families; any where 0.
        tls_ca: who vouches for the server.
        counts: the gate turns away what comes too often; where it does not, a call too many ends another by chance.
        reads_bodies: they are read, and refused or written anew, before the library reads them.
    """

    username: str
    password: str
    server_port: int
    transport: str = "udp"
    answer_anyone: bool = False
    welcome: Sequence[str] = field(default_factory=list)
    calls: int = 1
    srtp: str = "preferred"
    ice: bool = False
    name_server: str = ""
    host: str = "localhost"
    local_port: int = 0
    tls_ca: str = ""
    counts: bool = True
    reads_bodies: bool = True


@dataclass(frozen=True, slots=True)
class Size:
    """What the process holds, to see whether it grows."""

    memory_bytes: int
    descriptors: int
    threads: int
    calls: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What came in since `listen`.

    Attributes:
        sound: at the clock of the process.
        longest_wait_s: the longest time between two frames, which a sound card would have filled with silence.
    """

    sound: Sound
    longest_wait_s: float

    def longest_gap_s(self) -> float:
        """Return for how long the echo of the spoken tone was gone at most."""
        if not find_tone(self.sound, [SPOKEN_HZ]):
            return self.sound.duration_s
        missing = [gap.duration_s for gap in gaps(self.sound, SPOKEN_HZ)]
        return max([self.longest_wait_s, *missing])


class StackCrashedError(AssertionError):
    """The process has ended by itself."""


class StackProcess:
    """The process, and what happens in it in words.

    The words: `registered`, `unregistered`; `incoming <user>`; a call's state, its number and the reason for its end;
    `gone` when the process has ended.
    """

    def __init__(self, folder: Path, settings: StackSettings, environment: Mapping[str, str] | None = None) -> None:
        """Set up without starting.

        Args:
            folder: for its log and what it hears.
            settings: of the stack.
            environment: variables that it has beside those of this process, for another build of the library.
        """
        self.folder = folder
        self.settings = settings
        self._environment = dict(environment or {})
        # A sanitizer tells more than the interpreter does, if it is asked first.
        self._debugging = [] if environment else ["-X", "faulthandler"]
        self.port = 0
        self._process: subprocess.Popen[str] | WarmProcess | None = None
        self._input: IO[str] | None = None
        self._events = Arrivals[str]("the stack")
        self._answers = Arrivals[str]("the stack")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *, registered: bool = True) -> None:
        """Start and wait until it is registered.

        Raises:
            AssertionError: it is not, in time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._events, self._answers = Arrivals[str]("the stack"), Arrivals[str]("the stack")
        with (self.folder / "stack.log").open("ab") as log:
            self._process, self._input, output = self._launch(log)
        # As its audio thread would run before others on the device.
        prefer(self._process.pid)
        threading.Thread(target=self._read, args=(output,), daemon=True).start()
        self._say(json.dumps({"folder": str(self.folder), **asdict(self.settings)}))
        if registered:
            self.wait_for("registered", timeout_s=START_TIMEOUT_S)
        self.port = self.ask("port")

    def _launch(self, log: IO[bytes]) -> tuple[subprocess.Popen[str] | WarmProcess, IO[str], IO[str]]:
        """Start the process; return it, its input and its output."""
        if not self._environment and not self.settings.name_server:
            (its_input, our_end), (its_end, its_output) = os.pipe(), os.pipe()
            started = WarmProcess(_PROGRAM, streams=(its_input, its_output, log.fileno()))
            os.close(its_input)
            os.close(its_output)
            return started, os.fdopen(our_end, "w", encoding="utf-8"), os.fdopen(its_end, encoding="utf-8")
        process = subprocess.Popen(
            [*self._surroundings(), sys.executable, *self._debugging, "-m", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, **self._environment},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        return process, process.stdin, process.stdout

    def _surroundings(self) -> list[str]:
        """Return the command that runs the program where its name server is the one in the settings."""
        if not self.settings.name_server:
            return []
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {self.settings.name_server}\n", encoding="ascii")
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, str(resolver)]

    def kill(self) -> None:
        """End it at once; harmless where it has ended."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it run no further meanwhile: what is sent to it arrives all at once afterwards."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def log(self) -> str:
        """What it complained about."""
        return (self.folder / "stack.log").read_text(errors="replace")[-12000:]

    @property
    def events(self) -> list[str]:
        """What has happened in it, in order."""
        return self._events.since()

    def wait_for(self, start: str, *, after: int = 0, timeout_s: float = PATIENCE_S) -> str:
        """Return the first event that begins so.

        Args:
            start: the event's first words.
            after: how many of the events that have happened do not count.
            timeout_s: how long to wait.

        Raises:
            AssertionError: there was none.
            StackCrashedError: there can be none any more.
        """

        (event,) = self._events.first(1, lambda each: each.startswith((start, _GONE)), after=after, timeout_s=timeout_s)
        if event == _GONE:
            raise self._crash()
        return event

    def has_happened(self, start: str, *, after: int = 0, timeout_s: float) -> bool:
        """Say whether an event that begins so comes in time.

        Raises:
            StackCrashedError: the process has ended.
        """
        try:
            self.wait_for(start, after=after, timeout_s=timeout_s)
        except StackCrashedError:
            raise
        except AssertionError:
            return False
        return True

    def ask(self, *words: str, timeout_s: float = PATIENCE_S) -> Any:
        """Let it do something and return its answer."""
        mark = self._answers.mark()
        self._say(" ".join(words))
        (answer,) = self._answers.first(1, after=mark, timeout_s=timeout_s)
        if answer == _GONE:
            raise self._crash()
        return json.loads(answer)

    def call(self, uri: str) -> str:
        """Call somebody and return the call's number once it is answered."""
        number = str(self.ask("call", uri))
        self.wait_for(f"active {number}")
        return number

    def hang_up(self, number: str) -> None:
        """End a call and wait until it is over."""
        self.ask("hang_up", number)
        self.wait_for(f"disconnected {number}")

    def hang_up_all(self) -> None:
        """End every call, without waiting."""
        self.ask("hang_up", "all")

    def listen(self) -> None:
        """Keep what is heard from now on."""
        self.ask("listen")

    def heard(self) -> Heard:
        """Return what has been heard since `listen`."""
        answer = self.ask("heard")
        pcm = Path(answer["path"]).read_bytes()
        return Heard(Sound.from_pcm(pcm, answer["rate_hz"]), answer["longest_wait_s"])

    def size(self) -> Size:
        """Measure the process."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        return Size(process.memory_info().rss, process.num_fds(), process.num_threads(), int(self.ask("calls")))

    def cpu_s(self) -> float:
        """Return how much of a core it has used up."""
        assert self._process is not None
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def is_running(self) -> bool:
        """Say whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def _crash(self) -> StackCrashedError:
        assert self._process is not None
        code = self._process.wait(timeout=10)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return StackCrashedError(f"The stack's process has ended {how}:\n{self.log}")

    def _say(self, line: str) -> None:
        assert self._input is not None
        try:
            self._input.write(line + "\n")
            self._input.flush()
        except BrokenPipeError:
            raise self._crash() from None

    def _read(self, output: IO[str]) -> None:
        # Where it is started anew, they are another's.
        events, answers = self._events, self._answers
        for line in output:
            if line.startswith("="):
                answers.add(line[1:])
            else:
                events.add(line.strip())
        events.add(_GONE)
        answers.add(_GONE)
