from firmware.voice.sip.agenda import Agenda


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_actions_run_when_due_in_order() -> None:
    clock, ran = Clock(), list[str]()
    agenda = Agenda(clock)
    agenda.after(2, lambda: ran.append("second"))
    agenda.after(1, lambda: ran.append("first"))
    assert agenda.wait_s(10) == 1
    agenda.run_due()
    assert ran == []
    clock.now_s += 2
    agenda.run_due()
    assert ran == ["first", "second"]
    assert agenda.wait_s(10) == 10


def test_a_cancelled_action_neither_runs_nor_wakes_anybody() -> None:
    clock, ran = Clock(), list[str]()
    agenda = Agenda(clock)
    agenda.after(1, lambda: ran.append("never")).cancel()
    assert agenda.wait_s(10) == 10
    clock.now_s += 5
    agenda.run_due()
    assert ran == []


def test_an_action_may_cancel_one_that_is_due_with_it() -> None:
    clock, ran = Clock(), list[str]()
    agenda = Agenda(clock)
    later = agenda.after(2, lambda: ran.append("never"))
    agenda.after(1, later.cancel)
    clock.now_s += 5
    agenda.run_due()
    assert ran == []


def test_what_an_action_adds_waits_for_the_next_turn() -> None:
    agenda, ran = Agenda(Clock()), list[str]()

    def again() -> None:
        ran.append("ran")
        agenda.after(0, again)

    agenda.after(0, again)
    agenda.run_due()
    assert ran == ["ran"]


def test_a_cleared_agenda_is_empty() -> None:
    agenda = Agenda(Clock())
    agenda.after(1, lambda: None)
    agenda.clear()
    assert agenda.wait_s(10) == 10
