import random
from dataclasses import dataclass, field, replace

import pytest

from firmware.voice.sip.codec_policy import CallFacts, LineCounts, LineJudge, LineState, should_ask_for_opus

PACKETS_A_LOOK = 50
LOOKS_A_REPORT = 5
NOTHING_YET = LineCounts(received=0, missing=0, sent=0, missed=0, reports=0, round_trip_ms=None)


@dataclass
class Line:
    """A judge that looks at a line once a second; the other end reports every five."""

    judge: LineJudge = field(default_factory=LineJudge)
    counts: LineCounts = NOTHING_YET
    looks: int = 0
    missed: int = 0

    def look(
        self, lost: int = 0, *, missed: int = 0, round_trip_ms: float | None = 20, packets: int = PACKETS_A_LOOK
    ) -> LineState:
        self.looks += 1
        self.missed += missed
        before = self.counts
        told = replace(before, missed=self.missed, reports=before.reports + 1, round_trip_ms=round_trip_ms)
        self.counts = replace(
            told if self.looks % LOOKS_A_REPORT == 0 else before,
            received=before.received + packets - lost,
            missing=before.missing + lost,
            sent=before.sent + PACKETS_A_LOOK,
        )
        return self.judge.look(self.counts)

    def look_for(
        self, looks: int, lost: int = 0, *, missed: int = 0, round_trip_ms: float | None = 20
    ) -> list[LineState]:
        return [self.look(lost, missed=missed, round_trip_ms=round_trip_ms) for _ in range(looks)]

    def new_stream(self) -> None:
        self.judge.stream_began()
        self.counts = NOTHING_YET
        self.missed = 0


@pytest.fixture
def line() -> Line:
    line = Line()
    line.look()
    return line


def looks_until_lossy(loss: float, seed: int, most: int) -> int | None:
    chance, line = random.Random(seed), Line()
    for number in range(most):
        lost = sum(chance.random() < loss for _ in range(PACKETS_A_LOOK))
        if line.look(lost) is LineState.LOSSY:
            return number
    return None


def test_a_line_that_loses_one_packet_in_twelve_is_lossy_within_twelve_seconds() -> None:
    found = [looks_until_lossy(0.08, seed, 60) for seed in range(200)]
    assert all(looks is not None and looks <= 12 for looks in found)
    assert sorted(looks or 0 for looks in found)[100] <= 7


def test_a_line_that_loses_one_in_a_hundred_is_not_taken_for_lossy_in_ten_minutes() -> None:
    found = [looks_until_lossy(0.01, seed, 600) for seed in range(100)]
    assert found == [None] * 100


def test_a_clean_line_stays_clean(line: Line) -> None:
    assert set(line.look_for(600)) == {LineState.CLEAN}


@pytest.mark.parametrize("lost", [15, 50, 150])
def test_one_outage_is_no_lossy_line(line: Line, lost: int) -> None:
    line.look_for(10)
    assert line.look(lost, packets=PACKETS_A_LOOK + lost) is LineState.CLEAN
    assert set(line.look_for(60)) == {LineState.CLEAN}


def test_a_second_with_hardly_a_packet_says_nothing(line: Line) -> None:
    assert {line.look(3, packets=6) for _ in range(20)} == {LineState.CLEAN}


def test_packets_that_overtake_each_other_are_not_lost(line: Line) -> None:
    chance, missing = random.Random(1), 0
    for _ in range(200):
        # Some are still under way at each look, and have come by the next.
        before, missing = missing, chance.randrange(4)
        assert line.look(missing - before) is LineState.CLEAN


def test_what_the_other_end_loses_counts_from_its_second_report_on(line: Line) -> None:
    states = line.look_for(15, missed=4)
    assert states[7] is LineState.CLEAN
    assert states[-1] is LineState.LOSSY


def test_one_bad_report_is_one_outage(line: Line) -> None:
    line.look(missed=50)
    assert set(line.look_for(60)) == {LineState.CLEAN}


def test_a_report_of_more_losses_than_packets_is_believed_no_further_than_that(line: Line) -> None:
    line.look(missed=2**24)
    assert set(line.look_for(60, missed=-1)) == {LineState.CLEAN}


def test_a_far_line_is_told_by_two_reports(line: Line) -> None:
    assert set(line.look_for(8, round_trip_ms=300)) == {LineState.CLEAN}
    assert line.look_for(2, round_trip_ms=300)[-1] is LineState.FAR


def test_a_line_whose_length_nobody_tells_is_near(line: Line) -> None:
    assert set(line.look_for(60, round_trip_ms=None)) == {LineState.CLEAN}


def test_a_far_line_that_loses_too_is_lossy(line: Line) -> None:
    assert line.look_for(12, round_trip_ms=300)[-1] is LineState.FAR
    assert line.look_for(8, 4, round_trip_ms=300)[-1] is LineState.LOSSY


def test_a_bad_line_is_clean_after_half_a_minute_without_losses(line: Line) -> None:
    line.look_for(10, 4)
    states = line.look_for(45)
    assert states[20] is LineState.LOSSY
    assert states[-1] is LineState.CLEAN


def test_a_line_that_still_loses_a_little_does_not_turn_clean(line: Line) -> None:
    line.look_for(10, 4)
    assert set(line.look_for(120, 1)) == {LineState.LOSSY}


def test_a_lossy_line_that_is_far_is_only_far_once_it_loses_no_more(line: Line) -> None:
    line.look_for(10, 4, round_trip_ms=300)
    assert line.look_for(45, round_trip_ms=300)[-1] is LineState.FAR


def test_a_judgement_from_before_holds_until_the_line_has_shown_something_else() -> None:
    line = Line(LineJudge(LineState.LOSSY))
    assert set(line.look_for(25)) == {LineState.LOSSY}
    assert line.look_for(10)[-1] is LineState.CLEAN


def test_a_new_stream_counts_anew_over_the_same_line(line: Line) -> None:
    line.look_for(4, 4)
    line.new_stream()
    assert line.look_for(3, 4)[-1] is LineState.LOSSY


CALL = CallFacts(codec="g722", peer_has_opus=True, is_emergency=False, is_talk=True, was_asked=False, changed_s=None)


@pytest.mark.parametrize("codec", ["g722", "pcmu", "pcma"])
def test_a_call_on_a_lossy_line_goes_on_in_opus(codec: str) -> None:
    assert should_ask_for_opus(replace(CALL, codec=codec), loses_packets=True)


def test_where_every_word_comes_through_nobody_is_asked() -> None:
    assert not should_ask_for_opus(CALL, loses_packets=False)


@pytest.mark.parametrize(
    "otherwise",
    [
        {"codec": "opus"}, {"codec": ""}, {"peer_has_opus": False}, {"is_talk": False}, {"was_asked": True},
        {"is_emergency": True}, {"changed_s": 9.9},
    ],
)  # fmt: skip
def test_what_keeps_a_call_as_it_is(otherwise: dict[str, object]) -> None:
    assert not should_ask_for_opus(replace(CALL, **otherwise), loses_packets=True)  # type: ignore[arg-type]


def test_whose_codec_has_changed_long_ago_may_be_asked() -> None:
    assert should_ask_for_opus(replace(CALL, changed_s=10.0), loses_packets=True)
