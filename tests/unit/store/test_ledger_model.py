"""The ledger says what a few variables would, whatever is answered in whatever order; what is done to it is found."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contract.consent import Actor, Channel, ClockTrust, Purpose
from firmware.privacy.catalogue import NEEDED
from firmware.privacy.consent import ConsentState, LedgerAction
from firmware.store.database import Database, Value
from firmware.store.errors import LedgerDamagedError
from firmware.store.ledger import append_entry, read_ledger, read_state
from tests.lab import chance
from tests.lab.ledger import chain_of, follow
from tests.lab.store import StoreLab

EXAMPLES = chance.counted(300, 30)

purposes = st.sampled_from(list(Purpose))
actors = st.sampled_from([Actor.HOLDER, Actor.GUARDIAN])
channels = st.sampled_from(list(Channel))


@dataclass
class Answered:
    """What the model knows of one purpose."""

    granted: bool = False
    asked: bool = False
    entry: int = 0


class LedgerMachine(RuleBasedStateMachine):
    """The consents beside a model of them."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._lab = StoreLab(Path(self._folder.name))
        self._run(self._lab.start())
        self._said: list[tuple[str, str, str, str, str]] = []
        self._answers = {purpose: Answered() for purpose in Purpose}
        self._heard: list[ConsentState] = []
        self._listen()

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)

    def _listen(self) -> None:
        self._lab.consents.when_changed = self._heard.append

    def _say(self, action: LedgerAction, about: str, actor: Actor, channel: Channel) -> None:
        clock = ClockTrust.SYNCED if self._lab.synced else ClockTrust.UNSYNCED
        self._said.append((action, about, actor, channel, clock))

    def _answer(self, action: LedgerAction, purpose: Purpose, actor: Actor, channel: Channel) -> None:
        self._say(action, purpose, actor, channel)
        self._answers[purpose] = Answered(
            action is LedgerAction.GRANT, action is not LedgerAction.LAPSE, len(self._said)
        )

    @rule(purpose=purposes, actor=actors, channel=channels)
    def grant(self, purpose: Purpose, actor: Actor, channel: Channel) -> None:
        self._run(self._lab.consents.grant(purpose, actor=actor, channel=channel))
        if not self._answers[purpose].granted:
            self._answer(LedgerAction.GRANT, purpose, actor, channel)

    @rule(purpose=purposes, actor=actors, channel=channels)
    def withdraw(self, purpose: Purpose, actor: Actor, channel: Channel) -> None:
        self._run(self._lab.consents.withdraw(purpose, actor=actor, channel=channel))
        if self._answers[purpose].granted:
            self._answer(LedgerAction.WITHDRAW, purpose, actor, channel)
        elif not self._answers[purpose].asked:
            self._answer(LedgerAction.REFUSE, purpose, actor, channel)

    @rule(actor=actors, channel=channels)
    def begin_private_mode(self, actor: Actor, channel: Channel) -> None:
        self._run(self._lab.consents.withdraw_optional(actor=actor, channel=channel))
        for purpose in Purpose:
            if purpose not in NEEDED and self._answers[purpose].granted:
                self._answer(LedgerAction.WITHDRAW, purpose, actor, channel)

    @rule(changed=st.sets(purposes), channel=channels)
    def change_the_policy(self, changed: set[Purpose], channel: Channel) -> None:
        self._run(self._lab.lapse(changed, channel))
        for purpose in Purpose:
            if purpose in changed and self._answers[purpose].asked:
                self._answer(LedgerAction.LAPSE, purpose, Actor.POLICY, channel)

    @rule(about=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}", fullmatch=True), actor=actors, channel=channels)
    def ask_for_a_right(self, about: str, actor: Actor, channel: Channel) -> None:
        assert self._run(self._lab.consents.append(LedgerAction.REQUEST, about, actor, channel))
        self._say(LedgerAction.REQUEST, about, actor, channel)

    @rule()
    def restart(self) -> None:
        self._run(self._lab.restart())
        self._listen()

    @rule(synced=st.booleans(), step_s=st.integers(-86_400, 86_400))
    def set_the_clock(self, synced: bool, step_s: int) -> None:
        self._lab.synced = synced
        self._lab.pass_time(1, clock_step_s=step_s)

    @invariant()
    def the_answers_are_those_of_the_model(self) -> None:
        state = self._run(self._lab.consents.state())
        assert state.intact
        assert {
            purpose: Answered(answer.granted, answer.asked, answer.entry_number)
            for purpose, answer in state.purposes.items()
        } == self._answers
        assert state.head.entries == len(self._said)
        assert not self._heard or self._heard[-1] == state

    @invariant()
    def the_entries_are_what_was_said(self) -> None:
        entries = self._run(self._lab.consents.entries())
        assert [(entry.action, entry.about, entry.actor, entry.channel, entry.clock) for entry in entries] == self._said

    @invariant()
    def the_newest_announcement_has_the_head(self) -> None:
        waiting = self._run(self._lab.outbox.next_batch(10))
        if self._said:
            [message] = [message for message in waiting if message.topic == "consent"]
            assert message.payload["ledger_entries"] == len(self._said)

    def teardown(self) -> None:
        self._run(self._lab.stop())
        self._runner.close()
        self._folder.cleanup()


@pytest.mark.soak
def test_the_ledger_says_what_a_few_variables_would() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )


# --- rows that somebody with the store's key has changed ---

TEXTS = ["action", "about", "at", "policy_version", "previous_hash", "hash", "actor", "channel", "clock"]


class RolledBackError(Exception):
    """What was tried on the store is over."""


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[asyncio.Runner, StoreLab]]:
    """A store with a ledger that an older firmware began, without the triggers that keep others from changing it."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        lab = StoreLab(Path(folder))
        runner.run(lab.start())
        runner.run(lab.store.transact(_begin_as_an_older_firmware))
        for purpose in (Purpose.SERVICE, Purpose.RECORDING):
            runner.run(lab.consents.grant(purpose))
        runner.run(lab.consents.append(LedgerAction.ACTIVATE, "adult", Actor.HOLDER, Channel.KEYPAD))
        runner.run(lab.consents.withdraw(Purpose.CDR_SYNC))
        runner.run(lab.store.transact(_drop_triggers))
        assert runner.run(lab.consents.state()).intact
        yield runner, lab
        runner.run(lab.stop())


def _begin_as_an_older_firmware(database: Database) -> None:
    for entry in chain_of(LedgerAction.GRANT, LedgerAction.WITHDRAW, LedgerAction.GRANT, old=3):
        append_entry(database, entry)


def _drop_triggers(database: Database) -> None:
    for (name,) in database.query("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'consent%'"):
        database.execute(f"DROP TRIGGER {name}")


def state_after(store: tuple[asyncio.Runner, StoreLab], sql: str, *values: Value) -> ConsentState:
    """Return what the ledger amounts to once a statement has changed it; the change is undone."""
    runner, lab = store
    found: list[ConsentState] = []

    def tried(database: Database) -> None:
        before = read_ledger(database)
        database.execute(sql, *values)
        found.append(read_state(database))
        # Frozen: it grants nothing and takes nothing, and the phone is still one that calls.
        if found[0].damage is not None:
            assert not found[0].all_granted
            assert found[0].activated
            entries = read_ledger(database)
            assert not lab.consents.append_within(database, LedgerAction.REQUEST, "1", Actor.HOLDER, Channel.KEYPAD)
            assert read_ledger(database) == entries
        assert len(before) == 7
        raise RolledBackError

    with pytest.raises(RolledBackError):
        runner.run(lab.store.transact(tried))
    return found[0]


@settings(max_examples=300)
@given(number=st.integers(1, 7), column=st.sampled_from(TEXTS), data=st.data())
def test_a_flipped_bit_of_any_byte_of_any_text_is_found(
    store: tuple[asyncio.Runner, StoreLab], number: int, column: str, data: st.DataObject
) -> None:
    runner, lab = store
    [(text,)] = runner.run(
        lab.store.run(lambda database: database.query(f"SELECT {column} FROM consent_ledger WHERE number = ?", number))
    )
    if text is None:
        changed = bytearray(data.draw(st.sampled_from([b"holder", b"keypad", b"synced", b"", b"x"])))
    else:
        changed = bytearray(text.encode())
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    sql = f"UPDATE consent_ledger SET {column} = CAST(? AS TEXT) WHERE number = ?"
    state = state_after(store, sql, bytes(changed), number)
    assert state.damage is not None
    assert state.damage.number == number


@settings(max_examples=60)
@given(number=st.integers(1, 7), value=st.integers(-(2**62), 2**62))
def test_another_format_of_any_entry_is_found(store: tuple[asyncio.Runner, StoreLab], number: int, value: int) -> None:
    if value == (1 if number <= 3 else 2):
        return
    state = state_after(store, "UPDATE consent_ledger SET format = ? WHERE number = ?", value, number)
    assert state.damage is not None
    assert state.damage.number == number


@given(number=st.integers(1, 7), value=st.integers(-(2**62), 2**62).filter(lambda value: not 1 <= value <= 7))
def test_another_number_of_any_entry_is_found(store: tuple[asyncio.Runner, StoreLab], number: int, value: int) -> None:
    assert state_after(store, "UPDATE consent_ledger SET number = ? WHERE number = ?", value, number).damage is not None


@given(data=st.data())
def test_entries_that_are_missing_anywhere_are_found(
    store: tuple[asyncio.Runner, StoreLab], data: st.DataObject
) -> None:
    gone = sorted(data.draw(st.sets(st.integers(1, 7), min_size=1)))
    places = ", ".join(map(str, gone))
    state = state_after(store, f"DELETE FROM consent_ledger WHERE number IN ({places})")
    assert state.damage is not None
    assert state.damage.number == gone[0]


@given(order=st.permutations(range(1, 8)).filter(lambda order: order != list(range(1, 8))))
def test_entries_that_changed_places_are_found(store: tuple[asyncio.Runner, StoreLab], order: list[int]) -> None:
    runner, lab = store
    rows = runner.run(lab.store.run(lambda database: database.query("SELECT * FROM consent_ledger ORDER BY number")))
    moved = [(place, *rows[old - 1][1:]) for place, old in enumerate(order, start=1)]

    found: list[ConsentState] = []

    def tried(database: Database) -> None:
        database.execute("DELETE FROM consent_ledger")
        for row in moved:
            database.execute(f"INSERT INTO consent_ledger VALUES ({', '.join('?' * len(row))})", *row)
        found.append(read_state(database))
        raise RolledBackError

    with pytest.raises(RolledBackError):
        runner.run(lab.store.transact(tried))
    [state] = found
    assert state.damage is not None
    assert state.damage.number == next(place for place, old in enumerate(order, start=1) if place != old)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE consent_head SET entries = entries - 1",
        "UPDATE consent_head SET entries = entries + 1",
        "UPDATE consent_head SET hash = upper(hash)",
        "UPDATE consent_head SET hash = CAST(x'ff' AS TEXT)",
        "DELETE FROM consent_head",
    ],
)
def test_a_head_that_does_not_fit_is_found(store: tuple[asyncio.Runner, StoreLab], sql: str) -> None:
    assert state_after(store, sql).damage is not None


async def test_an_entry_that_somebody_made_to_fit_is_found_by_the_head(tmp_path: Path) -> None:
    lab = StoreLab(tmp_path)
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    state = await lab.consents.withdraw(Purpose.CDR_SYNC)
    forged = follow(state.head, LedgerAction.GRANT, Purpose.CDR_SYNC)

    def forge(database: Database) -> None:
        _drop_triggers(database)
        append_entry(database, forged)

    await lab.store.transact(forge)
    assert not (await lab.consents.state()).granted(Purpose.CDR_SYNC)
    with pytest.raises(LedgerDamagedError):
        await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.stop()
