from firmware.voice.sip.scheduler import Scheduler


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_actions_run_when_due_in_order() -> None:
    clock, ran = Clock(), list[str]()
    scheduler = Scheduler(clock)
    scheduler.after(2, lambda: ran.append("second"))
    scheduler.after(1, lambda: ran.append("first"))
    assert scheduler.wait_s(10) == 1
    scheduler.run_due()
    assert ran == []
    clock.now_s += 2
    scheduler.run_due()
    assert ran == ["first", "second"]
    assert scheduler.wait_s(10) == 10


def test_a_cancelled_action_neither_runs_nor_wakes_anybody() -> None:
    clock, ran = Clock(), list[str]()
    scheduler = Scheduler(clock)
    scheduler.after(1, lambda: ran.append("never")).cancel()
    assert scheduler.wait_s(10) == 10
    clock.now_s += 5
    scheduler.run_due()
    assert ran == []


def test_an_action_may_cancel_one_that_is_due_with_it() -> None:
    clock, ran = Clock(), list[str]()
    scheduler = Scheduler(clock)
    later = scheduler.after(2, lambda: ran.append("never"))
    scheduler.after(1, later.cancel)
    clock.now_s += 5
    scheduler.run_due()
    assert ran == []


def test_what_an_action_adds_waits_for_the_next_turn() -> None:
    scheduler, ran = Scheduler(Clock()), list[str]()

    def again() -> None:
        ran.append("ran")
        scheduler.after(0, again)

    scheduler.after(0, again)
    scheduler.run_due()
    assert ran == ["ran"]


def test_a_cleared_agenda_is_empty() -> None:
    scheduler = Scheduler(Clock())
    scheduler.after(1, lambda: None)
    scheduler.clear()
    assert scheduler.wait_s(10) == 10
