"""The microphone's sign: a folder like the kernel's /proc/asound, real processes and threads, and a driven clock."""

import asyncio
import os
import random
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from firmware.app.microphone_watch import MicrophoneWatch
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised
from tests.lab.open_files import open_files

PERIOD_S = 0.5
CLEARED = ProblemCleared(Problem.MICROPHONE_OPEN)
VOICE = os.getpid()
"""Voice is this process, so that its threads are real."""

# As Linux 6.12 writes it.
OPEN = """state: RUNNING
owner_pid   : {owner}
trigger_time: 1234.000000001
tstamp      : 1235.000000001
delay       : 0
avail       : 320
avail_max   : 640
-----
hw_ptr      : 16000
appl_ptr    : 15680
"""


class Room:
    """A sound card's microphone, and the watch that looks at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = 1000.0
        self.told: list[object] = []
        self.replaced_at: list[float] = []
        self.microphone = self.add_card("card0/pcm0c/sub0")
        self.watch = self.new_watch()
        self.pass_s(5)

    def new_watch(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> MicrophoneWatch:
        watch = MicrophoneWatch(
            self.told.append,
            lambda: self.replaced_at.append(self.at),
            folder=self.folder,
            now=lambda: self.at,
            sleep=sleep,
        )
        watch.note_voice(VOICE)
        return watch

    def add_card(self, name: str) -> Path:
        status = self.folder / name / "status"
        status.parent.mkdir(parents=True)
        status.write_text("closed\n")
        return status

    def open(self, owner: int = VOICE) -> None:
        self.microphone.write_text(OPEN.format(owner=owner))

    def shut(self) -> None:
        self.microphone.write_text("closed\n")

    def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds / PERIOD_S)):
            self.at += PERIOD_S
            self.watch.look()

    async def run(self, goes_on: Callable[[], bool], is_open: Callable[[], bool]) -> list[tuple[float, float]]:
        """Have a watch look at its own pace; return when it paused and for how long."""
        pauses: list[tuple[float, float]] = []

        async def sleep(seconds: float) -> None:
            if not goes_on():
                raise asyncio.CancelledError
            pauses.append((self.at, seconds))
            self.at += seconds
            (self.open if is_open() else self.shut)()

        with pytest.raises(asyncio.CancelledError):
            await self.new_watch(sleep).run()
        return pauses

    @property
    def raised(self) -> int:
        return sum(isinstance(event, ProblemRaised) for event in self.told)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.watch._close()


@pytest.fixture
def stranger() -> Iterator[int]:
    """A program that is none of voice's."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def is_held(path: Path) -> bool:
    """Whether this process has a file open."""
    return path in open_files().values()


def gone() -> int:
    """Return the pid of a process that is no more."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def test_a_microphone_that_is_shut_is_no_problem(room: Room) -> None:
    room.pass_s(600)
    assert (room.told, room.replaced_at) == ([], [])


def test_what_voice_records_without_an_order_is_a_problem_within_two_seconds_and_voice_is_replaced(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.open()
    room.pass_s(1.5)
    assert room.told == []
    room.pass_s(0.5)
    (told,) = room.told
    assert isinstance(told, ProblemRaised)
    assert told.problem is Problem.MICROPHONE_OPEN
    assert room.replaced_at == [room.at]
    assert [record.getMessage() for record in caplog.records] == ["The microphone records without the phone's order"]


def test_a_thread_of_voice_is_voice(room: Room) -> None:
    """Beside a stranger, after whom voice would be replaced once, it is replaced again and again."""
    tell, end = threading.Event(), threading.Event()

    def live() -> None:
        tell.set()
        end.wait()

    thread = threading.Thread(target=live)
    thread.start()
    tell.wait()
    assert thread.native_id not in {None, VOICE}
    room.open(thread.native_id or 0)
    room.pass_s(60)
    end.set()
    thread.join()
    assert len(room.replaced_at) == 12
    assert room.raised == 1


@pytest.mark.parametrize(("open_s", "caught_within_s"), [(1.0, 5), (0.9, 8), (0.5, 20), (0.1, 300)])
async def test_a_voice_that_records_in_a_part_of_each_second_is_caught(
    room: Room, open_s: float, caught_within_s: float
) -> None:
    random.seed(1)
    began_at = room.at
    await room.run(lambda: not room.raised and room.at - began_at < caught_within_s, lambda: room.at % 1 < open_s)
    assert (room.raised, len(room.replaced_at)) == (1, 1)


async def test_a_voice_that_records_between_looks_that_come_each_second_or_half_is_caught(room: Room) -> None:
    random.seed(1)
    began_at = room.at
    await room.run(lambda: not room.raised and room.at - began_at < 30, lambda: 0.1 < room.at % 0.5 < 0.4)
    assert room.raised == 1


def test_moments_that_are_minutes_apart_do_not_add_up(room: Room) -> None:
    for _ in range(20):
        room.open()
        room.pass_s(0.5)
        room.shut()
        room.pass_s(30)
    assert room.told == []


def test_the_sign_goes_when_the_microphone_has_been_shut_for_two_seconds(room: Room) -> None:
    room.open()
    room.pass_s(3)
    room.shut()
    room.pass_s(2)
    assert CLEARED not in room.told
    room.open()
    room.pass_s(0.5)
    room.shut()
    room.pass_s(2)
    assert CLEARED not in room.told
    room.pass_s(0.5)
    assert room.told[-1] == CLEARED
    room.pass_s(60)
    assert len(room.told) == 2


def test_a_call_is_no_problem_and_when_it_ends_voice_has_two_seconds_to_shut(room: Room) -> None:
    room.watch.note_order(talk=True)
    room.open()
    room.pass_s(3600)
    room.watch.note_order(talk=False)
    room.pass_s(1.5)
    room.shut()
    room.pass_s(60)
    assert (room.told, room.replaced_at) == ([], [])


def test_a_voice_that_goes_on_when_a_call_is_over_is_caught(room: Room) -> None:
    room.watch.note_order(talk=True)
    room.open()
    room.pass_s(60)
    room.watch.note_order(talk=False)
    room.pass_s(3)
    assert room.raised == 0
    room.pass_s(0.5)
    assert (room.raised, room.replaced_at) == (1, [room.at])


def test_a_handset_that_has_just_started_gives_voice_two_seconds_too(room: Room) -> None:
    room.open()
    room.watch = room.new_watch()
    room.pass_s(3)
    assert room.raised == 0
    room.pass_s(0.5)
    assert room.raised == 1


def test_another_program_that_records_costs_the_line_once(room: Room, stranger: int) -> None:
    room.open(stranger)
    room.pass_s(3600)
    assert (room.raised, len(room.replaced_at)) == (1, 1)


def test_another_program_that_stops_and_starts_again_does_not_keep_the_line_away(room: Room, stranger: int) -> None:
    for _ in range(30):
        room.open(stranger)
        room.pass_s(5)
        room.shut()
        room.pass_s(5)
    assert (room.raised, len(room.replaced_at)) == (30, 1)


def test_while_another_program_records_a_call_is_never_ended(room: Room, stranger: int) -> None:
    room.watch.note_order(talk=True)
    room.open(stranger)
    room.pass_s(3600)
    assert (room.told, room.replaced_at) == ([], [])


def test_a_call_that_begins_while_the_sign_stands_is_not_ended(room: Room) -> None:
    room.open()
    room.pass_s(2)
    room.watch.note_order(talk=True)
    room.pass_s(3600)
    assert len(room.replaced_at) == 1


@pytest.mark.parametrize("owner", [gone, lambda: 0], ids=["the thread that opened it is gone", "nobody"])
def test_where_it_cannot_be_known_who_records_voice_is_meant_and_has_time_to_start(
    room: Room, owner: Callable[[], int]
) -> None:
    room.open(owner())
    room.pass_s(120)
    assert len(room.replaced_at) == 4
    assert all(after - before >= 30 for before, after in pairwise(room.replaced_at))


def test_where_voice_is_away_anybody_may_be_voice(room: Room, stranger: int) -> None:
    room.watch.note_voice(None)
    room.open(stranger)
    room.pass_s(20)
    assert len(room.replaced_at) == 1
    room.pass_s(20)
    assert len(room.replaced_at) == 2
    room.watch.note_voice(VOICE)
    room.pass_s(3600)
    assert len(room.replaced_at) == 2


def test_voice_beside_another_program_is_not_hidden_by_it(room: Room, stranger: int) -> None:
    room.open(stranger)
    room.add_card("card1/pcm0c/sub0").write_text(OPEN.format(owner=VOICE))
    room.pass_s(20)
    assert len(room.replaced_at) > 1


def test_every_card_that_is_there_or_comes_is_looked_at_and_no_playback_is(room: Room) -> None:
    room.add_card("card0/pcm0p/sub0").write_text(OPEN.format(owner=VOICE))
    room.pass_s(120)
    assert room.raised == 0
    room.add_card("card1/pcm1c/sub3").write_text(OPEN.format(owner=VOICE))
    room.pass_s(12)
    assert room.raised == 1


def test_a_card_that_is_pulled_out_is_shut_and_one_that_comes_back_at_once_is_looked_at(room: Room) -> None:
    """What is open of a file that the kernel has taken away fails, as a folder's does."""
    room.open()
    room.pass_s(2)
    folder = os.open(room.folder, os.O_RDONLY)
    os.dup2(folder, room.watch._files[0])
    os.close(folder)
    room.shut()
    room.pass_s(3)
    assert room.told[-1] == CLEARED
    room.open()
    room.pass_s(1)
    assert room.raised == 2


def test_where_the_kernel_has_no_sound_nothing_is_raised(tmp_path: Path) -> None:
    told: list[object] = []
    watch = MicrophoneWatch(told.append, lambda: None, folder=tmp_path / "asound")
    for _ in range(10):
        watch.look()
    assert told == []


def test_it_knows_whose_a_thread_is_though_that_belongs_to_another_user() -> None:
    """The handset may not look into voice's /proc, nor signal it: the kernel's refusal is the answer."""
    program = (
        "import os, sys\n"
        "from firmware.app.microphone_watch import _exists, _is_thread_of\n"
        "os.getuid() or os.setuid(65534)\n"
        "print(_exists(1), _is_thread_of(1, 1), _is_thread_of(1, os.getpid()), _exists(int(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(gone())]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "True", "False", "False"]


async def test_it_looks_once_a_second_and_twice_while_somebody_records(room: Room) -> None:
    opened_at = room.at + 60
    pauses = await room.run(lambda: room.at < opened_at + 60, lambda: room.at >= opened_at)
    shut = [pause for at, pause in pauses if at < opened_at]
    opened = [pause for at, pause in pauses if at >= opened_at]
    assert all(0.8 <= pause <= 1.2 for pause in shut)
    assert all(0.4 <= pause <= 0.6 for pause in opened)
    assert min(len(set(shut)), len(set(opened))) > 40
    assert room.raised == 1


async def test_it_holds_nothing_of_the_kernels_when_it_has_ended(room: Room) -> None:
    assert is_held(room.microphone)
    room.watch._close()
    ends_at = room.at + 60
    await room.run(lambda: room.at < ends_at, lambda: False)
    assert not is_held(room.microphone)
