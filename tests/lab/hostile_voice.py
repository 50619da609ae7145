"""A voice that a packet has taken over: it says on the handset's socket what it likes, and keeps all that it hears.

Each connection is one of a process of its own, since the handset ends whoever misbehaves.
"""

import os
import random
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Final

from firmware.phone import news as n
from firmware.phone.call import CallerId, CallId, RegistrationState
from firmware.voice import channel
from firmware.voice.messages import Hello, News, OrderTaken, encode
from tests.lab.handset import WecallProcess
from tests.lab.random_news import KINDS, RandomNews

DIARY: Final = "heard"
TOLD: Final = "told"
MODULE: Final = "tests.lab.hostile_voice"
_FOR_EVER_S: Final = 60.0
_CONNECTIONS: Final = 100
_FILES: Final = 12
_ROUGH_ONE_IN: Final = 5
_OF_CALLS: Final = 400
_AFTER_HELLO: Final = tuple(kind for kind in KINDS if kind is not Hello)
_NO_CALLS: Final = n.CallsFound(())
Act = Callable[["Line"], None]


class HostileVoice(WecallProcess):
    """It, as a process that ends when it has done what it does.

    Attributes:
        folder: where it keeps what it has heard.
    """

    def __init__(self, runtime_dir: Path, folder: Path, script: str, messages: int, seed: int) -> None:
        """Start nothing yet.

        Args:
            runtime_dir: where the handset's socket is.
            folder: its own.
            script: what it does, one of SCRIPTS.
            messages: so many are sent, about.
            seed: of its dice.
        """
        folder.mkdir(exist_ok=True)
        self.folder = folder
        super().__init__(
            script, [str(runtime_dir), str(folder), script, str(messages), str(seed)], folder, {}, module=MODULE
        )

    @property
    def heard(self) -> bytes:
        """All orders that it was given, and what was in the files that came with them."""
        return _read(self.folder / DIARY)

    @property
    def told(self) -> int:
        """How many messages the socket took."""
        return len(_read(self.folder / TOLD))


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


# --- one connection ---------------------------------------------------------------------------------------------------


class OverError(Exception):
    """The handset has ended the connection."""


class Line:
    """A connection to the handset."""

    def __init__(self, runtime_dir: Path, folder: Path) -> None:
        self._diary = os.open(folder / DIARY, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._told = os.open(folder / TOLD, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.path = runtime_dir / channel.SOCKET_NAME
        while (connection := channel.connect(self.path)) is None:
            time.sleep(0.01)
        self._connection = connection

    def say(self, *messages: News | bytes, files: Sequence[int] = ()) -> None:
        """Say something, as fast as it is heard.

        Raises:
            OverError: nobody hears it.
        """
        for message in messages:
            data = message if isinstance(message, bytes) else encode(message)
            try:
                socket.send_fds(self._connection, [data], files)
            except OSError as error:
                raise OverError from error
            os.write(self._told, b".")

    def begin(self, found: News = _NO_CALLS) -> None:
        """Say what each voice says first, and listen from now on."""
        self.listen()
        self.say(Hello(channel.PROGRAM, ""), found)

    def close(self) -> None:
        """End it, for whoever has a part in it."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def listen(self) -> None:
        """Keep what is heard from now on, in a process that does nothing else."""
        if os.fork() == 0:
            with suppress(OSError):
                self._keep()
            os._exit(0)

    def _keep(self) -> None:
        while True:
            data, files, _, _ = socket.recv_fds(self._connection, channel.MAX_MESSAGE_BYTES, 4)
            if not data:
                return
            os.write(self._diary, data)
            for file in files:
                with suppress(OSError):
                    # Of a pipe nothing is expected.
                    os.write(self._diary, os.pread(file, os.fstat(file).st_size, 0))
                os.close(file)


# --- what is done on one ----------------------------------------------------------------------------------------------


def _babble(count: int, news: RandomNews, line: Line) -> None:
    """Say what can be said, in no order, of calls that it says it kept, too."""
    line.begin(news.any((n.CallsFound,)))
    for _ in range(count):
        line.say(news.any(_AFTER_HELLO))


def _flap(line: Line) -> None:
    """Say of the line that it works, and that it does not, until the voice is killed that this is a process of."""
    line.begin()
    voice, states = os.getppid(), cycle((RegistrationState.FAILED, RegistrationState.REGISTERED))
    while os.getppid() == voice:
        line.say(n.RegistrationChanged(next(states)))


def _mute(line: Line) -> None:
    """Be there, and do nothing."""
    line.begin()
    time.sleep(_FOR_EVER_S)


def _never_hello(line: Line) -> None:
    time.sleep(_FOR_EVER_S)


def _no_calls_found(line: Line) -> None:
    line.say(Hello(channel.PROGRAM, ""))
    time.sleep(_FOR_EVER_S)


def _news_before_hello(news: RandomNews, line: Line) -> None:
    line.say(OrderTaken(CallId("0" * 32)), *(news.any() for _ in range(10)))


def _hello_twice(line: Line) -> None:
    line.begin()
    line.say(*[Hello("", "")] * 10)


def _other_settings(line: Line) -> None:
    line.say(Hello("9" * 100, "0" * 64), n.CallsFound(()))


def _garbage(news: RandomNews, line: Line) -> None:
    line.begin()
    line.say(*(news.garbage() for _ in range(10)))


def _spoiled(news: RandomNews, line: Line) -> None:
    line.begin()
    while True:
        line.say(news.spoiled())


def _out_of_bounds(news: RandomNews, line: Line) -> None:
    line.begin()
    while True:
        line.say(news.any())


def _oversize(line: Line) -> None:
    line.begin()
    line.say(b"\x92" + b"A" * 4 * channel.MAX_MESSAGE_BYTES)


def _half(line: Line) -> None:
    line.begin()
    data = encode(n.IncomingCallReceived(CallId("1" * 32), CallerId("1")))
    line.say(data[: len(data) // 2], data[len(data) // 2 :])


def _with_a_file(line: Line) -> None:
    line.begin()
    with Path(os.devnull).open("rb") as nothing:
        for _ in range(100):
            line.say(n.VoicemailCounted(1), files=[nothing.fileno()])


def _with_files(line: Line) -> None:
    line.begin()
    with Path(os.devnull).open("rb") as nothing:
        line.say(*[n.VoicemailCounted(1)] * 10, files=[nothing.fileno()] * _FILES)


def _never_read(news: RandomNews, line: Line) -> None:
    """Ask for answers, and take none."""
    line.say(Hello(channel.PROGRAM, ""), n.CallsFound(()))
    for _ in range(_OF_CALLS):
        line.say(news.of(n.IncomingCallReceived))


def _by_the_hundred(line: Line) -> None:
    """Come again and again while there is one."""
    line.begin()
    others = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(_CONNECTIONS)]
    for other in others:
        other.setblocking(False)
        with suppress(OSError):
            other.connect(str(line.path))
    time.sleep(0.5)


def _rough_acts(news: RandomNews) -> list[Act]:
    """Each way to be ended at once."""
    wild = RandomNews(news.dice)
    return [
        partial(_news_before_hello, wild), _hello_twice, _other_settings, partial(_garbage, wild),
        partial(_spoiled, wild), partial(_out_of_bounds, wild), _oversize, _half, _with_a_file, _with_files,
        partial(_never_read, news), _by_the_hundred,
    ]  # fmt: skip


def _everything(messages: int, dice: random.Random, told: Callable[[], int]) -> Iterator[Act]:
    """All of it; the handset waits some seconds for a voice that does not get ready."""
    news = RandomNews(dice, only_believable=True)
    yield dice.choice((_never_hello, _no_calls_found))
    rough = _rough_acts(news)
    dice.shuffle(rough)
    while told() < messages or rough:
        for _ in range(_ROUGH_ONE_IN):
            if rough:
                yield rough.pop()
        yield partial(_babble, min(messages // 4, dice.randrange(1_000, 5_000)), news)
        if not rough and told() < messages:
            rough = dice.sample(_rough_acts(news), dice.randrange(3))


SCRIPTS: Final[dict[str, Callable[[int, random.Random, Callable[[], int]], Iterator[Act]]]] = {
    "everything": _everything,
    "flap": lambda _messages, _dice, _told: iter([_flap]),
    "mute": lambda _messages, _dice, _told: iter([_mute]),
}


def _do(act: Act, runtime_dir: Path, folder: Path) -> None:
    """Do something on a connection of a process of its own, and wait for its end."""
    if pid := os.fork():
        os.waitpid(pid, 0)
        return
    try:
        line = Line(runtime_dir, folder)
        with suppress(OverError):
            act(line)
        line.close()
    finally:
        os._exit(0)


def main() -> None:
    """Do what the command line says."""
    runtime_dir, folder, script, messages, seed = sys.argv[1:]
    told = Path(folder) / TOLD
    for act in SCRIPTS[script](int(messages), random.Random(seed), lambda: len(_read(told))):
        _do(act, Path(runtime_dir), Path(folder))


if __name__ == "__main__":
    main()
