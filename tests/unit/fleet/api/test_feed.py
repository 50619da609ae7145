import json

import pytest

from fleet.api import feed as module
from fleet.api.feed import MAX_FOLLOWERS, RECENT_S, Feed, Fleets

MOST = 1 << 20


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def feed(clock: Clock) -> Feed:
    return Feed(clock)


def status(feed: Feed, device: str, state: str, fleet: str = "north") -> None:
    payload = json.dumps({"state": state}).encode() if state else b""
    feed.take(fleet, f"wecall/v1/{fleet}/{device}/status", payload, is_kept=True)


def call(feed: Feed, text: str, fleet: str = "north") -> None:
    feed.take(fleet, f"wecall/v1/{fleet}/a/cdr", text.encode(), is_kept=False)


def payloads(frames: list[bytes]) -> list[str]:
    return [json.loads(frame)["payload"] for frame in frames]


def after(feed: Feed, place: int, fleets: Fleets = None, most_bytes: int = MOST) -> list[str]:
    found = feed.after(place, fleets, most_bytes)
    assert found is not None
    return payloads(found[0])


def test_a_picture_has_the_newest_of_what_is_kept_and_nothing_else(feed: Feed) -> None:
    assert feed.enter()
    for device, state in (("a", "online"), ("b", "online"), ("a", "offline"), ("b", "")):
        status(feed, device, state)
    call(feed, "1")
    frames, place = feed.picture(None)
    assert [json.loads(frame) for frame in frames] == [
        {"topic": "wecall/v1/north/a/status", "payload": '{"state": "offline"}', "retained": True}
    ]
    call(feed, "2")
    assert after(feed, place) == ["2"]


def test_whoever_sees_one_fleet_gets_nothing_of_another(feed: Feed) -> None:
    assert feed.enter()
    for fleet in ("north", "south"):
        status(feed, "a", "online", fleet)
        call(feed, fleet, fleet)
    north = frozenset({"north"})
    assert [json.loads(frame)["topic"] for frame in feed.picture(north)[0]] == ["wecall/v1/north/a/status"]
    assert after(feed, 0, north) == ['{"state": "online"}', "north"]
    assert feed.after(0, frozenset(), MOST) == ([], 4)


def test_a_place_is_gone_on_from_while_what_follows_is_kept(feed: Feed, clock: Clock) -> None:
    assert feed.enter()
    call(feed, "1")
    name = feed.id_of(1)
    feed.leave()
    clock.now_s += RECENT_S - 1
    call(feed, "2")
    assert feed.enter()
    place = feed.place_of(name)
    assert place is not None
    assert after(feed, place) == ["2"]
    clock.now_s += RECENT_S + 1
    call(feed, "3")
    assert feed.after(place, None, MOST) is None


def test_what_came_while_nobody_looked_is_not_kept_and_no_place_of_before_is_gone_on_from(
    feed: Feed, clock: Clock
) -> None:
    assert feed.enter()
    call(feed, "1")
    name = feed.id_of(1)
    feed.leave()
    clock.now_s += RECENT_S + 1
    assert not feed.is_followed
    call(feed, "2")
    assert feed.enter()
    assert feed.place_of(name) is None
    assert feed.after(1, None, MOST) == ([], 1)


@pytest.mark.parametrize(
    "name", ["", ".", "1", "x.1", "{story}", "{story}.", "{story}.-1", "{story}.²", "{story}.99999"]
)
def test_what_is_no_place_begins_anew(feed: Feed, name: str) -> None:
    assert feed.enter()
    call(feed, "1")
    story = feed.id_of(0).partition(".")[0]
    assert feed.place_of(name.format(story=story)) is None
    assert feed.place_of(f"{story}.1") == 1


def test_a_flood_takes_bounded_room_and_whoever_is_slow_begins_anew(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_RECENT", 100)
    assert feed.enter()
    for number in range(1000):
        call(feed, f"{number}")
    assert feed.after(899, None, MOST) is None
    assert after(feed, 900) == [f"{number}" for number in range(900, 1000)]
    monkeypatch.setattr(module, "MOST_RECENT_BYTES", 10_000)
    call(feed, "x" * 9_000)
    assert len(after(feed, 1000)) == 1
    assert feed.after(900, None, MOST) is None


def test_a_long_absence_comes_in_parts(feed: Feed) -> None:
    assert feed.enter()
    for number in range(100):
        call(feed, f"{number}")
    place, found = 0, []
    while place < 100:
        part = feed.after(place, None, 500)
        assert part is not None
        frames, place = part
        assert sum(map(len, frames)) < 1000
        found += payloads(frames)
    assert found == [f"{number}" for number in range(100)]


def test_more_than_there_may_be_do_not_come_in(feed: Feed) -> None:
    assert all(feed.enter() for _ in range(MAX_FOLLOWERS))
    assert not feed.enter()
    feed.leave()
    assert feed.enter()
