"""Debouncing, repeating and long presses, with the clock in the test's hand."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.key_tracker import Contact, KeyAction, KeyTimes, KeyTracker, unclear_contacts

PRESSED, REPEATED, HELD, RELEASED = KeyAction.PRESSED, KeyAction.REPEATED, KeyAction.HELD, KeyAction.RELEASED
TIMES = KeyTimes(debounce_s=0.010, repeat_after_s=0.5, repeat_every_s=0.12, long_press_s=1.0)
A, B, C, D = (0, 0), (0, 1), (1, 0), (1, 1)
Scan = tuple[float, set[Contact]]


def follow(scans: Iterable[Scan]) -> list[tuple[float, KeyAction, Contact]]:
    """Scan a tracker at the given times and return when it said what."""
    tracker = KeyTracker(TIMES)
    return [(at_s, *action) for at_s, closed in scans for action in tracker.update(closed, at_s)]


def every_10_ms(closed: set[Contact], start_ms: int, stop_ms: int) -> list[Scan]:
    return [(ms / 1000, closed) for ms in range(start_ms, stop_ms, 10)]


def test_a_contact_counts_once_it_has_been_closed_for_the_debounce_time() -> None:
    assert follow([(0.000, {A}), (0.009, {A}), (0.010, {A}), (0.015, {A})]) == [(0.010, PRESSED, A)]


def test_a_contact_that_bounces_starts_its_debounce_time_again() -> None:
    assert follow([(0.000, {A}), (0.008, set()), (0.009, {A}), (0.018, {A}), (0.019, {A})]) == [(0.019, PRESSED, A)]


def test_a_spike_shorter_than_the_debounce_time_is_nothing() -> None:
    assert follow([(0.000, {A}), (0.005, set()), (0.050, set())]) == []


def test_a_key_that_bounces_while_it_comes_up_is_released_once() -> None:
    scans: list[Scan] = [
        (0.00, {A}),
        (0.01, {A}),
        (0.20, set()),
        (0.205, {A}),
        (0.21, set()),
        (0.22, set()),
        (0.3, set()),
    ]
    assert follow(scans) == [(0.01, PRESSED, A), (0.22, RELEASED, A)]


def test_a_key_repeats_after_the_first_delay_and_then_at_its_rate() -> None:
    actions = follow(every_10_ms({A}, 0, 900))
    assert [at_s for at_s, action, _ in actions if action is REPEATED] == [0.51, 0.63, 0.75, 0.87]


def test_a_late_scan_is_followed_by_one_repeat_and_not_by_a_burst() -> None:
    actions = follow([(0.0, {A}), (0.01, {A}), (5.0, {A}), (5.01, {A})])
    assert [at_s for at_s, action, _ in actions if action is REPEATED] == [5.0]


def test_a_key_is_held_once_a_press() -> None:
    first = every_10_ms({A}, 0, 1500)
    pause = every_10_ms(set(), 1500, 1600)
    second = every_10_ms({A}, 1600, 3100)
    actions = follow([*first, *pause, *second])
    pressed_s = [at_s for at_s, action, _ in actions if action is PRESSED]
    held_s = [at_s for at_s, action, _ in actions if action is HELD]
    assert held_s == pytest.approx([at_s + TIMES.long_press_s for at_s in pressed_s], abs=0.011)


def test_the_key_that_went_down_last_repeats_alone() -> None:
    actions = follow([*every_10_ms({A}, 0, 400), *every_10_ms({A, B}, 400, 1600)])
    assert {contact for _, action, contact in actions if action in {REPEATED, HELD}} == {B}


def test_letting_the_latest_key_go_does_not_start_the_earlier_one_again() -> None:
    actions = follow([*every_10_ms({A}, 0, 100), *every_10_ms({A, B}, 100, 200), *every_10_ms({A}, 200, 2000)])
    assert [action for _, action, _ in actions] == [PRESSED, PRESSED, RELEASED]


def test_three_corners_of_a_rectangle_do_not_press_the_fourth() -> None:
    actions = follow([*every_10_ms({A, B}, 0, 100), *every_10_ms({A, B, C, D}, 100, 300)])
    assert [(action, contact) for _, action, contact in actions] == [(PRESSED, A), (PRESSED, B)]


def test_a_third_corner_counts_once_a_finger_of_the_rectangle_is_lifted() -> None:
    scans = [*every_10_ms({A, B}, 0, 100), *every_10_ms({A, B, C, D}, 100, 200), *every_10_ms({B, C}, 200, 300)]
    actions = {(action, contact) for _, action, contact in follow(scans)}
    assert actions == {(PRESSED, A), (PRESSED, B), (PRESSED, C), (RELEASED, A)}


def test_a_tracker_is_idle_until_a_contact_closes_and_after_the_last_came_up() -> None:
    tracker = KeyTracker(TIMES)
    assert tracker.is_idle
    tracker.update({A}, 0.0)
    assert (tracker.is_idle, tracker.is_settling) == (False, True)
    tracker.update({A}, 0.01)
    assert (tracker.is_idle, tracker.is_settling) == (False, False)
    tracker.update(set(), 0.5)
    tracker.update(set(), 0.51)
    assert tracker.is_idle


contacts = st.sets(st.tuples(st.integers(0, 4), st.integers(0, 3)))


def as_read(closed: set[Contact]) -> set[Contact]:
    """What a matrix without diodes reads: rows that share a column read each other's columns."""
    read = set(closed)
    while True:
        more = {
            (row, column)
            for row, shared in read
            for other, also_shared in read
            if shared == also_shared
            for other_row, column in read
            if other_row == other
        }
        if more == read:
            return read
        read = more


@given(contacts)
def test_no_contact_is_trusted_that_nobody_closed(closed: set[Contact]) -> None:
    read = as_read(closed)
    assert read - unclear_contacts(read) <= closed


@given(contacts)
def test_every_key_is_trusted_where_no_two_rows_share_two_columns(closed: set[Contact]) -> None:
    read = as_read(closed)
    if read == closed and not unclear_contacts(read):
        return
    rows = {row: {column for other, column in read if other == row} for row, _ in read}
    assert any(len(rows[one] & rows[other]) > 1 for one in rows for other in rows if one < other)


@given(st.lists(st.tuples(st.integers(1, 40), contacts), max_size=60))
def test_presses_and_releases_of_a_key_take_turns(steps: list[tuple[int, set[Contact]]]) -> None:
    tracker = KeyTracker(TIMES)
    down: set[Contact] = set()
    now_ms = 0
    for pause_ms, closed in steps:
        now_ms += pause_ms
        for action, contact in tracker.update(closed, now_ms / 1000):
            if action is PRESSED:
                assert contact not in down
                down.add(contact)
            elif action is RELEASED:
                down.remove(contact)
            else:
                assert contact in down
