"""The table of a trial: what stood before, what stands now, and for how long."""

import pytest

from firmware.setup.update.judge import (
    PATIENCE_S,
    STEADY_S,
    USUAL,
    Course,
    Facts,
    Fault,
    StoreCondition,
    Verdict,
    faults,
)

pytestmark = pytest.mark.feature("updates by stick and network")

OPEN, PROVED, WAITS, SHUT, NONE = StoreCondition
OFFLINE = Facts(lines=0, store=OPEN)
NEW_PHONE = Facts(lines=0, store=NONE)
WITH_PIN = Facts(lines=1, store=OPEN, takes_pin=True)


def facts(**changes: object) -> Facts:
    return USUAL.model_copy(update=changes)


def test_what_worked_before_the_restart_has_to_work_after_it(subtests: pytest.Subtests) -> None:
    for before, now, found in (
        (USUAL, USUAL, set()),
        (USUAL, facts(lines=2), set()),
        (USUAL, facts(lines=0), {Fault.LINE}),
        (facts(lines=2), USUAL, {Fault.LINE}),
        (OFFLINE, OFFLINE, set()),
        (OFFLINE, USUAL, set()),
        (USUAL, facts(store=PROVED), set()),
        (USUAL, facts(store=SHUT), {Fault.STORE}),
        (USUAL, facts(store=NONE), {Fault.STORE}),
        (USUAL, facts(store=WAITS), {Fault.STORE}),
        (WITH_PIN, facts(store=WAITS, takes_pin=True), set()),
        (WITH_PIN, facts(store=SHUT, takes_pin=True), {Fault.STORE}),
        (facts(store=SHUT), facts(store=SHUT), set()),
        (facts(store=SHUT), facts(store=WAITS), {Fault.STORE}),
        (NEW_PHONE, NEW_PHONE, set()),
        (NEW_PHONE, facts(lines=0, store=SHUT), {Fault.STORE}),
        (USUAL, facts(display=False), {Fault.DISPLAY}),
        (facts(display=False), facts(display=False), set()),
        (USUAL, facts(threads=False), {Fault.THREADS}),
        (facts(threads=False), facts(threads=False), {Fault.THREADS}),
        (USUAL, Facts(lines=0, store=SHUT, display=False, threads=False), set(Fault)),
    ):
        with subtests.test(before=before, now=now):
            assert faults(before, now) == found


WELL: frozenset[Fault] = frozenset()
ILL = frozenset({Fault.LINE})


def judged(*seen: tuple[float, frozenset[Fault]]) -> Verdict:
    course = Course()
    for at_s, found in seen:
        course = course.then(at_s, found)
    return course.verdict(seen[-1][0])


def test_two_minutes_in_a_row_are_good() -> None:
    assert judged((30, WELL), (30 + STEADY_S - 1, WELL)) is Verdict.PENDING
    assert judged((30, WELL), (30 + STEADY_S, WELL)) is Verdict.WORKS


def test_a_fault_in_between_begins_the_two_minutes_anew() -> None:
    assert judged((30, WELL), (100, ILL), (101, WELL), (30 + STEADY_S, WELL)) is Verdict.PENDING
    assert judged((30, WELL), (100, ILL), (101, WELL), (101 + STEADY_S, WELL)) is Verdict.WORKS


def test_after_eight_minutes_of_the_machine_it_fails() -> None:
    assert judged((30, ILL), (PATIENCE_S - 1, ILL)) is Verdict.PENDING
    assert judged((30, ILL), (PATIENCE_S, ILL)) is Verdict.FAILS
    assert judged((PATIENCE_S - STEADY_S + 1, WELL), (PATIENCE_S, WELL)) is Verdict.FAILS
    assert judged((PATIENCE_S - STEADY_S, WELL), (PATIENCE_S, WELL)) is Verdict.WORKS
