"""New."""

from firmware.voice.audio.streams import FarReference

PERIOD = 160


def frame(value: int, samples: int = PERIOD) -> bytes:
    return value.to_bytes(2, "little") * samples


def observed(reference: FarReference, queued_samples: list[int]) -> None:
    for number in range(25):
        reference.observe(queued_samples[number % len(queued_samples)])


def test_a_frame_comes_when_what_was_queued_before_it_has_been_played() -> None:
    reference = FarReference(PERIOD)
    reference.align(2 * PERIOD)
    for value in (1, 2, 3):
        reference.write(frame(value))
    assert [reference.next_period() for _ in range(5)] == [frame(0), frame(0), frame(1), frame(2), frame(3)]


def test_an_empty_queue_plays_silence() -> None:
    reference = FarReference(PERIOD)
    reference.write(frame(1, 100))
    assert reference.next_period() == frame(1, 100) + bytes(2 * 60)
    assert reference.next_period() == frame(0)


def test_longer_and_shorter_frames_move_what_follows_them() -> None:
    reference = FarReference(PERIOD)
    reference.write(frame(1, PERIOD + 1))
    reference.write(frame(2, PERIOD - 1))
    assert reference.next_period() == frame(1)
    assert reference.next_period() == frame(1, 1) + frame(2, PERIOD - 1)


def test_aligning_keeps_the_latest_that_was_written() -> None:
    reference = FarReference(PERIOD)
    for value in range(10):
        reference.write(frame(value))
    reference.align(2 * PERIOD)
    assert [reference.next_period() for _ in range(2)] == [frame(8), frame(9)]


def test_one_odd_observation_changes_nothing() -> None:
    reference = FarReference(PERIOD)
    reference.align(2 * PERIOD)
    reference.write(frame(7))
    observed(reference, [0, 10 * PERIOD, 3 * PERIOD])
    assert [reference.next_period() for _ in range(3)] == [frame(0), frame(0), frame(7)]


def test_what_a_second_of_observations_agrees_on_is_corrected() -> None:
    late, early = FarReference(PERIOD), FarReference(PERIOD)
    late.align(4 * PERIOD)
    late.write(frame(7))
    observed(late, [2 * PERIOD, 3 * PERIOD])
    assert [late.next_period() for _ in range(3)] == [frame(0), frame(0), frame(7)]

    early.write(frame(7))
    observed(early, [3 * PERIOD, 4 * PERIOD])
    assert [early.next_period() for _ in range(3)] == [frame(0), frame(0), frame(7)]


def test_a_queue_that_nobody_reads_does_not_grow_for_ever() -> None:
    reference = FarReference(PERIOD)
    for value in range(200):
        reference.write(frame(value))
    assert reference.next_period() == frame(150)
