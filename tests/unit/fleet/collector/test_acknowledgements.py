"""What handsets are told, and when."""

import math
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from contract.downlink import MAX_CONFIRMED_RANGES, AckMessage
from fleet.collector.acknowledgements import JOIN_S, MANY, Acknowledgements, join
from fleet.collector.quarantine import Sender
from fleet.collector.received import Received

SENDER = Sender("north", "handset-1")


def message(number: int) -> Received:
    return Received("wecall/v1/north/handset-1/cdr", b"", number, 1, 1, 0.0)


def ranges_of(numbers: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    return [(each.epoch, each.first, each.last) for each in join(numbers)]


def test_numbers_in_a_row_are_one_range_and_a_gap_stays_a_gap() -> None:
    assert ranges_of([(1, 3), (1, 1), (1, 2), (1, 5), (2, 6), (1, 3)]) == [(1, 1, 3), (1, 5, 5), (2, 6, 6)]


@given(st.sets(st.tuples(st.integers(1, 3), st.integers(1, 40))))
def test_ranges_hold_exactly_what_they_were_made_of(numbers: set[tuple[int, int]]) -> None:
    held = [(epoch, seq) for epoch, first, last in ranges_of(numbers) for seq in range(first, last + 1)]
    assert sorted(held) == sorted(numbers)


def test_a_handset_hears_of_everything_of_some_time_in_one_message() -> None:
    waiting = Acknowledgements("main")
    waiting.add(SENDER, [(1, 1)], [message(1)], 100.0)
    waiting.add(SENDER, [(1, 2)], [message(2)], 100.0 + JOIN_S / 2)
    assert waiting.due(100.0 + JOIN_S / 2) == []
    assert waiting.due_at_s == 100.0 + JOIN_S
    [acknowledgement] = waiting.due(100.0 + JOIN_S)
    said = AckMessage.read(acknowledgement.payload)
    assert [(each.first, each.last) for each in said.messages] == [(1, 2)]
    assert [answer.number for answer in acknowledgement.answers] == [1, 2]
    assert waiting.due_at_s == math.inf


def test_a_message_is_let_go_of_with_the_last_of_several_answers() -> None:
    waiting = Acknowledgements("main")
    numbers = [(1, 2 * each + 1) for each in range(MAX_CONFIRMED_RANGES + 1)]
    waiting.add(SENDER, numbers, [message(1)], 0.0)
    first, last = waiting.due(math.inf)
    assert (len(first.answers), len(last.answers)) == (0, 1)
    assert len(AckMessage.read(first.payload).messages) == MAX_CONFIRMED_RANGES


def test_many_do_not_wait_since_the_broker_waits_for_them() -> None:
    waiting = Acknowledgements("main")
    waiting.add(SENDER, [(1, each) for each in range(1, MANY)], [message(each) for each in range(1, MANY)], 100.0)
    assert waiting.due(100.0) == []
    waiting.add(Sender("north", "handset-2"), [(1, 1)], [message(MANY)], 100.0)
    assert [len(each.answers) for each in waiting.due(100.0)] == [MANY - 1, 1]
