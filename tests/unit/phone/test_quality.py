import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.quality import bars, estimate_mos

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
