from dataclasses import dataclass

import pytest

from firmware.voice.sip.jitter import Adjustment, JitterPolicy, LineSample
from firmware.voice.sip.settings import JitterBufferSettings

PACKETS_A_LOOK = 10
LOOK_S = 0.2


@dataclass
class Stream:
    """A policy that looks at a line five times a second."""

    policy: JitterPolicy
    at_s: float = 0.0
    packets: int = 0
    late_frames: int = 0
    lost_packets: int = 0

    def look(
        self, *, jitter_ms: float = 0.0, waiting_ms: int = 20, quiet: bool = False, late: int = 0, lost: int = 0,
        packets: int = PACKETS_A_LOOK,
    ) -> Adjustment:  # fmt: skip
        self.at_s += LOOK_S
        self.packets += packets
        self.late_frames += late
        self.lost_packets += lost
        return self.policy.adjust(
            LineSample(
                at_s=self.at_s, packets=self.packets, jitter_ms=jitter_ms, lost_packets=self.lost_packets,
                late_frames=self.late_frames, waiting_ms=waiting_ms, quiet=quiet,
            )
        )  # fmt: skip

    def look_for(self, duration_s: float, *, jitter_ms: float = 0.0, waiting_ms: int = 20, quiet: bool = False) -> int:
        """Look for a while and return how deep the buffer is to be at the end."""
        for _ in range(round(duration_s / LOOK_S)):
            last = self.look(jitter_ms=jitter_ms, waiting_ms=waiting_ms, quiet=quiet)
        return last.depth_ms


@pytest.fixture
def settings() -> JitterBufferSettings:
    return JitterBufferSettings()


@pytest.fixture
def stream(settings: JitterBufferSettings) -> Stream:
    return Stream(JitterPolicy(settings, settings.initial_ms))


def test_a_clean_line_is_left_alone(stream: Stream) -> None:
    for _ in range(100):
        assert stream.look(jitter_ms=1) == Adjustment(20)


def test_jitter_deepens_the_buffer_before_anything_is_late_but_not_in_the_middle_of_a_word(stream: Stream) -> None:
    stream.look_for(0.6)
    adjustments = [stream.look(jitter_ms=10) for _ in range(10)]
    assert not any(adjustment.deepen for adjustment in adjustments)
    pause = stream.look(jitter_ms=10, quiet=True)
    assert pause.deepen
    assert pause.depth_ms >= 70
    assert not stream.look(jitter_ms=10, quiet=True, waiting_ms=70).deepen


def test_what_comes_too_late_deepens_the_buffer_at_once_even_before_jitter_is_measured(stream: Stream) -> None:
    stream.look()
    assert stream.look(late=2) == Adjustment(30, deepen=True)


def test_what_comes_too_late_while_the_buffer_still_deepens_counts_once(stream: Stream) -> None:
    stream.look(packets=5)
    stream.look(late=2, packets=5)
    assert stream.look(late=2, packets=5).depth_ms == 30
    stream.look(packets=5)
    assert stream.look(late=2, packets=5).depth_ms == 40


def test_a_buffer_that_is_deep_enough_already_is_not_made_to_wait(stream: Stream) -> None:
    stream.look()
    assert stream.look(late=2, waiting_ms=30) == Adjustment(30)


def test_late_packets_are_forgiven_after_a_while(stream: Stream) -> None:
    stream.look_for(2)
    stream.look(late=2)
    assert stream.look_for(19) == 30
    assert stream.look_for(2) == 20


def test_lost_packets_give_the_buffer_one_packet_more(stream: Stream) -> None:
    stream.look_for(2)
    stream.look(lost=1)
    assert stream.look(lost=1).depth_ms == 50


def test_a_packet_lost_now_and_then_does_not(stream: Stream) -> None:
    for _ in range(5):
        stream.look(lost=1)
        assert stream.look_for(6) == 20


def test_the_buffer_gets_shallower_when_the_jitter_goes(stream: Stream) -> None:
    deep_ms = stream.look_for(3, jitter_ms=15)
    assert stream.look_for(2, jitter_ms=1) > 50
    assert deep_ms > 80
    assert stream.look_for(20, jitter_ms=1) == 20


def test_a_surplus_is_taken_out_step_by_step_in_the_pauses_of_speech(stream: Stream) -> None:
    stream.look_for(2, waiting_ms=60)
    assert stream.look(waiting_ms=60).skip_ms == 0
    assert stream.look(waiting_ms=60, quiet=True).skip_ms == 10
    assert stream.look(waiting_ms=50, quiet=True).skip_ms == 10
    assert stream.look(waiting_ms=40, quiet=True).skip_ms == 10
    assert stream.look(waiting_ms=30, quiet=True).skip_ms == 0


def test_a_large_surplus_waits_for_no_pause(stream: Stream) -> None:
    stream.look_for(1, waiting_ms=40)
    assert stream.look(waiting_ms=130).skip_ms == 10


def test_a_single_glance_is_not_taken_for_a_surplus(stream: Stream) -> None:
    stream.look()
    assert stream.look(waiting_ms=200, quiet=True).skip_ms == 0


def test_silence_on_the_line_changes_nothing(stream: Stream) -> None:
    stream.look_for(2, waiting_ms=60)
    for _ in range(20):
        assert stream.look(waiting_ms=60, quiet=True, packets=0) == Adjustment(20)
    assert stream.look(waiting_ms=60, quiet=True) == Adjustment(20), "what was seen before the silence still counts"


def test_a_line_that_was_bad_in_the_last_call_begins_deep_and_is_relieved_when_it_turns_out_clean(
    settings: JitterBufferSettings,
) -> None:
    stream = Stream(JitterPolicy(settings, 110))
    assert stream.look().depth_ms == 110
    assert stream.look_for(1, waiting_ms=110) in {20, 110}
    assert stream.look_for(2, waiting_ms=110) == 20


def test_it_never_goes_below_or_above_its_limits(settings: JitterBufferSettings) -> None:
    stream = Stream(JitterPolicy(settings, settings.initial_ms))
    depths = [stream.look(jitter_ms=200, late=2, lost=1).depth_ms for _ in range(200)]
    depths += [stream.look().depth_ms for _ in range(1000)]
    assert min(depths) == settings.minimum_ms
    assert max(depths) == settings.deepest_ms
