"""Sound on its way to an earpiece in another process, through a real pipe."""

import os
from collections.abc import Iterator

import pytest

from firmware.ports.sound import SOUND_RATE_HZ
from firmware.voice.audio.sound_pipe import PipeSource
from firmware.voice.audio.sound_queue import SoundQueue

BYTES_A_SECOND = 2 * SOUND_RATE_HZ
TENTH = bytes(range(200)) * (BYTES_A_SECOND // 10 // 200)


class Line:
    def __init__(self) -> None:
        self.queue = SoundQueue()
        self.source = PipeSource(self.queue.read_end)

    def hear(self, seconds: float) -> bytes:
        return b"".join([self.source.next_frame(10) or b"" for _ in range(round(100 * seconds))])


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.queue.close()
    line.source.give_up()


def test_what_is_put_is_heard_in_order_and_counted_as_it_is_taken(line: Line) -> None:
    line.queue.put(TENTH)
    line.queue.put(TENTH[::-1])
    assert (line.queue.played_s, line.queue.queued_s) == (0.0, 0.2)
    assert line.hear(0.15) == (TENTH + TENTH[::-1])[: len(TENTH) * 3 // 2]
    assert line.queue.played_s == pytest.approx(0.15)
    assert line.queue.queued_s == pytest.approx(0.05)
    line.hear(1)
    assert (line.queue.played_s, line.queue.queued_s) == (0.2, 0.0)


def test_what_a_pipe_does_not_hold_waits_for_room(line: Line) -> None:
    sound = os.urandom(5 * BYTES_A_SECOND)
    line.queue.put(sound)
    assert line.queue.queued_s == 5.0
    heard = b""
    for _ in range(10):
        heard += line.hear(0.5)
        line.queue.feed()
    assert heard == sound
    assert line.queue.played_s == 5.0


def test_a_pause_is_heard_at_once_and_nothing_is_lost_by_it(line: Line) -> None:
    sound = os.urandom(3 * BYTES_A_SECOND)
    line.queue.put(sound)
    heard = line.hear(0.5)
    line.queue.pause()
    assert line.hear(1) == b""
    assert (line.queue.played_s, line.queue.queued_s) == (0.5, 2.5)
    line.queue.feed()
    line.queue.put(TENTH)
    assert line.hear(1) == b""
    line.queue.resume()
    for _ in range(6):
        heard += line.hear(0.5)
        line.queue.feed()
    assert heard == sound + TENTH


def test_what_is_cleared_is_not_heard_and_was_not_played(line: Line) -> None:
    line.queue.put(bytes(3 * BYTES_A_SECOND))
    line.hear(0.5)
    line.queue.clear()
    assert (line.queue.played_s, line.queue.queued_s) == (0.0, 0.0)
    line.queue.put(TENTH)
    assert line.hear(1) == TENTH


def test_closing_is_heard_at_once_and_tells_the_other_end(line: Line) -> None:
    line.queue.put(bytes(3 * BYTES_A_SECOND))
    line.hear(0.5)
    line.queue.close()
    assert line.hear(0.5) == b""
    assert line.source._read_end is None
    assert (line.queue.played_s, line.queue.queued_s) == (0.5, 0.0)
    line.queue.put(TENTH)
    line.queue.clear()
    line.queue.close()


def test_it_is_given_up_when_nobody_reads_any_more(line: Line) -> None:
    line.queue.put(bytes(3 * BYTES_A_SECOND))
    line.hear(0.5)
    line.source.give_up()
    assert line.queue.is_given_up
    line.queue.put(TENTH)
    line.queue.feed()
    assert line.queue.played_s == 0.5


def test_a_pause_is_not_the_end(line: Line) -> None:
    line.queue.put(TENTH)
    line.queue.pause()
    line.queue.resume()
    assert not line.queue.is_given_up


def test_it_is_given_up_while_it_is_paused_too(line: Line) -> None:
    line.queue.put(TENTH)
    line.queue.pause()
    line.source.give_up()
    line.queue.resume()
    assert line.queue.is_given_up
