"""What becomes of packets that come late, twice, in another order or not at all, in virtual time."""

from collections.abc import Iterator

import pytest

from tests.lab.listener import FIRST, LEVEL_TICKS, RATE_HZ, TURN_MS, WAIT_MS, Listener, latest, level, levels
from tests.lab.redundancy import redundant
from tests.lab.virtual_line import PACKET_MS


@pytest.fixture
def listener() -> Iterator[Listener]:
    """By a codec of levels, with a wait that stays."""
    with levels() as listener:
        yield listener


# --- order -----------------------------------------------------------------------------------------------------------


def test_nothing_is_heard_before_the_first_packet_and_that_waits_for_its_time(listener: Listener) -> None:
    assert listener.hear(200) == b""
    assert listener.line.played == 0
    listener.put(0, level(0))
    assert listener.hear(WAIT_MS - TURN_MS) == b""
    assert listener.hear(2 * TURN_MS)[:1] == level(0)[:1]


def test_on_a_line_that_nothing_is_known_of_the_first_packet_is_heard_at_once() -> None:
    with levels(wait_ms=None) as listener:
        listener.put(0, level(0))
        assert listener.hear(TURN_MS)[:1] == level(0)[:1]


def test_packets_in_another_order_are_played_in_theirs(listener: Listener) -> None:
    first = listener.settle()
    before = listener.line
    order = [number for start in range(first, first + 40, 4) for number in (start + 1, start, start + 3, start + 2)]
    listener.follow((number, level(number)) for number in order)
    after = listener.line
    numbers = [int.from_bytes(payload[1:]) for payload in listener.decoded]
    assert numbers == list(range(len(numbers)))
    assert (after.lost, after.late, after.concealed) == (0, 0, before.concealed)


def test_packets_that_come_twice_are_played_once(listener: Listener) -> None:
    first = listener.settle()
    for number in range(first, first + 20):
        listener.put(number, level(number))
        listener.put(number - 2, level(number - 2))
        listener.follow([(number, level(number))])
    numbers = [int.from_bytes(payload[1:]) for payload in listener.decoded]
    assert numbers == list(range(len(numbers)))
    assert (listener.line.lost, listener.line.late, listener.line.refused) == (0, 0, 0)


def test_what_comes_too_late_is_told_from_what_never_comes(listener: Listener) -> None:
    first = listener.settle()
    listener.follow((number, level(number)) for number in range(first + 1, first + 20))
    assert (listener.line.late, listener.line.lost, listener.line.bursts) == (0, 1, 1)
    listener.put(first, level(first))
    listener.follow((number, level(number)) for number in range(first + 20, first + 30))
    assert (listener.line.late, listener.line.lost) == (1, 1)
    assert level(first) not in listener.decoded


def test_a_copy_that_comes_too_late_is_no_late_packet(listener: Listener) -> None:
    first = listener.settle()
    listener.follow((number, level(number)) for number in range(first + 1, first + 20))
    assert listener.put_redundant(first + 20, redundant([(20 * LEVEL_TICKS, level(first))], level(first + 20)))
    listener.hear(PACKET_MS)
    assert (listener.line.late, listener.line.lost) == (0, 1)


def test_packets_lost_in_a_row_are_one_burst(listener: Listener) -> None:
    first = listener.settle()
    lost = {3, 10, 11, 12, 20, 21}
    listener.follow((first + number, level(number)) for number in range(40) if number not in lost)
    assert (listener.line.lost, listener.line.bursts) == (len(lost), 3)


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause_s", [0.5, 1.0, 3.0, 60.0])
@pytest.mark.parametrize("says_so", [True, False])
def test_silence_that_was_not_sent_is_not_lost(listener: Listener, pause_s: float, *, says_so: bool) -> None:
    first = listener.settle()
    listener.hear(1000 * pause_s)
    if says_so:
        listener.receiver.say_silence()
    next_number = first + round(1000 * pause_s / PACKET_MS)
    listener.follow((number, level(number)) for number in range(next_number, next_number + 50))
    line = listener.line
    assert latest(listener, 40) >= next_number + 46
    assert (line.lost == 0, line.gaps == 0, line.concealed == 0) == (says_so, says_so, says_so)


@pytest.mark.parametrize("ticks", [20_000, -20_000, 0x7FFF_FFFF, -0x7FFF_FFFF, 0x8000_0000])
@pytest.mark.parametrize("pause_s", [0.0, 1.0, 2.0, 10.0])
def test_a_sender_whose_clock_begins_anew_is_heard_at_once(listener: Listener, ticks: int, pause_s: float) -> None:
    first = listener.settle()
    listener.hear(1000 * pause_s)
    for number in range(first, first + 30):
        listener.receiver.put(listener.now_ms, FIRST + number * LEVEL_TICKS + ticks, level(number))
        listener.hear(PACKET_MS)
    assert latest(listener, 20) >= first + 26


def test_timestamps_that_jump_for_ever_end_nothing(listener: Listener) -> None:
    for number in range(1000):
        listener.receiver.put(listener.now_ms, number * 0x7000_0000, level(number))
        listener.hear(PACKET_MS)
    assert len(listener.all_heard) >= 2 * RATE_HZ * 19
    assert len(listener.decoded) > 900


def test_what_is_missing_for_hours_is_counted_at_once(listener: Listener) -> None:
    first = listener.settle()
    listener.hear(21_000)
    listener.follow((number, level(number)) for number in range(first + 1050, first + 1060))
    assert listener.line.lost == 1050


@pytest.mark.parametrize("pause_s", [1.0, 3.0, 30.0])
@pytest.mark.parametrize("packets", [1, 2])
def test_the_present_is_heard_where_nobody_has_asked_for_a_while(
    listener: Listener, pause_s: float, packets: int
) -> None:
    first = listener.settle()
    until = first + round(1000 * pause_s / PACKET_MS)
    for number in range(first, until):
        listener.put(number, level(number))
        listener.now_ms += PACKET_MS
    listener.follow((number, level(number)) for number in range(until, until + 500))
    assert latest(listener, 10) >= until + 490


@pytest.mark.parametrize("jitter", [1, 7, 30])
def test_timestamps_that_are_not_exact_cost_no_sound(listener: Listener, jitter: int) -> None:
    first = listener.settle()
    for number in range(first, first + 50):
        ticks = number * LEVEL_TICKS + (jitter if number % 2 else 0)
        listener.receiver.put(listener.now_ms, FIRST + ticks, level(number))
        listener.hear(PACKET_MS)
    assert (listener.line.lost, listener.line.gaps) == (0, 0)
    assert len(listener.decoded) >= first + 45


@pytest.mark.parametrize("silence_ms", [20, 100, 170, 1000])
def test_a_first_packet_that_is_waited_for_does_not_delay_what_follows(silence_ms: float) -> None:
    with levels(wait_ms=None) as listener:
        assert listener.hear(silence_ms) == b""
        listener.follow((number, level(number)) for number in range(100))
        line = listener.line
        assert line.wait_ms < PACKET_MS
        assert (line.squeezed, line.stretched, line.concealed) == (0, 0, 0)


def test_what_was_said_while_nobody_asked_for_sound_is_not_heard_late(listener: Listener) -> None:
    first = listener.settle()
    for number in range(first, first + 25):
        listener.put(number, level(number))
        listener.now_ms += PACKET_MS
    listener.follow((number, level(number)) for number in range(first + 25, first + 35))
    assert latest(listener, 5) >= first + 29


def test_a_sender_with_another_clock_is_heard_in_its_time(listener: Listener) -> None:
    first = listener.settle()
    listener.receiver.tick(2 * LEVEL_TICKS * 50)
    for number in range(first, first + 100):
        listener.receiver.put(listener.now_ms, FIRST + number * 2 * LEVEL_TICKS, level(number))
        listener.hear(PACKET_MS)
    line = listener.line
    assert (line.lost, line.gaps) == (0, 0)
    assert latest(listener, 5) >= first + 94


# --- waiting ---------------------------------------------------------------------------------------------------------


def follow_late(listener: Listener, first: int, count: int, late_ms: float, one_in: int = 1) -> int:
    """Let one packet in so many come late."""
    arrivals = sorted(
        (number * PACKET_MS + (late_ms if number % one_in == 0 else 0), number)
        for number in range(first, first + count)
    )
    began_ms = listener.now_ms - first * PACKET_MS
    for at_ms, number in arrivals:
        while listener.now_ms < began_ms + at_ms:
            listener.hear(TURN_MS)
        listener.put(number, level(number))
    return first + count


def test_the_wait_of_an_earlier_call_is_kept_until_the_line_has_shown_that_less_will_do() -> None:
    with levels(wait_ms=None) as listener:
        listener.receiver.bound(0, 300, 100)
        listener.follow((number, level(number)) for number in range(50))
        assert listener.line.wanted_ms == 100
        assert listener.line.wait_ms > 90
        listener.follow((number, level(number)) for number in range(50, 1000))
        assert listener.line.wanted_ms < PACKET_MS
        assert listener.line.wait_ms < 2 * PACKET_MS


def test_a_first_packet_is_waited_with_and_then_heard_whenever_it_comes(subtests: pytest.Subtests) -> None:
    for late_ms in (0.0, 0.1, 2.5, 5.0, 9.9):
        for first_ms in (20, 60, 64, 100):
            with subtests.test(late_ms=late_ms, first_ms=first_ms), levels(wait_ms=None) as listener:
                listener.receiver.bound(0, 300, first_ms)
                for number in range(20):
                    listener.receiver.put(listener.now_ms + late_ms, FIRST + number * LEVEL_TICKS, level(number))
                    listener.hear(PACKET_MS)
                assert listener.decoded
                assert 0 < len(listener.all_heard) // 2 * 1000 / RATE_HZ <= 20 * PACKET_MS - first_ms + 2 * TURN_MS


def test_the_wait_grows_at_once_and_shrinks_slowly() -> None:
    with levels(wait_ms=None) as listener:
        listener.follow((number, level(number)) for number in range(100))
        assert listener.line.wanted_ms < PACKET_MS
        reached = follow_late(listener, 100, 100, 60, one_in=10)
        grown = listener.line.wanted_ms
        assert grown >= 60
        assert listener.line.wait_ms > 50
        listener.follow((number, level(number)) for number in range(reached, reached + 250))
        assert listener.line.wanted_ms == grown
        listener.follow((number, level(number)) for number in range(reached + 250, reached + 1500))
        assert listener.line.wanted_ms < PACKET_MS
        assert listener.line.wait_ms < 2 * PACKET_MS


def test_the_wait_keeps_within_its_bounds() -> None:
    with levels(wait_ms=None) as listener:
        listener.receiver.bound(30, 100, 1000)
        assert listener.line.wanted_ms == 100
        listener.follow((number, level(number)) for number in range(200))
        assert listener.line.wanted_ms == 30
        follow_late(listener, 200, 200, 300, one_in=3)
        assert listener.line.wanted_ms == 100
