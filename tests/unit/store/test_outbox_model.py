"""Whatever happens in whatever order, the outbox holds what a list in memory would."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from contract.calls import DisconnectReason
from contract.consent import Purpose
from firmware.phone.call import CallId
from firmware.phone.commands import CloseCallRecord
from firmware.ports.outbox import OutboxKey, OutboxMessage
from tests.lab import chance
from tests.lab.store import StoreLab

EXAMPLES = chance.counted(400, 40)
CONSENT = CallId("consent")
ERASURE = CallId("erasure")


class OutboxMachine(RuleBasedStateMachine):
    """The store beside a model of it: what waits, in order, which grant each call began under, and what left."""

    calls = Bundle("calls")
    handed = Bundle("handed")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._lab = StoreLab(Path(self._folder.name))
        self._run(self._lab.start())
        self._grant = 0
        self._grants = 0
        self._granted = False
        self._open: dict[CallId, int] = {}
        self._over: list[CallId] = []
        self._waiting: list[CallId] = []
        self._key_of: dict[CallId, OutboxKey] = {}
        self._left: set[CallId] = set()
        self._taken_back: set[CallId] = set()

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    @initialize()
    def begin_with_consent(self) -> None:
        self.answer(True)

    @rule(target=calls)
    def open_call(self) -> CallId:
        return self._begin()

    @rule(target=calls)
    def make_call(self) -> CallId:
        call_id = self._begin()
        self.close_call(call_id)
        return call_id

    @rule(call_id=calls)
    def close_call(self, call_id: CallId) -> None:
        if call_id in self._open or call_id in self._over:
            self._run(self._lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200)))
        if call_id in self._open:
            self._close_in_model(call_id)

    @rule(yes=st.booleans())
    def answer(self, yes: bool) -> None:
        consents = self._lab.consents
        self._run(consents.grant(Purpose.CDR_SYNC) if yes else consents.withdraw(Purpose.CDR_SYNC))
        if yes == self._granted:
            return
        self._granted = yes
        if yes:
            self._grants += 1
            self._grant = self._grants
        else:
            self._waiting = [each for each in self._waiting if each in {CONSENT, ERASURE}]
            self._take_back_in_model(self._left)
        self._announce_in_model()

    @rule(call_id=calls)
    def delete(self, call_id: CallId) -> None:
        self._run(self._lab.call_log.delete(call_id))
        if call_id in self._over:
            self._over.remove(call_id)
            self._waiting = [each for each in self._waiting if each != call_id]
            self._take_back_in_model({call_id})

    @rule(sure=st.integers(0, 3))
    def clear(self, sure: int) -> None:
        if sure:
            return
        self._run(self._lab.call_log.clear())
        self._take_back_in_model(set(self._over))
        self._over = []
        self._waiting = [each for each in self._waiting if each in {CONSENT, ERASURE}]

    @rule(target=handed, limit=st.integers(1, 6))
    def hand_over(self, limit: int) -> Any:
        batch: tuple[OutboxMessage, ...] = self._run(self._lab.outbox.next_batch(limit))
        assert [_subject(message) for message in batch] == self._waiting[:limit]
        for message in batch:
            subject = _subject(message)
            if subject not in {CONSENT, ERASURE}:
                assert self._key_of.setdefault(subject, message.key) == message.key
        assert len(set(self._key_of.values())) == len(self._key_of)
        leaving = self._run(self._lab.outbox.hand_over([message.key for message in batch]))
        assert leaving == {message.key for message in batch}
        self._left |= {_subject(message) for message in batch} - {CONSENT, ERASURE}
        return multiple(*((message.key, _subject(message)) for message in batch))

    @rule(which=st.lists(handed, max_size=4))
    def complete(self, which: list[tuple[OutboxKey, CallId]]) -> None:
        before = self._run(self._lab.outbox.next_batch(1000))
        self._run(self._lab.outbox.complete([key for key, _ in which]))
        done = {key for key, _ in which}
        self._waiting = [_subject(message) for message in before if message.key not in done]

    @rule()
    def restart(self) -> None:
        self._run(self._lab.restart())
        assert self._run(self._lab.call_log.recover_interrupted()) == len(self._open)
        for call_id in list(self._open):
            self._close_in_model(call_id)

    @invariant()
    def as_many_wait_as_in_the_model(self) -> None:
        assert self._run(self._lab.outbox.waiting()) == len(self._waiting)
        assert self._run(self._lab.outbox.wait_for_due(0)) is bool(self._waiting)

    @invariant()
    def recipients_are_to_delete_what_left_and_was_taken_back_and_nothing_else(self) -> None:
        shares = self._run(self._lab.shares.listed(0, 1000))
        records = {share.key: share.erased_by is not None for share in shares if share.topic == "cdr"}
        model = dict.fromkeys(self._left, False) | dict.fromkeys(self._taken_back, True)
        assert records == {self._key_of[call_id]: taken_back for call_id, taken_back in model.items()}

    @invariant()
    def the_ledger_verifies(self) -> None:
        state = self._run(self._lab.consents.state())
        assert state.intact
        assert state.granted(Purpose.CDR_SYNC) is self._granted

    def teardown(self) -> None:
        self._run(self._lab.stop())
        self._runner.close()
        self._folder.cleanup()

    def _begin(self) -> CallId:
        call_id: CallId = self._run(self._lab.open_call())
        self._open[call_id] = self._grant if self._granted else 0
        return call_id

    def _close_in_model(self, call_id: CallId) -> None:
        began_under = self._open.pop(call_id)
        self._over.append(call_id)
        if self._granted and began_under == self._grant:
            self._waiting.append(call_id)

    def _take_back_in_model(self, calls: set[CallId]) -> None:
        gone = calls & self._left
        if gone:
            self._waiting.append(ERASURE)
        self._left = self._left - gone
        self._taken_back |= gone

    def _announce_in_model(self) -> None:
        self._waiting = [each for each in self._waiting if each != CONSENT]
        self._waiting.append(CONSENT)


def _subject(message: OutboxMessage) -> CallId:
    return CallId(str(message.payload["id"])) if message.topic == "cdr" else CallId(message.topic)


@pytest.mark.soak
def test_the_outbox_holds_what_a_list_in_memory_would() -> None:
    run_state_machine_as_test(
        OutboxMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
