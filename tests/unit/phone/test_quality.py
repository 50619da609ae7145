import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.quality import bars, burst_ratio, estimate_mos

CODECS = st.sampled_from(["PCMU", "PCMA", "G722", "opus", "speex", ""])
LOSSES = st.floats(0, 100)
DELAYS = st.floats(0, 5000)
ANY = st.floats(allow_nan=True, allow_infinity=True)


def test_a_clean_narrowband_call_has_the_score_of_the_recommendations_default_values() -> None:
    # G.107: R = 93.2, which annex B turns into 4.41.
    assert estimate_mos(0, 0, 0, 0, "PCMU") == pytest.approx(4.41, abs=0.005)


def test_loss_costs_g711_what_its_table_says() -> None:
    # Ie,eff = 95 * 5 / (5 + 25.1) = 15.78; R = 77.42; annex B: 3.92.
    assert estimate_mos(5, 0, 0, 0, "PCMA") == pytest.approx(3.923, abs=0.001)


@pytest.mark.parametrize(
    ("one_way_ms", "impairment"),
    # Idd of G.107 clause 7.4: nothing up to 100 ms, some 3 at 200 and 24 at 400.
    [(100, 0.0), (200, 3.05), (400, 24.09)],
)
def test_delay_costs_what_the_formula_says(one_way_ms: float, impairment: float) -> None:
    rating = 93.2 - impairment
    expected = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    assert estimate_mos(0, 0, 2 * (one_way_ms - 40), 0, "PCMU") == pytest.approx(expected, abs=0.01)


def test_a_clean_wideband_call_is_rated_on_its_own_scale() -> None:
    # G.107.1: (129 - 13) / 1.29 = 89.92, as MOS 4.33.
    assert estimate_mos(0, 0, 0, 0, "G722") == pytest.approx(4.33, abs=0.01)


def test_the_buffer_counts_as_delay_and_jitter_stands_for_it_where_it_is_deeper() -> None:
    assert estimate_mos(0, 0, 0, 200, "PCMU") == estimate_mos(0, 100, 0, 20, "PCMU") < estimate_mos(0, 0, 0, 20, "PCMU")


def test_without_a_report_of_the_far_end_the_way_counts_as_short() -> None:
    assert estimate_mos(1, 5, None, 40, "G722") == estimate_mos(1, 5, 0, 40, "G722")


@pytest.mark.parametrize("name", ["g722", "G722/16000/1", "G722"])
def test_a_codec_is_known_however_the_library_writes_it(name: str) -> None:
    assert estimate_mos(3, 0, 0, 0, name) == estimate_mos(3, 0, 0, 0, "G722") != estimate_mos(3, 0, 0, 0, "PCMU")


@given(CODECS, st.tuples(LOSSES, LOSSES), st.tuples(DELAYS, DELAYS, DELAYS))
def test_more_loss_never_sounds_better(
    codec: str, losses: tuple[float, float], delays: tuple[float, float, float]
) -> None:
    assert estimate_mos(min(losses), *delays, codec) >= estimate_mos(max(losses), *delays, codec)


@given(CODECS, LOSSES, st.tuples(DELAYS, DELAYS, DELAYS), st.tuples(DELAYS, DELAYS, DELAYS))
def test_more_delay_never_sounds_better(
    codec: str, loss: float, delays: tuple[float, float, float], additions: tuple[float, float, float]
) -> None:
    jitter, round_trip, buffered = (delay + addition for delay, addition in zip(delays, additions, strict=True))
    # The formula itself is smooth to rounding only.
    assert estimate_mos(loss, *delays, codec) >= estimate_mos(loss, jitter, round_trip, buffered, codec) - 1e-9


@given(ANY, ANY, st.none() | ANY, ANY, st.text())
def test_whatever_was_measured_the_score_is_on_the_scale(
    loss: float, jitter: float, round_trip: float | None, buffer: float, codec: str
) -> None:
    score = estimate_mos(loss, jitter, round_trip, buffer, codec)
    assert math.isfinite(score)
    assert 1 <= score <= 4.5


@pytest.mark.parametrize(
    ("mos", "expected"), [(0, 0), (1, 0), (2.57, 0), (2.6, 1), (3.2, 2), (3.7, 3), (4.1, 4), (4.41, 4)]
)
def test_bars_follow_how_many_people_would_be_content(mos: float, expected: int) -> None:
    assert bars(mos) == expected


@given(st.floats(0, 5), st.floats(0, 5))
def test_a_better_score_never_shows_fewer_bars(one: float, other: float) -> None:
    worse, better = sorted((one, other))
    assert bars(worse) <= bars(better)


# --- against PESQ, what was repaired, and bursts ---------------------------------------------------------------------

# PESQ-WB (ITU-T P.862.2), means of ten runs offline: G.722 at 64 kbit/s, Opus at 32 kbit/s with in-band FEC. Codec,
# score, percent made up, percent from FEC, BurstR.
CLEAN = {"G722": 3.50, "opus": 3.63}
MEASURED = [
    ("G722", 3.15, 1.0, 0.0, 1.00), ("G722", 2.84, 2.0, 0.0, 1.00), ("G722", 2.42, 3.4, 0.0, 1.01),
    ("G722", 2.24, 5.1, 0.0, 1.01), ("G722", 1.97, 7.7, 0.0, 1.02), ("G722", 1.68, 11.8, 0.0, 1.01),
    ("G722", 3.09, 0.9, 0.0, 2.37), ("G722", 2.68, 2.9, 0.0, 2.91), ("G722", 2.39, 4.5, 0.0, 2.85),
    ("G722", 1.91, 9.0, 0.0, 2.73), ("G722", 1.68, 11.7, 0.0, 2.64),
    ("opus", 3.54, 0.0, 1.0, 1.00), ("opus", 3.55, 0.0, 2.0, 1.00), ("opus", 3.44, 0.1, 3.3, 1.00),
    ("opus", 3.30, 0.2, 4.8, 1.10), ("opus", 3.19, 0.6, 7.1, 1.15), ("opus", 2.97, 1.2, 10.6, 1.08),
    ("opus", 2.36, 4.0, 15.9, 1.19), ("opus", 3.33, 0.6, 0.3, 1.69), ("opus", 2.96, 1.9, 1.0, 1.96),
    ("opus", 2.79, 3.0, 1.5, 1.94), ("opus", 2.16, 6.0, 3.0, 1.88), ("opus", 2.05, 7.8, 3.9, 1.85),
]  # fmt: skip


def differences() -> list[float]:
    """Return how far the model is from PESQ, whose scores are stretched so that both agree on a clean line."""
    found = []
    for codec, score, made_up, fec, burst in MEASURED:
        best = estimate_mos(0, 0, 0, 0, codec)
        measured = 1 + (score - 1) / (CLEAN[codec] - 1) * (best - 1)
        found.append(estimate_mos(made_up, 0, 0, 0, codec, fec_percent=fec, burst=burst) - measured)
    return found


def test_the_model_agrees_with_pesq_on_what_losses_cost() -> None:
    found = differences()
    assert max(map(abs, found)) < 0.35
    assert math.sqrt(sum(each**2 for each in found) / len(found)) < 0.17


def test_what_fec_repaired_costs_a_tenth_of_what_was_lost() -> None:
    assert estimate_mos(0, 0, 0, 0, "opus", fec_percent=10) == estimate_mos(1, 0, 0, 0, "opus")
    assert estimate_mos(5, 0, 0, 0, "opus") < estimate_mos(0, 0, 0, 0, "opus", fec_percent=5)


def test_bursts_cost_more_than_the_same_loss_one_by_one() -> None:
    assert estimate_mos(5, 0, 0, 0, "G722", burst=1.1) < estimate_mos(5, 0, 0, 0, "G722")
    assert estimate_mos(5, 0, 0, 0, "G722", burst=3) == estimate_mos(5, 0, 0, 0, "G722", burst=2)


@pytest.mark.parametrize(
    ("expected", "lost", "gaps", "ratio"),
    [
        (1000, 0, 0, 1.0),
        # One by one at random: a gap of 1 / (1 - p) packets is what chance makes of it.
        (1000, 100, 90, 1.0),
        (1000, 100, 45, 2.0),
        (1000, 30, 10, 2.91),
        (1000, 10, 10, 1.0),
        (1000, 1000, 1, 1.0),
        (0, 0, 3, 1.0),
    ],
)
def test_bursts_are_told_from_what_chance_makes(expected: int, lost: int, gaps: int, ratio: float) -> None:
    assert burst_ratio(expected, lost, gaps) == pytest.approx(ratio)


@given(CODECS, ANY, ANY, ANY)
def test_whatever_was_repaired_the_score_is_on_the_scale(codec: str, loss: float, fec: float, burst: float) -> None:
    score = estimate_mos(loss, 0, 0, 0, codec, fec_percent=fec, burst=burst)
    assert math.isfinite(score)
    assert 1 <= score <= 4.5
