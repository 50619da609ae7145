import errno
import stat
from pathlib import Path
from typing import Any

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.base.errors import StorageError
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.pin import Guard
from firmware.store import keyring as keyring_module
from firmware.store.database import Database
from firmware.store.errors import StoreFullError, StoreKeyMissingError, StoreKeyWrongError, StoreWaitsForPinError
from firmware.store.journal import JOURNAL_NAME
from firmware.store.key_wrap import HostKeys
from firmware.store.keyring import OLD_WRAP_NAME, WRAP_NAME, Keyring, pin_memory_kib
from firmware.store.pin import TRIES_NAME, Verdict
from tests.lab.guarded_store import HOST, PIN, GuardedStore
from tests.lab.store import BOOT_ID, StoreLab

pytestmark = pytest.mark.usefixtures("quick_pins")

BOARD = HostKeys(HOST.secret, board=b"b" * 32)


@pytest.fixture
def lab_class() -> type[GuardedStore]:
    return GuardedStore


@pytest.fixture
async def locked(lab: GuardedStore) -> GuardedStore:
    """A store that the PIN opens, after a start: nobody has typed it yet."""
    await lab.guard_by_pin()
    await lab.restart()
    return lab


async def count_calls(lab: StoreLab) -> int:
    return len(await lab.call_log.recent(100))


async def test_a_new_store_has_a_random_key_that_is_nowhere_but_sealed(lab: GuardedStore, tmp_path: Path) -> None:
    await lab.make_call()
    key = lab.store.key
    assert key is not None
    assert key != HOST.secret
    await lab.restart()
    assert lab.store.key == key
    assert await count_calls(lab) == 1
    await lab.stop()
    for name in (WRAP_NAME, "store.db", "store.db.key-check"):
        assert key not in (tmp_path / name).read_bytes()
        assert key.hex().encode() not in (tmp_path / name).read_bytes()
    assert stat.S_IMODE((tmp_path / WRAP_NAME).stat().st_mode) == 0o600


async def test_a_store_from_before_there_were_keys_of_its_own_is_taken_over(tmp_path: Path) -> None:
    old = StoreLab(tmp_path, HOST.secret)
    await old.start()
    await old.make_call()
    await old.stop()
    lab = GuardedStore(tmp_path)
    await lab.start()
    assert await count_calls(lab) == 1
    assert lab.store.key != HOST.secret
    await lab.stop()
    with pytest.raises(StoreKeyWrongError):
        await StoreLab(tmp_path, HOST.secret).start()


async def test_a_key_is_changed_and_the_one_before_opens_nothing(lab: GuardedStore, tmp_path: Path) -> None:
    await lab.make_call()
    old = lab.store.key
    assert old is not None
    await lab.keyring.rotate(lab.store)
    await lab.make_call()
    assert await count_calls(lab) == 2
    await lab.store.check()
    await lab.restart()
    assert await count_calls(lab) == 2
    await lab.stop()
    with pytest.raises(StoreKeyWrongError):
        await StoreLab(tmp_path, old).start()


async def test_a_change_for_which_there_is_no_room_leaves_the_store_as_it_was_and_is_made_at_the_next_start(
    lab: GuardedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.make_call()
    old = lab.store.key

    def fail(_database: Database, _key: bytes) -> None:
        raise StoreFullError("There is no room.")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "rekey", fail)
        with pytest.raises(StoreFullError):
            await lab.keyring.rotate(lab.store)
    await lab.make_call()
    assert lab.store.key == old
    await lab.restart()
    assert lab.store.key != old
    assert await count_calls(lab) == 2


async def test_what_the_library_only_says_that_it_did_is_found_out(
    lab: GuardedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.make_call()
    query = Database.query

    def forget(database: Database, sql: str, *parameters: str) -> list[tuple[object, ...]]:
        return [("ok",)] if sql.startswith("PRAGMA rekey") else query(database, sql, *parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "query", forget)
        with pytest.raises(StorageError, match="stays as it was"):
            await lab.keyring.rotate(lab.store)
    assert await count_calls(lab) == 1


async def test_the_boards_key_is_used_as_soon_as_it_is_there_and_missed_when_it_is_gone(lab: GuardedStore) -> None:
    await lab.make_call()
    old = lab.store.key
    assert lab.keyring.guards == frozenset()
    lab.host = BOARD
    await lab.restart()
    assert lab.keyring.guards == {Guard.BOARD}
    assert lab.store.key != old, "what was sealed without it would still open the store"
    assert await count_calls(lab) == 1
    await lab.stop()
    lab.host = HOST
    lab.make_parts()
    with pytest.raises(StoreKeyMissingError, match="Put the card back"):
        await lab.start()


async def test_another_machine_s_store_does_not_ask_for_the_pin(lab: GuardedStore) -> None:
    await lab.guard_by_pin()
    await lab.stop()
    lab.host = HostKeys(b"x" * 32)
    lab.make_parts()
    assert not lab.keyring.waits_for_pin
    with pytest.raises(StoreKeyWrongError, match="another machine"):
        await lab.start()


async def test_a_security_chip_is_counted_as_a_guard(tmp_path: Path) -> None:
    lab = GuardedStore(tmp_path, HostKeys(HOST.secret, in_tpm=True))
    assert lab.keyring.guards == {Guard.TPM}


async def test_a_pin_that_opens_the_store_is_asked_for_after_each_start(lab: GuardedStore) -> None:
    await lab.make_call()
    old = lab.store.key
    await lab.guard_by_pin()
    assert lab.keyring.guards == {Guard.PIN}
    assert lab.store.key != old, "what was sealed without it would still open the store"
    assert await count_calls(lab) == 1
    await lab.restart()
    assert lab.keyring.waits_for_pin
    assert await lab.pin.is_set()
    with pytest.raises(StoreWaitsForPinError):
        await lab.store.start()
    assert await lab.pin.check("258037") == Verdict(accepted=False)
    assert await lab.pin.check(PIN) == Verdict(accepted=True)
    assert await count_calls(lab) == 1
    assert await lab.pin.check(PIN) == Verdict(accepted=True), "the screen's lock asks for it too"


async def test_a_pin_that_is_no_pin_opens_no_store(lab: GuardedStore) -> None:
    assert await lab.pin.guard_store(PIN, guarded=True) == Verdict(accepted=False, looked_at=False)
    await lab.pin.set(PIN)
    assert await lab.pin.guard_store("258037", guarded=True) == Verdict(accepted=False)
    assert not lab.pin.opens_store


async def test_a_pin_that_opens_the_store_is_changed_and_taken_away(lab: GuardedStore) -> None:
    await lab.guard_by_pin()
    await lab.pin.set("147036")
    await lab.restart()
    assert await lab.pin.check(PIN) == Verdict(accepted=False)
    assert await lab.pin.check("147036") == Verdict(accepted=True)
    await lab.pin.set("")
    assert not lab.pin.opens_store
    await lab.restart()
    assert not lab.keyring.waits_for_pin
    assert not await lab.pin.is_set()


async def test_a_pin_may_lock_the_screen_without_opening_the_store(lab: GuardedStore) -> None:
    await lab.guard_by_pin()
    assert (await lab.pin.guard_store(PIN, guarded=False)).accepted
    await lab.restart()
    assert not lab.keyring.waits_for_pin
    assert await lab.pin.check(PIN) == Verdict(accepted=True)
    assert await lab.pin.check("000000") == Verdict(accepted=False)


async def test_a_pin_that_cannot_be_kept_in_the_store_is_not_kept_beside_it_either(
    lab: GuardedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.guard_by_pin()

    async def fail(_work: object) -> None:
        raise StoreFullError("There is no room.")

    with monkeypatch.context() as patch:
        patch.setattr(lab.store, "transact", fail)
        with pytest.raises(StoreFullError):
            await lab.pin.set("147036")
    await lab.restart()
    assert await lab.pin.check(PIN) == Verdict(accepted=True)


async def test_the_pin_that_opened_the_store_is_the_pin_where_a_power_cut_left_two(lab: GuardedStore) -> None:
    await lab.guard_by_pin()
    # What a power cut between the two writes of a change leaves.
    await lab.keyring.change_pin("147036")
    await lab.restart()
    assert await lab.pin.check("147036") == Verdict(accepted=True)
    assert await lab.pin.check(PIN) == Verdict(accepted=False)
    assert await lab.pin.check("147036") == Verdict(accepted=True)


async def test_wrong_tries_are_slowed_before_the_store_is_open_and_cutting_the_power_gives_none_away(
    locked: GuardedStore, tmp_path: Path
) -> None:
    for _ in range(2):
        assert await locked.pin.check("000000") == Verdict(accepted=False)
    assert await locked.pin.check("000000") == Verdict(accepted=False, wait_s=10)
    await locked.restart()
    assert await locked.pin.check(PIN) == Verdict(accepted=False, wait_s=10, looked_at=False)
    locked.pass_time(10)
    assert await locked.pin.check("000000") == Verdict(accepted=False, wait_s=20)
    locked.pass_time(20)
    assert await locked.pin.check(PIN) == Verdict(accepted=True)
    assert not (tmp_path / TRIES_NAME).exists()
    await locked.restart()
    assert await locked.pin.check("000000") == Verdict(accepted=False), "the count has begun anew"


async def test_a_damaged_count_of_wrong_tries_is_no_gift(locked: GuardedStore, tmp_path: Path) -> None:
    (tmp_path / TRIES_NAME).write_bytes(b"\xff")
    assert await locked.pin.check(PIN) == Verdict(accepted=False, wait_s=10, looked_at=False)


async def test_calls_from_before_the_pin_was_typed_are_in_the_log_and_their_records_queued(lab: GuardedStore) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    before = await lab.outbox.waiting()
    await lab.guard_by_pin()
    await lab.restart()
    await lab.make_call("+861055551234", direction=CallDirection.INCOMING)
    assert await lab.pin.check(PIN) == Verdict(accepted=True)
    [call] = await lab.call_log.recent(10)
    assert (call.number, call.direction) == ("+861055551234", CallDirection.INCOMING)
    assert (call.reason, call.ended_at) == (DisconnectReason.REMOTE_HANGUP, call.started_at + 65)
    assert await lab.outbox.waiting() == before + 1


async def test_calls_from_before_the_pin_was_typed_survive_kills(lab: GuardedStore, tmp_path: Path) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    before = await lab.outbox.waiting()
    await lab.guard_by_pin()
    await lab.stop()
    for number in ("+861055551111", "+861055552222"):
        # A new process each time that nobody ends in good order.
        lab.make_parts()
        await lab.make_call(number)
    lab.make_parts()
    await lab.open_call("+861055553333")
    assert b"+8610555" not in (tmp_path / JOURNAL_NAME).read_bytes()
    lab.make_parts()
    running = await lab.open_call("+861055554444")
    assert await lab.pin.check(PIN) == Verdict(accepted=True)
    await lab.call_log.close_record(CloseCallRecord(running, DisconnectReason.LOCAL_HANGUP, 200))
    assert [(call.number[-4:], call.reason) for call in reversed(await lab.call_log.recent(10))] == [
        ("1111", DisconnectReason.REMOTE_HANGUP),
        ("2222", DisconnectReason.REMOTE_HANGUP),
        ("3333", DisconnectReason.INTERRUPTED),
        ("4444", DisconnectReason.LOCAL_HANGUP),
    ]
    assert await lab.outbox.waiting() == before + 4
    assert not (tmp_path / JOURNAL_NAME).exists()


@pytest.mark.parametrize("is_told_first", [True, False], ids=["told before the PIN", "told after it"])
async def test_a_call_of_before_the_pin_that_outlives_its_process_goes_on_with_its_row(
    lab: GuardedStore, is_told_first: bool
) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    before = await lab.outbox.waiting()
    await lab.guard_by_pin()
    await lab.restart()
    started_at = lab.wall_s
    call_id = await lab.open_call("+861055551234", dialled="055551234")
    lab.pass_time(5)
    await lab.call_log.mark_answered(call_id)
    lab.make_parts()
    lab.going_on = [call_id]
    lab.pass_time(5, clock_step_s=1000)
    if not is_told_first:
        assert (await lab.pin.check(PIN)).accepted
    await lab.call_log.open_record(OpenCallRecord(call_id, CallDirection.OUTGOING, "055551234", "", began_ago_s=10))
    await lab.call_log.mark_answered(call_id, 6)
    if is_told_first:
        assert (await lab.pin.check(PIN)).accepted
    assert await lab.outbox.waiting() == before
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 200))
    [call] = await lab.call_log.recent(10)
    assert (call.number, call.reason) == ("+861055551234", DisconnectReason.LOCAL_HANGUP)
    assert (call.started_at, call.answered_at, call.ended_at) == (started_at, started_at + 5, started_at + 10)
    assert await lab.call_log.last_dialled() == "055551234"
    assert await lab.outbox.waiting() == before + 1


async def test_a_call_that_runs_while_the_pin_is_typed_survives_a_kill_after_that(
    locked: GuardedStore, tmp_path: Path
) -> None:
    call_id = await locked.open_call("+861055551234")
    await locked.call_log.mark_answered(call_id)
    assert (await locked.pin.check(PIN)).accepted
    assert not (tmp_path / JOURNAL_NAME).exists()
    # A new process that knows only what is on the disk.
    await locked.restart()
    assert (await locked.pin.check(PIN)).accepted
    [call] = await locked.call_log.recent(10)
    assert (call.number, call.reason) == ("+861055551234", DisconnectReason.INTERRUPTED)
    assert call.answered_at is not None


async def test_calls_without_consent_are_logged_and_not_queued(lab: GuardedStore) -> None:
    await lab.guard_by_pin()
    before = await lab.outbox.waiting()
    await lab.restart()
    await lab.make_call()
    await lab.pin.check(PIN)
    assert await count_calls(lab) == 1
    assert await lab.outbox.waiting() == before


async def test_messages_from_before_the_pin_was_typed_are_kept(locked: GuardedStore) -> None:
    message = TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1002", "Anna"), "Dinner at 7?")
    await locked.messages.keep(message)
    locked.make_parts()
    assert (await locked.pin.check(PIN)).accepted
    [kept] = await locked.messages.newest(10)
    assert (kept.text, kept.party.number, kept.at) == ("Dinner at 7?", "1002", locked.wall_s)


async def test_an_entry_that_somebody_else_has_sealed_breaks_nothing(locked: GuardedStore) -> None:
    for kind in ("call", "message", "nothing"):
        await locked.journal.append({"kind": kind, "direction": "sideways", "party": 1})
        await locked.journal.append({"kind": kind})
    assert (await locked.pin.check(PIN)).accepted
    assert await count_calls(locked) == 0


CALL = {
    "kind": "call",
    "call_id": "a" * 32,
    "direction": "incoming",
    "number": "1002",
    "dialled": "",
    "account": "",
    "started_at": 1_750_000_000,
    "started_monotonic_s": 1.5,
    "clock_synced": True,
    "answered_at": 1_750_000_001.5,
    "ended_at": 1_750_000_002.5,
    "reason": "remote_hangup",
    "boot_id": BOOT_ID,
}
MESSAGE = {
    "kind": "message",
    "message_id": "b" * 32,
    "direction": "incoming",
    "party": {"number": "1002"},
    "text": "Dinner at 7?",
    "at": 1_750_000_000,
}


@pytest.mark.parametrize(
    ("entry", "changed"),
    [
        (CALL, {"call_id": "short"}),
        (CALL, {"call_id": ["a"]}),
        (CALL, {"number": {}}),
        (CALL, {"number": "\ud800"}),
        (CALL, {"started_at": "yesterday"}),
        (CALL, {"started_at": float("nan")}),
        (CALL, {"started_at": 1e300, "answered_at": None, "ended_at": None}),
        (CALL, {"started_at": -1e12}),
        (CALL, {"ended_at": 1.0}),
        (CALL, {"ended_at": None}),
        (CALL, {"sip_code": 1 << 70}),
        (CALL, {"clock_synced": 2}),
        (CALL, {"boot_id": "another"}),
        (MESSAGE, {"text": 7}),
        (MESSAGE, {"text": "\udfff"}),
        (MESSAGE, {"at": float("inf")}),
        (MESSAGE, {"at": None}),
        (MESSAGE, {"party": {"number": ["1002"]}}),
        (MESSAGE, {"read": 7}),
    ],
)
async def test_an_entry_that_only_looks_like_one_is_counted_and_left_out_and_the_store_opens(
    lab: GuardedStore, caplog: pytest.LogCaptureFixture, entry: dict[str, Any], changed: dict[str, Any]
) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.guard_by_pin()
    await lab.restart()
    await lab.journal.append({**CALL, "call_id": "c" * 32})
    await lab.journal.append({**entry, **changed})
    await lab.journal.append({**MESSAGE, "message_id": "d" * 32})
    assert (await lab.pin.check(PIN)).accepted
    assert [call.call_id for call in await lab.call_log.recent(10)] == ["c" * 32]
    assert [message.message_id for message in await lab.messages.newest(10)] == ["d" * 32]
    assert f"1 {entry['kind']}(s) of the store's journal are none" in caplog.text
    assert "1002" not in caplog.text


def test_what_a_file_of_keys_held_before_is_overwritten(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / WRAP_NAME, tmp_path / "store.db", HOST)
    # Another name for the same bytes on the disk.
    (tmp_path / "same").hardlink_to(tmp_path / WRAP_NAME)
    keyring._write(keyring._known_keys(), None)
    assert not any((tmp_path / "same").read_bytes())
    assert not (tmp_path / OLD_WRAP_NAME).exists()


def test_what_a_crash_left_of_the_files_before_is_overwritten_by_the_next_start(tmp_path: Path) -> None:
    Keyring(tmp_path / WRAP_NAME, tmp_path / "store.db", HOST)
    for name in (OLD_WRAP_NAME, f".{WRAP_NAME}.new"):
        (tmp_path / name).write_bytes(b"sealed without the PIN")
        (tmp_path / f"{name}-same").hardlink_to(tmp_path / name)
    Keyring(tmp_path / WRAP_NAME, tmp_path / "store.db", HOST)
    for name in (OLD_WRAP_NAME, f".{WRAP_NAME}.new"):
        assert not (tmp_path / name).exists()
        assert not any((tmp_path / f"{name}-same").read_bytes())


def test_what_a_crash_did_not_come_to_replace_is_not_overwritten(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / WRAP_NAME, tmp_path / "store.db", HOST)
    (tmp_path / OLD_WRAP_NAME).hardlink_to(tmp_path / WRAP_NAME)
    again = Keyring(tmp_path / WRAP_NAME, tmp_path / "store.db", HOST)
    assert again._known_keys() == keyring._known_keys()
    assert not (tmp_path / OLD_WRAP_NAME).exists()


@pytest.mark.parametrize(("code", "error"), [(errno.ENOSPC, StoreFullError), (errno.EACCES, StoreKeyMissingError)])
def test_a_file_of_keys_that_cannot_be_written_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[StorageError]
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(code, "It cannot be.")

    monkeypatch.setattr(keyring_module, "replace_durably", fail)
    with pytest.raises(error, match=WRAP_NAME):
        Keyring(tmp_path / WRAP_NAME, tmp_path / "store.db", HOST)


@pytest.mark.parametrize(("total_mib", "memory_mib"), [(8000, 256), (1800, 256), (930, 128), (430, 64), (200, 64)])
def test_each_guess_takes_as_much_memory_as_the_board_can_spare(total_mib: int, memory_mib: int) -> None:
    assert pin_memory_kib(total_mib * 1024) == memory_mib * 1024
