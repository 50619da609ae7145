"""How long sound waits for what is late, in virtual time; and once on a real line."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.bench.spoken_call import spoken_call
from tests.lab.loss_emulator import Line
from tests.lab.virtual_line import Fared, Stretch, listen

pytestmark = pytest.mark.feature("jitter buffer")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """Processes without another library in them."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


def hear(pool: ProcessPoolExecutor, *stretches: Stretch, follow: bool = True, seed: int = 1) -> list[Fared]:
    return pool.submit(listen, list(stretches), follow=follow, seed=seed).result(60)


def test_a_clean_line_costs_no_more_than_one_packet(elsewhere: ProcessPoolExecutor) -> None:
    (fared,) = hear(elsewhere, Stretch(30))
    assert fared.concealed_percent < 0.2
    assert fared.delay_ms <= 20


@pytest.mark.parametrize("jitter_ms", [10, 30, 60, 100])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hardly_anything_comes_too_late_once_the_line_is_known(
    jitter_ms: float, seed: int, elsewhere: ProcessPoolExecutor
) -> None:
    line = Line(jitter_ms=jitter_ms)
    _, followed = hear(elsewhere, Stretch(3, line), Stretch(30, line), seed=seed)
    assert followed.concealed_percent < 1
    assert followed.delay_ms < 2 * jitter_ms + 80


def test_a_buffer_that_does_not_follow_loses_much_on_the_same_line(elsewhere: ProcessPoolExecutor) -> None:
    line = Line(loss_percent=5, jitter_ms=60)
    (still,) = hear(elsewhere, Stretch(30, line), follow=False)
    _, followed = hear(elsewhere, Stretch(3, line), Stretch(30, line))
    assert followed.concealed_percent < 7
    assert still.concealed_percent > 10


def test_the_delay_comes_back_when_the_line_is_clean_again(elsewhere: ProcessPoolExecutor) -> None:
    clean, bad, again = hear(elsewhere, Stretch(5), Stretch(10, Line(jitter_ms=60)), Stretch(60))
    assert bad.delay_ms > clean.delay_ms + 50
    assert again.delay_ms < clean.delay_ms + 25
    assert again.concealed_percent < 0.5


@pytest.mark.parametrize("percent", [0.2, -0.2])
def test_the_delay_does_not_creep_with_a_sender_whose_clock_is_another(
    percent: float, elsewhere: ProcessPoolExecutor
) -> None:
    (followed,) = hear(elsewhere, Stretch(180, sender_fast_percent=percent))
    assert followed.delay_ms < 60
    assert followed.concealed_percent < 0.3


def test_a_longer_way_is_not_taken_for_a_bad_line(elsewhere: ProcessPoolExecutor) -> None:
    _, longer = hear(elsewhere, Stretch(10), Stretch(60, Line(delay_ms=150)))
    assert 150 <= longer.delay_ms < 190


def test_over_a_bad_line_hardly_anything_comes_too_late_for_a_call(
    record_property: Callable[[str, object], None],
) -> None:
    late_percent, heard = spoken_call(Line(loss_percent=5, jitter_ms=30))
    record_property("pesq", heard.pesq)
    record_property("mouth_to_ear_s", heard.delay_ms / 1000)
    record_property("late_percent", late_percent)
    # A buffer that stays as deep as it began has seven of a hundred come too late.
    assert late_percent < 5
    assert heard.pesq > 1.5
