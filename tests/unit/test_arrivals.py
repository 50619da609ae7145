"""What a listener of the lab has heard is found however late somebody looks for it."""

import threading
import time

import pytest

from tests.lab.arrivals import Arrivals

SOON_S = 0.05


def heard(*items: int, most: int | None = None) -> Arrivals[int]:
    heard = Arrivals[int]("the listener", most)
    for item in items:
        heard.add(item)
    return heard


def is_even(item: int) -> bool:
    return item % 2 == 0


def test_what_came_before_the_looking_began_is_found_by_its_mark() -> None:
    listener = heard(1)
    mark = listener.mark()
    listener.add(2)
    listener.add(3)
    assert listener.first(2, after=mark) == listener.since(mark) == [2, 3]
    assert listener.first(1, is_even, after=mark) == [2]
    assert listener.since() == [1, 2, 3]


def test_what_comes_later_is_waited_for() -> None:
    listener = heard()

    def tell() -> None:
        for item in range(1000):
            time.sleep(0)  # lets the test look in between
            listener.add(item)

    teller = threading.Thread(target=tell)
    teller.start()
    assert listener.first(300) == list(range(300))
    assert listener.in_a_row(3, lambda item: item > 400) == [401, 402, 403]
    assert listener.take(lambda item: item == 500) == 500
    assert listener.wait_for(lambda items: [item for item in items if item > 600]) == [601]
    teller.join()


def test_what_was_taken_is_not_there_again_and_moves_no_mark() -> None:
    listener = heard(1, 2)
    mark = listener.mark()
    listener.add(4)
    assert [listener.take(is_even), listener.take()] == [2, 1]
    assert listener.since(mark) == listener.since() == listener.newest(5) == [4]


def test_a_row_that_is_interrupted_begins_anew() -> None:
    assert heard(2, 4, 5, 6, 8, 10).in_a_row(3, is_even) == [6, 8, 10]


def test_what_does_not_come_is_told_with_what_came_instead() -> None:
    listener = heard(1, 3)
    for look in (
        lambda: listener.first(1, is_even, timeout_s=SOON_S),
        lambda: listener.in_a_row(3, lambda item: not is_even(item), timeout_s=SOON_S),
        lambda: listener.take(is_even, timeout_s=SOON_S),
        lambda: listener.wait_for(lambda items: 2 in items, timeout_s=SOON_S),
        lambda: listener.first(1, after=listener.mark(), timeout_s=SOON_S),
    ):
        with pytest.raises(AssertionError, match=r"the listener got no .* in time, but at last \[1, 3\]"):
            look()


def test_only_the_newest_are_kept_and_a_mark_before_them_is_an_error() -> None:
    listener = heard(1, 2, 3, 4, most=2)
    assert (listener.newest(1), listener.newest(0)) == ([4], [])
    assert listener.since(2) == [3, 4]
    with pytest.raises(AssertionError, match="keeps 2 only"):
        listener.since()
    listener.forget()
    assert listener.newest(2) == []
