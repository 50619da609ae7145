"""Clocks that differ: the queue stays where it is, and nobody hears how."""

import numpy as np
import pytest

from firmware.voice.audio.drift import OBSERVATIONS_A_WINDOW, DriftCompensator, stretch

FRAME = 160


def compensator() -> DriftCompensator:
    return DriftCompensator(frame_samples=FRAME, prefill_samples=FRAME // 2)


def corrections(drift: DriftCompensator, depth: int, underruns: int = 0) -> int:
    """Show one whole window of one depth, then return all that is corrected."""
    for _ in range(OBSERVATIONS_A_WINDOW):
        drift.observe(depth, underruns)
    total = 0
    while step := drift.correction():
        total += step
    return total


def test_a_queue_of_the_right_depth_is_left_alone() -> None:
    drift = compensator()
    assert corrections(drift, drift.aim_samples) == 0
    assert corrections(drift, drift.aim_samples + FRAME // 2) == 0
    assert corrections(drift, drift.aim_samples - FRAME // 2) == 0


def test_a_queue_that_grew_is_shortened_to_where_it_belongs() -> None:
    drift = compensator()
    assert corrections(drift, drift.aim_samples + 200) == -200


def test_a_queue_that_shrank_is_lengthened_to_where_it_belongs() -> None:
    drift = compensator()
    assert corrections(drift, drift.aim_samples - 100) == 100


def test_no_frame_changes_by_more_than_one_sample_in_160() -> None:
    drift = compensator()
    for _ in range(OBSERVATIONS_A_WINDOW):
        drift.observe(drift.aim_samples + 300, 0)
    assert {drift.correction() for _ in range(300)} == {-1}
    assert drift.correction() == 0


def test_one_late_wake_up_does_not_count() -> None:
    drift = compensator()
    for _ in range(OBSERVATIONS_A_WINDOW - 1):
        drift.observe(0, 0)
    drift.observe(drift.aim_samples, 0)
    assert drift.correction() == 0


def test_an_underrun_widens_the_margin_and_calm_narrows_it_again() -> None:
    drift = compensator()
    usual = drift.aim_samples
    drift.observe(usual, 1)
    wider = drift.aim_samples
    assert wider > usual
    for _ in range(100):
        corrections(drift, drift.aim_samples, underruns=1)
    assert drift.aim_samples == usual


def test_the_margin_has_a_bound() -> None:
    drift = compensator()
    usual = drift.aim_samples
    for underruns in range(1, 100):
        drift.observe(0, underruns)
    assert drift.aim_samples == usual + 3 * FRAME


@pytest.mark.parametrize("extra", [-3, -1, 1, 3])
def test_a_stretched_frame_keeps_its_ends_and_its_shape(extra: int) -> None:
    moments = np.linspace(0, 1, FRAME)
    frame = np.round(8000 * np.sin(2 * np.pi * 10 * moments)).astype("<i2")
    stretched = np.frombuffer(stretch(frame.tobytes(), extra), "<i2")
    assert len(stretched) == FRAME + extra
    assert stretched[0] == frame[0]
    assert stretched[-1] == frame[-1]
    expected = 8000 * np.sin(2 * np.pi * 10 * np.linspace(0, 1, FRAME + extra))
    assert np.abs(stretched - expected).max() < 0.03 * 8000
