"""Voice says whom its calls name, as long as they last, and tells of a service that does not answer."""

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from firmware.phone.call import CallId
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised, VoiceNews
from firmware.voice.sip.described import DescribedAudio
from firmware.voice.sip.scheduler import Scheduler

ONE, OTHER = CallId("1"), CallId("2")


class Desk:
    """The service's end, a clock, and what the phone hears."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_s = 0.0
        self.said: list[str] = []
        self.answer = b"yes"
        self.news: list[VoiceNews] = []
        self.scheduler = Scheduler(lambda: self.now_s)
        self.described = DescribedAudio(self.scheduler, self.news.append, path)
        self._listener: socket.socket | None = None

    def listen(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self.path))
        self._listener.listen()
        Thread(target=self._answer, args=(self._listener,), daemon=True).start()

    def _answer(self, listener: socket.socket) -> None:
        caller, _ = listener.accept()
        with caller:
            while message := caller.recv(100):
                self.said.append(message.decode())
                caller.send(self.answer)

    def wait_s(self, seconds: float) -> None:
        self.now_s += seconds
        self.scheduler.run_due()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "media.sock")
    yield desk
    if desk._listener is not None:
        desk._listener.close()


def test_an_address_is_said_again_for_as_long_as_its_call_lasts(desk: Desk) -> None:
    desk.listen()
    desk.described.begin(ONE, "192.0.2.1")
    desk.wait_s(10)
    desk.described.begin(OTHER, "192.0.2.2")
    desk.described.end(ONE)
    desk.wait_s(10)
    assert desk.said == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]
    desk.described.end(OTHER)
    desk.wait_s(10)
    desk.wait_s(10)
    assert len(desk.said) == 4
    assert desk.news == []


def test_where_there_is_no_service_there_is_no_fault(desk: Desk) -> None:
    desk.described.begin(ONE, "192.0.2.1")
    desk.wait_s(10)
    assert desk.news == []


def test_a_service_that_has_died_is_told_until_it_answers_again(desk: Desk) -> None:
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    dead.bind(str(desk.path))
    dead.close()
    desk.described.begin(ONE, "192.0.2.1")
    desk.wait_s(10)
    (raised,) = desk.news
    assert isinstance(raised, ProblemRaised)
    assert raised.problem is Problem.SOUND_CONFINED
    assert desk.described.shuts_out(ONE)
    desk.path.unlink()
    desk.listen()
    desk.wait_s(10)
    assert desk.news[1:] == [ProblemCleared(Problem.SOUND_CONFINED)]
    assert desk.said == ["192.0.2.1"]
    assert not desk.described.shuts_out(ONE)


def test_a_call_whose_address_is_refused_is_shut_out_until_it_is_let_through(desk: Desk) -> None:
    desk.listen()
    desk.answer = b"no"
    desk.described.begin(ONE, "192.0.2.1")
    assert desk.described.shuts_out(ONE)
    assert not desk.described.shuts_out(OTHER)
    assert desk.news == []
    desk.answer = b"yes"
    desk.wait_s(10)
    assert not desk.described.shuts_out(ONE)
