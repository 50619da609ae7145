import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pjsua2
import pytest

from contract.calls import CallDirection
from firmware.phone.call import CallId
from firmware.voice.sip.call_table import CallTable
from firmware.voice.sip.scheduler import Scheduler

CALL = CallId("c" * 32)


class Desk:
    """A table, and a clock to be set; the library is not up, so that none of its calls has a number."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.scheduler = Scheduler(lambda: self.now_s)
        self.there_are_calls: list[bool] = []
        self.forgotten: list[tuple[CallId, bool]] = []
        self.account: Any = pjsua2.Account()
        owner: Any = self
        self.table = CallTable(self.scheduler, owner, self.there_are_calls.append, self._forget, max_calls=2)

    def _forget(self, call_id: CallId) -> None:
        self.forgotten.append((call_id, self.table.get(call_id) is not None))

    def call_changed(self, _event: object) -> None:
        """As whoever is told about calls."""

    def begin(self, call_id: CallId | None = None) -> "weakref.ref[Any]":
        return weakref.ref(self.table.begin(self.account, CallDirection.OUTGOING, call_id=call_id))

    def after(self, duration_s: float) -> None:
        self.now_s += duration_s
        self.scheduler.run_due()


@pytest.fixture
def desk() -> Iterator[Desk]:
    # No call may wait for the garbage collector: by then the library may have given its number to another.
    gc.disable()
    yield Desk()
    gc.enable()


def test_a_call_that_is_over_goes_when_its_callback_has_returned(desk: Desk) -> None:
    call = desk.begin(CALL)
    desk.table.drop_soon(CALL)
    assert call() is not None
    desk.after(0)
    assert call() is None
    assert desk.there_are_calls == [True, False]


def test_a_call_that_is_over_goes_before_another_can_have_its_number(desk: Desk) -> None:
    call = desk.begin(CALL)
    desk.table.drop_soon(CALL)
    desk.begin()
    assert call() is None


def test_a_call_that_was_waited_for_goes_at_once_too(desk: Desk) -> None:
    call = desk.begin(CALL)
    running = desk.table.get(CALL)
    assert running is not None
    running.await_reply(desk.scheduler.after(1, lambda: None))
    del running
    desk.table.drop_soon(CALL)
    desk.after(0)
    assert call() is None
    desk.after(1)
    assert len(desk.table) == 0, "what would have given the call up is cancelled"


def test_what_belongs_to_a_call_goes_before_it(desk: Desk) -> None:
    desk.begin(CALL)
    desk.table.drop_soon(CALL)
    desk.after(0)
    assert desk.forgotten == [(CALL, True)]


def test_a_call_goes_on_under_a_name_of_its_own_when_another_takes_its_name(desk: Desk) -> None:
    first = desk.begin(CALL)()
    assert first is not None
    desk.table.rename(first)
    own_name = first.call_id
    second = desk.begin(CALL)
    assert desk.table.get(CALL) is second()
    assert desk.table.get(own_name) is first
    assert list(desk.table) == [own_name, CALL]
