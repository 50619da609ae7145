from datetime import UTC, date, datetime

from contract.consent import Actor, Channel, RequestKind, RequestState
from firmware.privacy.consent import LedgerAction
from firmware.privacy.rights import working_days_of
from firmware.store.rights import StoredRequests
from tests.lab.store import StoreLab

DAY_S = 86_400


async def file(lab: StoreLab, kind: RequestKind = RequestKind.ACCESS) -> int:
    """File a request; return its number, 0 where it is not taken."""
    filed = await lab.requests.file(kind, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    return filed.request.number if filed.request is not None else 0


async def told(lab: StoreLab) -> list[tuple[int, str, str | None, str]]:
    """Return what the operator is told of open requests."""
    [message] = await lab.outbox.next_batch(9)
    requests = message.payload["requests"]
    assert isinstance(requests, list)
    return [(each["number"], each["kind"], each["due"], each["state"]) for each in requests]


async def ledger(lab: StoreLab) -> list[tuple[LedgerAction, str]]:
    return [(entry.action, entry.about) for entry in await lab.consents.entries()]


async def test_a_request_has_a_number_and_a_due_day_and_the_operator_is_told(lab: StoreLab) -> None:
    assert await file(lab) == 1
    assert await file(lab, RequestKind.COMPLAINT) == 2
    # The lab's clock stands on Sunday 1 March 2026.
    due = "2026-03-06"
    assert await told(lab) == [(1, "access", due, "open"), (2, "complaint", due, "open")]
    assert await ledger(lab) == [(LedgerAction.REQUEST, "access:1"), (LedgerAction.REQUEST, "complaint:2")]
    [newest, oldest] = await lab.requests.listed()
    assert (newest.number, oldest.number) == (2, 1)
    assert newest.due == oldest.due == date(2026, 3, 6)


async def test_a_request_that_is_answered_or_withdrawn_is_told_of_no_more(lab: StoreLab) -> None:
    first, second = await file(lab), await file(lab)
    assert await lab.requests.close(first, RequestState.ANSWERED, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert [number for number, *_ in await told(lab)] == [second]
    assert not await lab.requests.close(first, RequestState.WITHDRAWN, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert [request.closed for request in await lab.requests.listed()] == [None, RequestState.ANSWERED]
    assert (await ledger(lab))[-1] == (LedgerAction.REQUEST_ANSWERED, "answered:1")


async def test_a_request_that_nobody_answered_in_time_is_overdue_where_the_day_is_known(lab: StoreLab) -> None:
    await file(lab)
    lab.pass_time(6 * DAY_S)
    lab.synced = False
    await lab.consents.announce()
    assert (await told(lab))[0][3] == "open"
    lab.synced = True
    await lab.consents.announce()
    assert (await told(lab))[0][3] == "overdue"


async def test_no_more_than_five_requests_are_taken_in_a_day_whatever_the_clock_says(lab: StoreLab) -> None:
    assert [await file(lab) for _ in range(6)] == [1, 2, 3, 4, 5, 0]
    assert (await ledger(lab))[-1] == (LedgerAction.CHECK_FAILED, "access:too-often")
    lab.pass_time(60, clock_step_s=30 * DAY_S)
    filed = await lab.requests.file(RequestKind.COPY, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert filed.request is None
    assert 0 < filed.wait_s <= DAY_S
    await lab.restart()
    assert await file(lab) == 0, "a restart makes no room"
    lab.pass_time(DAY_S)
    assert await file(lab) == 6


async def test_no_more_than_three_copies_are_made_in_a_day(lab: StoreLab) -> None:
    async def copy() -> bool:
        return not await lab.requests.begin_copy(actor=Actor.HOLDER, channel=Channel.KEYPAD)

    for _ in range(3):
        assert await copy()
        lab.pass_time(1)
    assert (await ledger(lab))[-1] == (LedgerAction.EXPORT, "everything")
    assert not await copy()
    assert (await ledger(lab))[-1] == (LedgerAction.CHECK_FAILED, "copy:too-often")
    lab.pass_time(DAY_S)
    assert await copy()


async def test_a_request_of_an_unset_clock_has_no_day_until_the_clock_is_right_and_then_the_right_one(
    lab: StoreLab,
) -> None:
    right_s = lab.wall_s
    lab.synced, lab.wall_s = False, 1_000.0
    number = await file(lab)
    assert await told(lab) == [(number, "access", None, "open")]
    [request] = await lab.requests.listed()
    assert (request.filed_at, request.due) == (None, None)
    lab.pass_time(2 * DAY_S)
    await lab.requests.fix_dates()
    assert (await lab.requests.listed())[0].due is None, "the clock is as wrong as before"
    # A time service sets it: it is Tuesday 3 March, and the request is of Sunday.
    lab.synced, lab.wall_s = True, right_s + 2 * DAY_S
    await lab.requests.fix_dates()
    assert await told(lab) == [(number, "access", "2026-03-06", "open")]
    [request] = await lab.requests.listed()
    assert request.filed_at == right_s
    lab.pass_time(5 * DAY_S, clock_step_s=300 * DAY_S)
    await lab.requests.fix_dates()
    assert (await lab.requests.listed())[0].due == date(2026, 3, 6), "what was proved stays"


async def test_whatever_tells_the_operator_of_requests_gives_them_their_days_first(lab: StoreLab) -> None:
    lab.synced, lab.wall_s = False, 1_000.0
    await file(lab)
    await lab.restart()
    lab.synced, lab.wall_s = True, 1_772_359_200.0
    await lab.consents.announce()
    assert await told(lab) == [(1, "access", "2026-03-06", "open")]


async def test_an_objection_while_the_clock_is_unset_waits_for_its_day_too(lab: StoreLab) -> None:
    await file(lab)
    await lab.store.transact(
        lambda database: database.execute("UPDATE requests SET objected = 1, due = NULL, waits_s = filed_s + 86400")
    )
    lab.pass_time(2 * DAY_S)
    await lab.requests.fix_dates()
    [request] = await lab.requests.listed()
    assert request.due == date(2026, 3, 9), "filed on Sunday, objected to on Monday"


async def test_holidays_of_the_country_do_not_count(lab: StoreLab) -> None:
    requests = StoredRequests(lab.store, lab.consents, lab.read_clocks, working_days_of("CN"))
    lab.wall_s = datetime(2026, 9, 28, 12, tzinfo=UTC).timestamp()
    filed = await requests.file(RequestKind.ACCESS, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert filed.request is not None
    assert filed.request.due == date(2026, 10, 10)
