import math
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from fleet.api.causes import MAX_CHANCE, Cause, Drop, FleetCalls, find_causes, log_tail
from fleet.api.models import CauseKind, DropKind

DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN


class Fleet:
    """Handsets at places of ten, with calls at random minutes of a week, of which one in fifty drops."""

    def __init__(self, handsets: int = 100, calls_each: int = 100) -> None:
        self.rng = random.Random(7)
        self.names = [f"desk-{number}" for number in range(handsets)]
        self.places = {name: f"hotel-{number // 10}" for number, name in enumerate(self.names)}
        self.calls = [(name, self.rng.randrange(WEEK_MIN)) for name in self.names for _ in range(calls_each)]
        self.drops = [Drop(*call, DropKind.SERVER_ERROR) for call in self.calls if self.rng.random() < 0.02]

    def drop(self, names: list[str], share: float, kind: DropKind, minutes: range = range(WEEK_MIN)) -> None:
        """Have some of the calls drop that began in these minutes."""
        self.drops += [
            Drop(name, minute, kind)
            for name, minute in self.calls
            if name in names and minute in minutes and self.rng.random() < share
        ]

    def causes(self, *, with_places: bool = True) -> list[Cause]:
        by_device, by_minute = (Counter(each) for each in zip(*self.calls, strict=True))
        return find_causes(FleetCalls(self.drops, by_device, by_minute, self.places if with_places else {}))


def told(causes: list[Cause]) -> Iterator[tuple[CauseKind, str, DropKind]]:
    return ((cause.kind, cause.name, cause.drop) for cause in causes)


@pytest.mark.parametrize(("hits", "trials", "share"), [(1, 1, 0.5), (5, 30, 0.02), (30, 30, 0.3), (40, 1000, 0.02)])
def test_the_tail_is_the_sum_of_what_is_at_least_so_much(hits: int, trials: int, share: float) -> None:
    terms = (math.comb(trials, hit) * share**hit * (1 - share) ** (trials - hit) for hit in range(hits, trials + 1))
    assert math.exp(log_tail(hits, trials, share)) == pytest.approx(sum(terms), rel=1e-9)


def test_what_is_no_more_than_to_be_expected_is_no_wonder() -> None:
    assert log_tail(2, 100, 0.02) == 0.0
    assert log_tail(5000, 300_000, 0.01) < -300, "and what is far from it does not vanish"


def test_a_fleet_with_the_usual_failures_has_no_cause() -> None:
    assert find_causes(FleetCalls([], {}, {}, {})) == []
    assert Fleet().causes() == []


def test_a_broken_handset_is_named_alone_and_its_place_is_not() -> None:
    fleet = Fleet()
    fleet.drop(["desk-42"], 0.4, DropKind.INTERRUPTED)
    [cause] = fleet.causes()
    assert [*told([cause])] == [(CauseKind.HANDSET, "desk-42", DropKind.INTERRUPTED)]
    assert cause.usual == pytest.approx(0.02, abs=0.005)
    assert cause.log_chance < math.log(MAX_CHANCE)


def test_a_broken_place_is_named_and_none_of_its_handsets() -> None:
    fleet = Fleet()
    fleet.drop(fleet.names[30:40], 0.3, DropKind.NETWORK_LOST)
    [cause] = fleet.causes()
    assert [*told([cause])] == [(CauseKind.PLACE, "hotel-3", DropKind.NETWORK_LOST)]
    assert len(cause.by_device) == 10


def test_where_nobody_has_named_places_each_handset_of_one_stands_alone() -> None:
    fleet = Fleet()
    fleet.drop(fleet.names[30:33], 0.4, DropKind.NETWORK_LOST)
    assert {name for _, name, _ in told(fleet.causes(with_places=False))} == set(fleet.names[30:33])


def test_two_broken_handsets_do_not_make_their_place_broken() -> None:
    fleet = Fleet()
    fleet.drop(fleet.names[30:32], 0.5, DropKind.INTERRUPTED)
    assert {(kind, name) for kind, name, _ in told(fleet.causes())} == {
        (CauseKind.HANDSET, "desk-30"),
        (CauseKind.HANDSET, "desk-31"),
    }


def test_a_server_that_is_away_for_an_hour_is_no_fault_of_a_handset_or_a_place() -> None:
    fleet = Fleet(calls_each=300)
    hour = range(3 * DAY_MIN, 3 * DAY_MIN + 60)
    fleet.drop(fleet.names, 0.8, DropKind.SERVER_ERROR, hour)
    [cause] = fleet.causes()
    assert [*told([cause])] == [(CauseKind.MANY, "", DropKind.SERVER_ERROR)]
    minutes = [drop.minute for drop in cause.explains]
    assert hour.start - 10 <= min(minutes) <= hour.start + 10
    assert hour.stop - 10 <= max(minutes) <= hour.stop + 10
    assert len(cause.by_device) > 50


def test_an_outage_that_eases_off_and_comes_back_is_told_once() -> None:
    names = [f"desk-{number}" for number in range(20)]
    struck = dict.fromkeys(range(0, 100, 5), 1) | {50: 15, 54: 5}
    drops = [
        Drop(names[(window + number) % 20], 10 * window, DropKind.SERVER_ERROR)
        for window, number_of in struck.items()
        for number in range(number_of)
    ]
    by_minute = {10 * window: 20 for window in range(100)}
    [cause] = find_causes(FleetCalls(drops, dict.fromkeys(names, 100), by_minute, {}))
    assert cause.kind is CauseKind.MANY
    assert {drop.minute for drop in cause.explains} == {500, 540}


def test_many_at_once_at_one_place_are_that_place() -> None:
    fleet = Fleet(calls_each=300)
    there = fleet.names[50:60]
    at_once = range(2 * DAY_MIN, 2 * DAY_MIN + 5)
    fleet.calls += [(name, minute) for name in there for minute in at_once[:2]]
    fleet.drop(there, 1.0, DropKind.NETWORK_LOST, at_once)
    [cause] = fleet.causes()
    assert [*told([cause])] == [(CauseKind.PLACE, "hotel-5", DropKind.NETWORK_LOST)]
    [same] = fleet.causes(with_places=False)
    assert same.kind is CauseKind.MANY


def test_each_of_several_is_named_and_the_one_with_the_most_calls_is_the_first() -> None:
    fleet = Fleet(calls_each=300)
    fleet.drop(["desk-77"], 0.4, DropKind.QUICK_REDIAL)
    fleet.drop(fleet.names[20:30], 0.3, DropKind.NETWORK_LOST)
    fleet.drop(fleet.names, 0.8, DropKind.SERVER_ERROR, range(DAY_MIN, DAY_MIN + 60))
    causes = fleet.causes()
    assert [*told(causes)] == [
        (CauseKind.PLACE, "hotel-2", DropKind.NETWORK_LOST),
        (CauseKind.MANY, "", DropKind.SERVER_ERROR),
        (CauseKind.HANDSET, "desk-77", DropKind.QUICK_REDIAL),
    ]


def test_one_of_two_handsets_cannot_be_told_from_chance_by_a_few_calls() -> None:
    drops = [Drop("desk-1", minute, DropKind.INTERRUPTED) for minute in range(5)]
    assert find_causes(FleetCalls(drops, {"desk-1": 10, "desk-2": 3}, {0: 13}, {})) == []
