import asyncio
import re
import threading
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.base.errors import StorageError
from firmware.phone.call import AudioTrouble, CallId, CallQuality, Decision, Verification
from firmware.phone.commands import CloseCallRecord, OpenCallRecord
from firmware.phone.kept_text import PAUSE_S
from firmware.phone.requests.calls import CallKind
from firmware.store.call_records import Call
from firmware.store.call_rows import entry_of
from firmware.store.database import Database
from firmware.store.errors import StoreClosedError, StoreFullError
from tests.lab.store import BOOT_ID, StoreLab

INCOMING, OUTGOING = CallDirection.INCOMING, CallDirection.OUTGOING


async def records(lab: StoreLab) -> list[dict[str, Any]]:
    return [dict(message.payload) for message in await lab.outbox.next_batch(100) if message.topic == "cdr"]


async def fill_disk(lab: StoreLab) -> None:
    """Leave no room: not another page, and no place for a row in those that there are."""

    def fill(database: Database) -> None:
        [(pages,)] = database.query("PRAGMA page_count")
        database.query(f"PRAGMA max_page_count = {pages}")
        with suppress(StoreFullError):
            while True:
                database.execute(
                    "INSERT INTO calls (call_id, direction, number, dialled, account, started_at, reason, "
                    "clock_synced, boot_id, ledger_entries, seen) "
                    "VALUES (hex(randomblob(8)), 'outgoing', '', '', '', 0, 'busy', 1, '', 0, 1)"
                )

    await lab.store.run(fill)


async def free_disk(lab: StoreLab) -> None:
    await lab.store.run(lambda database: database.query("PRAGMA max_page_count = 1000000"))


async def test_a_call_is_in_the_log_before_its_first_packet(lab: StoreLab) -> None:
    call_id = await lab.open_call("10086")
    await lab.restart()
    [entry] = await lab.call_log.recent(10)
    assert (entry.call_id, entry.number, entry.reason) == (call_id, "10086", None)


async def test_what_the_server_said_of_the_number_stays_in_the_log_and_leaves_with_no_record(lab: StoreLab) -> None:
    call_id = CallId(f"{9:032x}")
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.call_log.open_record(OpenCallRecord(call_id, INCOMING, "10086", verification=Verification.SPAM))
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 0))
    await lab.restart()
    assert [entry.verification for entry in await lab.call_log.recent(10)] == [Verification.SPAM]
    [record] = await records(lab)
    assert record["id"] == call_id
    assert "spam" not in str(record)


async def test_a_call_that_is_over_is_in_the_log_with_its_times(lab: StoreLab) -> None:
    start = lab.wall_s
    await lab.make_call(direction=INCOMING, reason=DisconnectReason.LOCAL_HANGUP)
    [entry] = await lab.call_log.recent(10)
    assert (entry.started_at, entry.answered_at, entry.ended_at) == (start, start + 5, start + 65)
    assert (entry.direction, entry.reason, entry.sip_code) == (INCOMING, DisconnectReason.LOCAL_HANGUP, 200)


@pytest.mark.parametrize("clock_step_s", [-86_400.0, 1_700_000_000.0], ids=["back a day", "from 1970 to now"])
async def test_setting_the_clock_in_a_call_does_not_change_how_long_it_was(lab: StoreLab, clock_step_s: float) -> None:
    lab.synced = False
    call_id = await lab.open_call()
    start = lab.wall_s
    lab.pass_time(2, clock_step_s=clock_step_s)
    await lab.call_log.mark_answered(call_id)
    lab.pass_time(3, clock_step_s=-clock_step_s)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    [entry] = await lab.call_log.recent(1)
    assert (entry.answered_at, entry.ended_at) == (start + 2, start + 5)


async def test_the_newest_call_comes_first_whatever_the_clock_said(lab: StoreLab) -> None:
    first = await lab.make_call()
    lab.pass_time(1, clock_step_s=-1_000_000)
    second = await lab.make_call()
    assert [entry.call_id for entry in await lab.call_log.recent(10)] == [second, first]
    assert [entry.call_id for entry in await lab.call_log.recent(1)] == [second]


async def test_without_consent_nothing_is_queued(lab: StoreLab) -> None:
    await lab.make_call()
    assert await lab.outbox.waiting() == 0


async def test_a_call_begun_under_the_grant_is_queued_with_the_allowed_fields(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.make_call("sip:ann:secret@example.org;transport=tcp")
    [record] = await records(lab)
    assert re.fullmatch("[0-9a-f]{32}", record.pop("account"))
    assert record == {
        "id": call_id,
        "device": "handset-7",
        "direction": "outgoing",
        "number": "sip:ann@example.org",
        "started_at": "2026-03-01T10:00:00.000Z",
        "answered_at": "2026-03-01T10:00:05.000Z",
        "ended_at": "2026-03-01T10:01:05.000Z",
        "result": "remote_hangup",
        "sip_code": 200,
        "clock_quality": {"synced": True, "boot_id": BOOT_ID},
        "epoch": lab.store.epoch,
        "seq": 2,
    }


async def test_the_clock_s_quality_is_that_of_the_call_s_start(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    lab.synced = False
    call_id = await lab.open_call()
    lab.synced = True
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.CANCELLED, 487))
    [record] = await records(lab)
    assert record["clock_quality"]["synced"] is False


async def test_a_withheld_number_is_queued_as_none(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call("", INCOMING)
    [record] = await records(lab)
    assert record["number"] is None


async def test_a_call_begun_before_the_grant_stays_on_the_handset(lab: StoreLab) -> None:
    call_id = await lab.open_call()
    await lab.consents.grant(Purpose.CDR_SYNC)
    # The clock is set back to before the grant in between, which must not matter.
    lab.pass_time(1, clock_step_s=1_000_000)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    assert await records(lab) == []


async def test_a_call_during_which_consent_is_withdrawn_and_given_again_stays_on_the_handset(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.open_call()
    await lab.consents.withdraw(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    assert await records(lab) == []


async def test_the_account_is_opaque_the_same_for_a_store_and_another_for_the_next(
    lab: StoreLab, tmp_path: Path
) -> None:
    other = StoreLab(tmp_path / "other")
    await other.start()
    accounts = []
    for each in (lab, lab, other):
        await each.consents.grant(Purpose.CDR_SYNC)
        await each.make_call()
        accounts.append((await records(each))[-1]["account"])
    await other.stop()
    assert accounts[0] == accounts[1] != accounts[2]


async def test_closing_a_call_again_neither_doubles_nor_changes_its_record(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.make_call()
    before = await records(lab)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.BUSY, 486))
    assert await records(lab) == before
    [entry] = await lab.call_log.recent(10)
    assert entry.reason is DisconnectReason.REMOTE_HANGUP


async def test_calls_that_end_at_the_same_moment_are_queued_once_each(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    ids = [await lab.open_call() for _ in range(5)]
    await asyncio.gather(
        *(lab.call_log.close_record(CloseCallRecord(each, DisconnectReason.NETWORK_LOST, 0)) for each in [*ids, *ids])
    )
    assert sorted(record["id"] for record in await records(lab)) == ids


@pytest.mark.parametrize("answered", [False, True], ids=["turned away at once", "answered and over at once"])
async def test_a_call_that_is_over_before_the_store_came_to_its_beginning_is_queued_all_the_same(
    lab: StoreLab, answered: bool
) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    go_on = threading.Event()
    busy = asyncio.create_task(lab.store.run(lambda _: go_on.wait(10)))
    call_id = lab.new_call_id()
    work = [lab.call_log.open_record(OpenCallRecord(call_id, INCOMING, "10086", ""))]
    work += [lab.call_log.mark_answered(call_id)] if answered else []
    work += [lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.BUSY, 486))]
    tasks = [asyncio.create_task(each) for each in work]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(busy, *tasks)
    assert [record["id"] for record in await records(lab)] == [call_id]


async def test_closing_a_call_that_nobody_opened_is_an_error(lab: StoreLab) -> None:
    with pytest.raises(StorageError, match="never opened"):
        await lab.call_log.close_record(CloseCallRecord(CallId("f" * 32), DisconnectReason.BUSY, 486))


async def test_a_record_that_fits_no_closed_message_does_not_keep_the_call_from_closing(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.open_call()
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.SERVER_ERROR, 999))
    assert await records(lab) == []
    [entry] = await lab.call_log.recent(1)
    assert entry.sip_code == 999


async def test_a_call_that_a_crash_cut_off_is_closed_as_interrupted_and_queued(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.open_call("10086")
    lab.pass_time(4)
    await lab.call_log.mark_answered(call_id)
    await lab.restart()
    assert await lab.call_log.recover_interrupted() == 1
    assert await lab.call_log.recover_interrupted() == 0
    [record] = await records(lab)
    assert (record["id"], record["result"], record["ended_at"]) == (call_id, "interrupted", None)
    assert record["answered_at"] == "2026-03-01T10:00:04.000Z"


async def test_a_call_that_goes_on_is_not_taken_for_interrupted(lab: StoreLab) -> None:
    call_id = await lab.open_call()
    assert await lab.call_log.recover_interrupted() == 0
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 200))
    [entry] = await lab.call_log.recent(1)
    assert entry.reason is DisconnectReason.LOCAL_HANGUP


@pytest.mark.parametrize("clock_step_s", [0.0, -86_400.0, 1_000_000.0], ids=["", "set back", "set forward"])
@pytest.mark.parametrize("ended_ago_s", [0.0, 4.0], ids=["ends later", "ended meanwhile"])
async def test_a_call_that_outlives_the_handset_s_process_has_one_row_and_one_record_with_its_times(
    lab: StoreLab, ended_ago_s: float, clock_step_s: float
) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    start = lab.wall_s
    call_id = await lab.open_call("10086", dialled="10086")
    lab.pass_time(5)
    await lab.call_log.mark_answered(call_id)
    lab.pass_time(20, clock_step_s=clock_step_s)
    await lab.restart()
    await lab.call_log.open_record(OpenCallRecord(call_id, OUTGOING, "sip:10086@example.org", "", began_ago_s=25))
    assert await lab.call_log.recover_interrupted([call_id]) == 0
    assert await records(lab) == []
    await lab.call_log.mark_answered(call_id, 20.5)
    lab.pass_time(10)
    await lab.call_log.close_record(
        CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200, ended_ago_s=ended_ago_s)
    )
    [entry] = await lab.call_log.recent(10)
    assert (entry.number, entry.reason) == ("10086", DisconnectReason.REMOTE_HANGUP)
    assert (entry.started_at, entry.answered_at, entry.ended_at) == (start, start + 5, start + 35 - ended_ago_s)
    assert await lab.call_log.last_dialled() == "10086"
    [record] = await records(lab)
    assert (record["id"], record["result"]) == (call_id, "remote_hangup")


async def test_a_call_that_was_answered_while_no_handset_was_there_says_when(lab: StoreLab) -> None:
    start = lab.wall_s
    call_id = await lab.open_call()
    await lab.restart()
    lab.pass_time(10)
    await lab.call_log.open_record(OpenCallRecord(call_id, OUTGOING, "10086", "", began_ago_s=10))
    await lab.call_log.mark_answered(call_id, 7)
    await lab.restart()
    await lab.call_log.open_record(OpenCallRecord(call_id, OUTGOING, "10086", "", began_ago_s=10))
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.LOCAL_HANGUP, 200, ended_ago_s=8))
    [entry] = await lab.call_log.recent(10)
    assert entry.answered_at == start + 3
    assert entry.ended_at == start + 3, "no call ends before its answer, however roughly its times are known"


async def test_a_call_that_the_handset_had_no_time_to_write_down_is_written_as_it_began(lab: StoreLab) -> None:
    call_id = lab.new_call_id()
    await lab.call_log.open_record(OpenCallRecord(call_id, INCOMING, "10086", "", began_ago_s=8))
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.CANCELLED, 487, ended_ago_s=3))
    [entry] = await lab.call_log.recent(10)
    assert (entry.started_at, entry.ended_at) == (lab.wall_s - 8, lab.wall_s - 3)


async def test_a_call_that_is_told_of_after_its_end_was_written_stays_as_it_is(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.make_call(answered=False)
    [before], sent = await lab.call_log.recent(10), await records(lab)
    await lab.restart()
    await lab.call_log.open_record(OpenCallRecord(call_id, OUTGOING, "10086", "", began_ago_s=5))
    await lab.call_log.mark_answered(call_id, 2)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200, ended_ago_s=1))
    assert await lab.call_log.recent(10) == (before,)
    assert await records(lab) == sent


async def test_of_the_calls_that_were_left_only_those_that_nobody_knows_of_are_closed(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    going_on, cut_off = await lab.open_call(), await lab.open_call()
    await lab.restart()
    assert await lab.call_log.recover_interrupted([going_on]) == 1
    assert [record["id"] for record in await records(lab)] == [cut_off]
    await lab.restart()
    assert await lab.call_log.recover_interrupted() == 1
    assert [record["id"] for record in await records(lab)] == [cut_off, going_on]


async def test_entries_of_one_call_that_agree_in_nothing_keep_no_store_from_opening(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    late: dict[str, Any] = {"started_at": 253_370_000_000.0}
    long: dict[str, Any] = {
        "started_at": 0.0,
        "answered_at": 1.0,
        "ended_at": 253_370_000_000.0,
        "reason": DisconnectReason.BUSY,
    }
    call = Call(lab.new_call_id(), OUTGOING, "10086", "", "", 0.0, 0.0, clock_synced=True, boot_id=BOOT_ID)
    for times in ([late, long], [long, late], [late, long | {"ended_at": 86_400.0}]):
        await lab.call_log.take_over([{**entry_of(call), **each} for each in times])
    assert await lab.call_log.recover_interrupted() == 0
    [entry] = await lab.call_log.recent(10)
    assert entry.ended_at == 253_370_086_400.0


async def test_redial_knows_the_digits_of_the_newest_outgoing_call(lab: StoreLab) -> None:
    assert await lab.call_log.last_dialled() == ""
    await lab.make_call("sip:10086@example.org", dialled="10086")
    await lab.make_call("1002", INCOMING)
    await lab.restart()
    assert await lab.call_log.last_dialled() == "10086"


@pytest.mark.parametrize(
    ("reason", "missed"),
    [
        (DisconnectReason.CANCELLED, 1),
        (DisconnectReason.NO_ANSWER, 1),
        (DisconnectReason.BUSY, 1),
        (DisconnectReason.INTERRUPTED, 1),
        (DisconnectReason.REJECTED, 0),
    ],
)
async def test_a_call_is_missed_unless_the_person_here_ended_it(
    lab: StoreLab, reason: DisconnectReason, missed: int
) -> None:
    await lab.make_call(direction=INCOMING, reason=reason, answered=False)
    assert await lab.call_log.count_unseen_missed() == missed


@pytest.mark.feature("answering machine")
async def test_whom_the_answering_machine_answered_was_missed_and_is_no_call_that_was_received(lab: StoreLab) -> None:
    call_id = await lab.open_call(direction=INCOMING)
    await lab.call_log.mark_answered(call_id)
    await lab.call_log.close_record(
        CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200, Decision.MESSAGE_TAKEN)
    )
    assert await lab.call_log.count_unseen_missed() == 1
    assert (await lab.call_log.listed(CallKind.MISSED, 0, 10))[0] == 1
    assert (await lab.call_log.listed(CallKind.RECEIVED, 0, 10))[0] == 0


async def test_neither_answered_outgoing_running_nor_seen_calls_count_as_missed(lab: StoreLab) -> None:
    await lab.make_call(direction=INCOMING)
    await lab.make_call(direction=OUTGOING, answered=False)
    await lab.make_call(direction=INCOMING, reason=DisconnectReason.CANCELLED, answered=False)
    await lab.open_call(direction=INCOMING)
    assert await lab.call_log.count_unseen_missed() == 1
    await lab.call_log.mark_missed_seen()
    assert await lab.call_log.count_unseen_missed() == 0


async def test_looking_at_the_log_while_it_rings_does_not_make_the_call_seen(lab: StoreLab) -> None:
    call_id = await lab.open_call(direction=INCOMING)
    await lab.call_log.mark_missed_seen()
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.CANCELLED, 487))
    assert await lab.call_log.count_unseen_missed() == 1


async def test_deleting_a_call_deletes_its_waiting_record_and_no_other(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    first, second = await lab.make_call(), await lab.make_call()
    await lab.call_log.delete(first)
    assert [entry.call_id for entry in await lab.call_log.recent(10)] == [second]
    assert [record["id"] for record in await records(lab)] == [second]


async def test_clearing_the_log_spares_the_call_that_goes_on(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call(dialled="10086")
    running = await lab.open_call()
    await lab.call_log.clear()
    assert [entry.call_id for entry in await lab.call_log.recent(10)] == [running]
    assert await records(lab) == []
    assert await lab.call_log.last_dialled() == ""
    await lab.call_log.delete(running)
    assert len(await lab.call_log.recent(10)) == 1


async def test_a_call_whose_end_the_full_disk_refused_is_written_with_the_next_that_fits(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    first = await lab.make_call()
    await fill_disk(lab)
    started_at = lab.wall_s
    with pytest.raises(StoreFullError, match="no room left"):
        await lab.open_call("10010")
    second = CallId(f"{2:032x}")
    lab.pass_time(7)
    with pytest.raises(StoreFullError):
        await lab.call_log.close_record(CloseCallRecord(second, DisconnectReason.BUSY, 486))
    await free_disk(lab)
    lab.pass_time(100)
    third = await lab.make_call()
    assert [record["id"] for record in await records(lab)] == [first, second, third]
    newest, entry = await lab.call_log.recent(2)
    assert (newest.call_id, entry.call_id) == (third, second)
    assert (entry.number, entry.started_at, entry.ended_at) == ("10010", started_at, started_at + 7)


async def test_calls_made_before_the_store_could_be_opened_are_written_once_it_is(tmp_path: Path) -> None:
    lab = StoreLab(tmp_path)
    count = 300
    for number in range(1, count + 1):
        with pytest.raises(StoreClosedError):
            await lab.open_call("10086")
        lab.pass_time(5)
        with pytest.raises(StoreClosedError):
            await lab.call_log.close_record(CloseCallRecord(CallId(f"{number:032x}"), DisconnectReason.BUSY, 486))
    await lab.start()
    assert await lab.call_log.recover_interrupted() == 0
    entries = await lab.call_log.recent(1000)
    assert [int(entry.call_id, 16) for entry in entries] == list(range(count, count - 256, -1))
    assert all(entry.reason is DisconnectReason.BUSY for entry in entries)
    assert all(entry.ended_at == entry.started_at + 5 for entry in entries)
    await lab.stop()


async def test_a_barred_number_is_logged_with_its_reason_and_never_queued_even_after_a_power_cut(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    closed, cut_off = lab.new_call_id(), lab.new_call_id()
    for call_id in (closed, cut_off):
        await lab.call_log.open_record(
            OpenCallRecord(call_id, CallDirection.OUTGOING, "0900123", "0900123", decision=Decision.BARRED)
        )
    await lab.call_log.close_record(CloseCallRecord(closed, DisconnectReason.BARRED, 0, Decision.BARRED))
    await lab.restart()
    await lab.call_log.recover_interrupted()
    assert [entry.decision for entry in await lab.call_log.recent(5)] == [Decision.BARRED, Decision.BARRED]
    assert await records(lab) == []


@pytest.mark.parametrize(
    ("reason", "decision", "missed"),
    [
        (DisconnectReason.REJECTED, Decision.DO_NOT_DISTURB, 1),
        (DisconnectReason.REJECTED, Decision.OUT_OF_HOURS, 1),
        (DisconnectReason.BUSY, Decision.PHONE_BUSY, 1),
        (DisconnectReason.REJECTED, Decision.BLOCKED, 0),
        (DisconnectReason.REJECTED, Decision.ANONYMOUS, 0),
        (DisconnectReason.FORWARDED, Decision.FORWARDED_ALWAYS, 0),
        (DisconnectReason.NO_ANSWER, None, 1),
        (DisconnectReason.ANSWERED_ELSEWHERE, None, 0),
    ],
)
async def test_a_call_that_the_handset_turned_away_is_missed_where_the_person_would_want_to_know(
    lab: StoreLab, reason: DisconnectReason, decision: Decision | None, missed: int
) -> None:
    call_id = await lab.open_call(direction=CallDirection.INCOMING)
    await lab.call_log.close_record(CloseCallRecord(call_id, reason, 480, decision))
    assert await lab.call_log.count_unseen_missed() == missed
    [entry] = await lab.call_log.recent(1)
    assert (entry.reason, entry.decision) == (reason, decision)


@pytest.mark.feature("call quality")
async def test_how_a_call_sounded_is_kept_beside_it_and_never_leaves(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    quality = CallQuality(
        1.5, 12.0, 40.0, "G722", True, 4.1, repaired_percent=1.2, far_loss_percent=2.5, far_mos=3.9,
        trouble=AudioTrouble.NOT_HEARD,
    )  # fmt: skip
    call_id = await lab.open_call()
    await lab.call_log.keep_quality(call_id, quality)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    [entry] = await lab.call_log.recent(1)
    assert entry.quality == quality
    assert entry.quality is not None
    assert entry.quality.trouble is AudioTrouble.NOT_HEARD
    [record] = await records(lab)
    assert "G722" not in str(record)
    measured = {"quality", *(field.name for field in fields(CallQuality))}
    assert not {"decision", *measured} & record.keys()


@pytest.mark.feature("real-time text")
async def test_what_was_written_in_a_call_is_kept_with_it_over_a_restart_and_never_leaves(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    call_id = await lab.open_call()
    keep, read = lab.call_log.keep_text, lab.call_log.text_of
    await keep(call_id, "Well?", ours=True)
    await keep(call_id, "Fine", ours=False)
    lab.pass_time(PAUSE_S)
    await keep(call_id, "Godo", ours=True)
    assert [each.text for each in await read(call_id)] == ["Well?", "Fine", "Godo"]
    await lab.restart()
    await lab.call_log.open_record(OpenCallRecord(call_id, OUTGOING, "100", "100"))
    await lab.call_log.keep_text(call_id, "\b\bod", ours=True)
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    assert [each.text for each in await lab.call_log.text_of(call_id)] == ["Well?", "Fine", "Good"]
    [record] = await records(lab)
    assert "Good" not in str(record)
    assert "text" not in record
    await lab.call_log.delete(call_id)
    assert await lab.call_log.text_of(call_id) == ()


@pytest.mark.feature("real-time text")
async def test_text_of_a_call_that_comes_under_the_name_of_one_that_is_over_is_not_kept(lab: StoreLab) -> None:
    call_id = await lab.make_call()
    await lab.restart()
    await lab.call_log.open_record(OpenCallRecord(call_id, OUTGOING, "666", "666"))
    await lab.call_log.keep_text(call_id, "Hello", ours=False)
    assert await lab.call_log.text_of(call_id) == ()


async def test_calls_of_two_accounts_are_told_apart_by_opaque_ids(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    for account in ("", "office"):
        call_id = lab.new_call_id()
        await lab.call_log.open_record(OpenCallRecord(call_id, CallDirection.OUTGOING, "100", "100", account=account))
        await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200))
    accounts = {record["account"] for record in await records(lab)}
    assert len(accounts) == 2
    assert not any("sip" in account or "office" in account for account in accounts)


async def test_what_is_over_stays_as_it_is_when_another_call_comes_under_its_name(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    quality = CallQuality(1.5, 4.0, 80.0, "G722", encrypted=True, mos=4.0)
    call_id = await lab.make_call(direction=INCOMING)
    await lab.call_log.keep_quality(call_id, quality)
    before = await lab.call_log.recent(10)
    await lab.restart()
    await lab.call_log.open_record(OpenCallRecord(call_id, OUTGOING, "666", "666"))
    await lab.call_log.mark_answered(call_id)
    await lab.call_log.keep_quality(call_id, replace(quality, mos=1.0))
    await lab.call_log.close_record(CloseCallRecord(call_id, DisconnectReason.BUSY, 486))
    await lab.call_log.keep_quality(call_id, replace(quality, mos=1.0))
    assert await lab.call_log.recent(10) == before
    assert len(await records(lab)) == 1
