"""What the far end hears of itself, and of a voice that speaks at the same time."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from provisioning.sound import Sound
from tests.bench.echo import PATHS, EchoFigures, WebRtc, compare, compare_by_name

# Before the first, five rooms go through four cancellers, which a busy computer may not have done in two minutes.
pytestmark = [pytest.mark.feature("loudspeaker"), pytest.mark.timeout(600)]

SHIPS = "webrtc, all (ships)"
# Gain control would hide what is lost of a voice.
WITHOUT_GAIN = "webrtc, echo and noise"
RIVAL = "speex"
MUFFLES = "aec3 alone"
MOVED = "moved after 6 s"
SHORT_ROOMS = ["40 ms, dry", "60 ms, office", "120 ms, office", "60 ms, loud"]


@pytest.fixture(scope="module")
def figures() -> dict[tuple[str, str], EchoFigures]:
    # In a process of its own: pjlib takes whoever initialises it first for its main thread, and aborts on SIP threads
    # that come later.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        compared = apart.submit(compare_by_name, [*SHORT_ROOMS, MOVED], [SHIPS, WITHOUT_GAIN, RIVAL, MUFFLES]).result()
    return {(each.path, each.canceller): each for each in compared}


@pytest.mark.parametrize("path", SHORT_ROOMS)
def test_echo_is_40_db_down_after_2_s_in_every_second_in_which_only_the_far_end_speaks(
    figures: dict[tuple[str, str], EchoFigures], path: str
) -> None:
    assert figures[path, SHIPS].worst_second_db >= 40


@pytest.mark.feature("double talk")
@pytest.mark.parametrize("path", SHORT_ROOMS)
def test_a_voice_gets_through_while_both_speak(figures: dict[tuple[str, str], EchoFigures], path: str) -> None:
    assert figures[path, WITHOUT_GAIN].near_down_db <= 3


@pytest.mark.feature("double talk")
@pytest.mark.parametrize("path", [*SHORT_ROOMS, MOVED])
def test_no_voice_is_muffled_while_both_speak(figures: dict[tuple[str, str], EchoFigures], path: str) -> None:
    """Nine syllables of ten lose less than 6 dB, and the far end judges what it hears by P.862.2 as it would."""
    assert figures[path, WITHOUT_GAIN].near_lost_db < 6
    assert figures[path, WITHOUT_GAIN].near_pesq >= 1.8
    assert figures[path, MUFFLES].near_lost_db > 12
    assert figures[path, MUFFLES].near_pesq < 1.4


@pytest.mark.feature("double talk")
@pytest.mark.parametrize("path", [*SHORT_ROOMS, MOVED])
def test_what_lets_a_voice_through_lets_no_more_echo_through(
    figures: dict[tuple[str, str], EchoFigures], path: str
) -> None:
    assert figures[path, WITHOUT_GAIN].worst_second_db >= figures[path, MUFFLES].worst_second_db - 3
    assert figures[path, WITHOUT_GAIN].echo_down_db >= 40


@pytest.mark.parametrize("path", SHORT_ROOMS)
def test_the_canceller_that_ships_leaves_less_echo_than_its_rival(
    figures: dict[tuple[str, str], EchoFigures], path: str
) -> None:
    assert figures[path, SHIPS].worst_second_db > figures[path, RIVAL].worst_second_db


def test_what_is_measured_is_what_ships() -> None:
    sound = Sound()
    assert {sound.echo_cancelling, sound.noise_suppression, sound.gain_control} == {"speaker"}


def test_a_canceller_that_does_nothing_would_be_noticed() -> None:
    class Nothing(WebRtc):
        def process(self, near: bytes, far: bytes) -> bytes:
            return near

    (figures,) = compare({"60 ms, office": PATHS["60 ms, office"]}, {"nothing": Nothing})
    assert figures.worst_second_db == pytest.approx(0, abs=1)
    assert figures.near_down_db == pytest.approx(0, abs=0.5)
