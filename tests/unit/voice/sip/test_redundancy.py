import random
import weakref
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from firmware.voice.sip import native, redundancy
from firmware.voice.sip.redundancy import LineSample, Redundancy, RedundancyPolicy
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.settings import RedundancySettings

if TYPE_CHECKING:
    from firmware.voice.sip.call import SipCall

LOOK_S = 0.2
PACKETS_A_LOOK = 10
NOTHING = Redundancy()


@dataclass
class Stream:
    """A policy that looks at a line five times a second."""

    policy: RedundancyPolicy = field(default_factory=RedundancyPolicy)
    at_s: float = 0.0
    received: int = 0
    lost: int = 0
    bursts: int = 0
    far_received: int = 0
    far_lost: int = 0

    def look(self, *, lost: int = 0, bursts: int | None = None, far_lost: int = 0, far: int = 0) -> Redundancy:
        self.at_s += LOOK_S
        self.received += PACKETS_A_LOOK - lost
        self.lost += lost
        self.bursts += lost if bursts is None else bursts
        self.far_received += far
        self.far_lost += far_lost
        return self.policy.choose(
            LineSample(self.at_s, self.received, self.lost, self.bursts, self.far_received, self.far_lost)
        )

    def look_for(self, duration_s: float, lost_percent: float = 0.0, seed: int = 1) -> Redundancy:
        """Lose packets one by one for a while; return what is sent more than once at the end."""
        lots = random.Random(seed)
        for _ in range(round(duration_s / LOOK_S)):
            self.look(lost=sum(lots.random() * 100 < lost_percent for _ in range(PACKETS_A_LOOK)))
        return self.policy.redundancy


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_on_a_clean_line_nothing_is_sent_twice(stream: Stream) -> None:
    assert stream.look_for(60) == NOTHING


def test_a_packet_lost_now_and_then_changes_nothing(stream: Stream) -> None:
    for _ in range(10):
        assert stream.look(lost=1) == NOTHING
        assert stream.look_for(6) == NOTHING


def test_a_few_lost_are_answered_by_one_copy_and_many_by_two(stream: Stream) -> None:
    stream.look_for(5)
    stream.look(lost=1)
    stream.look(lost=1)
    assert stream.look_for(0.8) == Redundancy((1, 0), 5)
    stream.look(lost=5)
    assert stream.look_for(0.8).distances == (1, 2)


@pytest.mark.parametrize("percent", [5, 10, 20])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_line_that_loses_one_by_one_has_two_copies_close_behind(stream: Stream, percent: int, seed: int) -> None:
    assert stream.look_for(10, percent, seed).distances == (1, 2)


def test_a_line_that_loses_in_bursts_has_its_copies_far_behind(stream: Stream) -> None:
    for _ in range(4):
        stream.look(lost=3, bursts=1)
        stream.look_for(1.0)
    assert stream.policy.redundancy.distances == (2, 5)


def test_what_the_other_end_loses_counts_as_what_is_lost_here(stream: Stream) -> None:
    stream.look_for(5)
    assert stream.look(far=225, far_lost=25) == Redundancy((1, 2), 10)


def test_what_a_line_needed_is_kept_for_a_while_and_then_given_up(stream: Stream) -> None:
    stream.look_for(5, 10)
    assert stream.look_for(25).distances == (1, 2)
    assert stream.look_for(15) == NOTHING


def test_a_line_that_was_bad_in_the_last_call_begins_with_copies_and_is_relieved_when_it_turns_out_clean() -> None:
    stream = Stream(RedundancyPolicy(Redundancy((1, 2), 10)))
    assert stream.look_for(25) == Redundancy((1, 2), 10)
    assert stream.look_for(10) == NOTHING


def test_what_comes_late_after_all_is_not_lost(stream: Stream) -> None:
    stream.look_for(5)
    for _ in range(60):
        stream.look(lost=3, far_lost=3, far=50)
        stream.look(lost=-3, bursts=0, far_lost=-3, far=50)
        assert stream.policy.redundancy == NOTHING


def test_counts_that_go_back_change_nothing(stream: Stream) -> None:
    stream.look_for(5)
    assert stream.policy.choose(LineSample(stream.at_s + 1, 0, 0, 0, 0, 0)) == NOTHING


class Part:
    """What a whole has in it, as SWIG lets it be read: it must not be read when the whole has gone."""

    def __init__(self, whole: object) -> None:
        self._whole = weakref.ref(whole)

    def __getattr__(self, name: str) -> Any:
        whole = self._whole()
        assert whole is not None
        return 1 if name in {"pkt", "loss"} else Part(whole)


class Whole:
    @property
    def rtcp(self) -> Part:
        return Part(self)


def test_statistics_are_read_while_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Call:
        audio_index = 0

        def getStreamStat(self, _index: int) -> Whole:  # noqa: N802 - pjsua2's
            return Whole()

        def far_losses(self) -> None:
            """As one that has told nothing yet."""

    monkeypatch.setattr(native, "look_at_line", lambda _address: native.Line(frames=10, lost=2, late=1, bursts=3))
    sample = redundancy._sample(cast("SipCall", Call()), 0)
    assert sample is not None
    assert (sample.received, sample.lost, sample.bursts, sample.far_received, sample.far_lost) == (8, 1, 3, 1, 0)


@pytest.mark.parametrize(("wanted_ms", "first_ms"), [(40.0, 40.0), (300.0, 60.0)])
def test_a_call_begins_with_the_wait_of_the_last_one_where_that_is_not_long(
    monkeypatch: pytest.MonkeyPatch, wanted_ms: float, first_ms: float
) -> None:
    bounds: list[tuple[float, ...]] = []
    library = SimpleNamespace(
        wecall_line_bound=lambda _address, *limits: bounds.append(limits),
        wecall_line_repeat=lambda *_: 0,
        wecall_line_expect_loss=lambda *_: None,
    )
    monkeypatch.setattr(native, "library", lambda: library)
    monkeypatch.setattr(native, "look_at_line", lambda _address: native.Line(wanted_ms=wanted_ms))
    control = redundancy.LineControl(Scheduler(lambda: 0.0), lambda _call_id: None, RedundancySettings())
    call = cast("SipCall", SimpleNamespace(call_id="c", account_settings=SimpleNamespace(host="sip.example")))
    control.stream_began(call, 1)
    control.stream_ended(call)
    control.stream_began(call, 2)
    assert bounds == [(0.0, 300.0, 0.0), (0.0, 300.0, first_ms)]
