"""The audio thread's ends of real pipes: it never waits, whatever is at the other end."""

import os
import select
from collections.abc import Iterator
from typing import get_args

import pytest

from firmware.voice.audio.sound_pipe import PERIOD_NUMBER, PipeSource, PipeTap
from provisioning.sound import Sound as SoundSettings

PERIOD = 160
NEAR, FAR, SILENCE = b"n" * 2 * PERIOD, b"f" * 2 * PERIOD, bytes(2 * PERIOD)
RECORD_BYTES = PERIOD_NUMBER.size + 4 * PERIOD


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)

    def read(self) -> list[tuple[int, bytes, bytes]]:
        """Return the periods that are in it."""
        sound = os.read(self.read_end, 1 << 20)
        assert len(sound) % RECORD_BYTES == 0
        records = [sound[first : first + RECORD_BYTES] for first in range(0, len(sound), RECORD_BYTES)]
        return [(PERIOD_NUMBER.unpack_from(each)[0], each[4:324], each[324:]) for each in records]


def is_closed(pipe: Pipe) -> bool:
    """Whether nobody can write into it any more."""
    poll = select.poll()
    poll.register(pipe.read_end, select.POLLIN)
    return bool(poll.poll(0)) and os.read(pipe.read_end, 1) == b""


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.read_end)


@pytest.fixture
def tap(pipe: Pipe) -> Iterator[PipeTap]:
    tap = PipeTap(period_frames=PERIOD)
    yield tap
    tap.close()


def test_each_period_has_its_number_and_both_sides(pipe: Pipe, tap: PipeTap) -> None:
    tap.put(NEAR, FAR)
    tap.open(pipe.write_end)
    tap.put(NEAR, FAR)
    tap.put(None, FAR)
    assert pipe.read() == [(0, NEAR, FAR), (1, SILENCE, FAR)]


def test_a_full_pipe_takes_whole_periods_and_what_is_lost_shows_in_the_number_of_the_next(
    pipe: Pipe, tap: PipeTap
) -> None:
    tap.open(pipe.write_end)
    for _ in range(1000):
        tap.put(NEAR, FAR)
    kept = pipe.read()
    assert [number for number, _, _ in kept] == list(range(len(kept)))
    assert 50 < len(kept) < 1000
    tap.put(NEAR, FAR)
    assert pipe.read() == [(1000, NEAR, FAR)]


def test_a_closed_tap_says_all_that_was_said_and_then_the_end(pipe: Pipe, tap: PipeTap) -> None:
    tap.open(pipe.write_end)
    tap.put(NEAR, FAR)
    tap.close()
    tap.put(NEAR, FAR)
    assert len(pipe.read()) == 1
    assert is_closed(pipe)


def test_a_reader_that_goes_shuts_the_tap_and_a_new_one_opens_it(pipe: Pipe, tap: PipeTap) -> None:
    gone = Pipe()
    tap.open(gone.write_end)
    tap.put(NEAR, FAR)
    os.close(gone.read_end)
    tap.put(NEAR, FAR)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(gone.write_end)
    tap.put(NEAR, FAR)
    tap.open(pipe.write_end)
    tap.put(NEAR, FAR)
    assert pipe.read() == [(0, NEAR, FAR)]


def test_a_new_pipe_takes_the_place_of_the_one_before(pipe: Pipe, tap: PipeTap) -> None:
    before = Pipe()
    tap.open(before.write_end)
    tap.open(pipe.write_end)
    tap.put(NEAR, FAR)
    assert is_closed(before)
    assert len(pipe.read()) == 1
    os.close(before.read_end)


def test_the_audio_thread_does_not_wait_for_who_opens_and_closes(pipe: Pipe, tap: PipeTap) -> None:
    source_end, write_end = os.pipe()
    source = PipeSource(source_end)
    tap.open(pipe.write_end)
    os.write(write_end, NEAR)
    with tap._lock, source._lock:
        tap.put(NEAR, FAR)
        assert source.next_frame(10) is None
    tap.put(NEAR, FAR)
    assert len(pipe.read()) == 1
    assert source.next_frame(10) == NEAR
    source.give_up()
    os.close(write_end)


@pytest.mark.parametrize("rate_hz", get_args(SoundSettings.model_fields["rate_hz"].annotation))
@pytest.mark.parametrize("period_ms", get_args(SoundSettings.model_fields["period_ms"].annotation))
def test_every_period_that_can_be_set_is_written_whole_or_not_at_all(rate_hz: int, period_ms: int) -> None:
    assert PERIOD_NUMBER.size + 2 * 2 * rate_hz * period_ms // 1000 <= select.PIPE_BUF


def test_a_source_gives_what_there_is_and_never_waits_for_more() -> None:
    read_end, write_end = os.pipe()
    source = PipeSource(read_end)
    assert source.next_frame(10) is None
    os.write(write_end, NEAR + FAR + FAR[:100])
    assert source.next_frame(10) == NEAR
    assert source.next_frame(20) == FAR + FAR[:100]
    assert source.next_frame(10) is None
    os.write(write_end, NEAR)
    os.close(write_end)
    assert source.next_frame(10) == NEAR
    assert source.next_frame(10) is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read_end)


def test_whoever_fills_a_source_sees_that_it_was_given_up() -> None:
    read_end, write_end = os.pipe()
    source = PipeSource(read_end)
    os.write(write_end, NEAR)
    source.give_up()
    assert source.next_frame(10) is None
    with pytest.raises(BrokenPipeError):
        os.write(write_end, NEAR)
    source.give_up()
    os.close(write_end)
