"""What an operator's signed answer does: it closes one request of one holder's, once, and the holder may object."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.consent import Actor, Channel, RequestKind, RequestState
from contract.results import OutcomeCode
from firmware.phone.my_data import DataCategory
from firmware.privacy.consent import LedgerAction
from firmware.store.answers import AnswerState
from tests.lab.documents import DAY_S, DocumentLab, Operator


@pytest.fixture
def lab_class() -> type[DocumentLab]:
    return DocumentLab


async def file(lab: DocumentLab, kind: RequestKind = RequestKind.ACCESS) -> tuple[int, int]:
    """File a request; return its number and epoch."""
    filed = await lab.requests.file(kind, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert filed.request is not None
    return filed.request.number, filed.request.epoch


async def told(lab: DocumentLab) -> list[dict[str, Any]]:
    """Return the requests that the newest state of consent tells the operator of."""
    states = [message for message in await lab.outbox.next_batch(9) if message.topic == "consent"]
    payload: Any = states[-1].payload
    requests: list[dict[str, Any]] = payload["requests"]
    return requests


async def ledger(lab: DocumentLab) -> list[tuple[str, str, str | None, str | None]]:
    return [(entry.action, entry.about, entry.actor, entry.channel) for entry in await lab.consents.entries()]


async def everything(lab: DocumentLab) -> list[Any]:
    """Return all that an answer could change."""
    tables = ("requests", "answers", "documents", "consent_ledger")
    return await lab.store.run(lambda database: [database.query(f"SELECT * FROM {table}") for table in tables])


async def object_to(lab: DocumentLab, answer_id: int) -> bool:
    return await lab.answers.object_to(answer_id, actor=Actor.HOLDER, channel=Channel.KEYPAD)


@pytest.mark.parametrize("decision", ["granted", "partly", "refused"])
async def test_an_answer_closes_its_request_and_stands_in_the_ledger(lab: DocumentLab, decision: str) -> None:
    first, second = await file(lab), await file(lab, RequestKind.COMPLAINT)
    assert [(each["number"], each["epoch"]) for each in await told(lab)] == [first, second]
    assert await lab.answers.take(lab.operator.answer(1, *first, decision)) is OutcomeCode.TAKEN
    assert [each["number"] for each in await told(lab)] == [second[0]]
    [waiting, closed] = await lab.requests.listed()
    assert (waiting.closed, closed.closed) == (None, RequestState(decision))
    assert (await ledger(lab))[-1] == ("request_answered", f"{decision}:1", "operator", "network")
    [answer] = (await lab.answers.newest()).values()
    assert (answer.said.text.en, answer.said.text.zh, answer.state) == (
        ("It is done.",), ("已办理。",), AnswerState.UNREAD,
    )  # fmt: skip
    assert await lab.answers.count_unread() == 1
    assert lab.changes == 1


async def test_an_answer_is_acknowledged_once_it_was_read(lab: DocumentLab) -> None:
    await lab.answers.take(lab.operator.answer(1, *await file(lab)))
    for _ in range(2):
        await lab.answers.mark_read(1)
    assert await lab.answers.count_unread() == 0
    assert lab.reports == [OutcomeCode.ACKNOWLEDGED]


async def test_the_same_answer_once_more_is_no_mistake_and_changes_nothing(lab: DocumentLab) -> None:
    document = lab.operator.answer(1, *await file(lab))
    await lab.answers.take(document)
    before = await everything(lab)
    assert await lab.answers.take(document) is OutcomeCode.TAKEN
    assert await everything(lab) == before


async def test_what_is_not_for_this_request_of_this_holder_has_a_code_and_changes_nothing(lab: DocumentLab) -> None:
    number, epoch = await file(lab)
    operator = lab.operator
    before = await everything(lab)
    stranger = Operator()
    stranger.key = Ed25519PrivateKey.generate()
    for document, code in {
        operator.answer(1, number, epoch, device="handset-8"): OutcomeCode.WRONG_SCOPE,
        operator.answer(1, number, epoch, fleet="another"): OutcomeCode.WRONG_SCOPE,
        operator.answer(1, number, epoch, devices=()): OutcomeCode.WRONG_SCOPE,
        operator.answer(1, number, epoch, devices=("handset-7", "handset-8")): OutcomeCode.WRONG_SCOPE,
        operator.answer(1, number + 1, epoch): OutcomeCode.UNKNOWN_REQUEST,
        operator.answer(1, number, epoch % 2**52 + 1): OutcomeCode.UNKNOWN_REQUEST,
        operator.answer(1, number, epoch)[:-1] + b" ": OutcomeCode.FORGED,
        operator.notice(1): OutcomeCode.WRONG_KIND,
        operator.answer(1, number, epoch, "perhaps"): OutcomeCode.UNREADABLE,
        stranger.answer(1, number, epoch): OutcomeCode.UNKNOWN_KEY,
    }.items():
        assert await lab.answers.take(document) is code
        assert await everything(lab) == before
    assert await lab.answers.take(operator.answer(1, number, epoch)) is OutcomeCode.TAKEN


async def test_an_answer_to_the_last_holder_closes_nothing_of_the_next(lab: DocumentLab, tmp_path: Path) -> None:
    old = lab.operator.answer(1, *await file(lab))
    folder = tmp_path / "next"
    folder.mkdir()
    after_reset = DocumentLab(folder)
    await after_reset.start()
    number, _ = await file(after_reset)
    assert number == 1, "the numbers begin anew"
    assert await after_reset.answers.take(old) is OutcomeCode.UNKNOWN_REQUEST
    [request] = await after_reset.requests.listed()
    assert request.closed is None
    await after_reset.stop()


async def test_a_request_that_is_closed_stays_as_it_is(lab: DocumentLab) -> None:
    number, epoch = await file(lab)
    await lab.requests.close(number, RequestState.ANSWERED, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    document = lab.operator.answer(1, number, epoch, "refused")
    entries = await ledger(lab)
    for _ in range(2):
        assert await lab.answers.take(document) is OutcomeCode.REQUEST_CLOSED
    [request] = await lab.requests.listed()
    assert request.closed is RequestState.ANSWERED
    assert await lab.answers.newest() == {}
    assert await ledger(lab) == entries


async def test_whoever_objects_has_the_request_wait_again_with_a_new_day_and_the_operator_hears(
    lab: DocumentLab,
) -> None:
    number, epoch = await file(lab)
    await lab.answers.take(lab.operator.answer(1, number, epoch, "refused"))
    lab.pass_time(3 * DAY_S)
    assert await object_to(lab, 1)
    [waiting] = await told(lab)
    # Filed on Sunday 1 March, objected to on Wednesday 4 March.
    assert (waiting["number"], waiting["epoch"], waiting["objected"], waiting["due"]) == (
        number, epoch, True, "2026-03-11",
    )  # fmt: skip
    assert (await ledger(lab))[-1] == ("objection", "refused:1", "holder", "keypad")
    assert not await object_to(lab, 1), "it is objected to already"
    assert await lab.answers.take(lab.operator.answer(2, number, epoch)) is OutcomeCode.TAKEN
    [request] = await lab.requests.listed()
    assert (request.closed, request.objected) == (RequestState.GRANTED, False)
    assert not await object_to(lab, 1), "a newer answer counts"
    assert await object_to(lab, 2)


async def test_no_answer_of_before_the_objection_closes_a_request_again(lab: DocumentLab) -> None:
    number, epoch = await file(lab)
    first, second = (lab.operator.answer(each, number, epoch) for each in (1, 2))
    await lab.answers.take(first)
    assert await lab.answers.take(second) is OutcomeCode.REQUEST_CLOSED
    await object_to(lab, 1)
    # As the broker brings it with the next connection, and whoever has kept the first.
    assert await lab.answers.take(second) is OutcomeCode.REQUEST_CLOSED
    assert await lab.answers.take(first) is OutcomeCode.REPLAYED
    assert [each["number"] for each in await told(lab)] == [number]


async def test_an_answer_goes_with_its_request(lab: DocumentLab) -> None:
    await lab.answers.take(lab.operator.answer(1, *await file(lab)))
    await lab.erasure.erase((DataCategory.REQUESTS,), actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert await lab.store.run(lambda database: database.query("SELECT * FROM answers")) == []


async def test_by_the_command_it_is_the_same_and_the_ledger_says_so(lab: DocumentLab) -> None:
    document = lab.operator.answer(1, *await file(lab))
    assert await lab.answers.admit(document, Channel.COMMAND_LINE) is OutcomeCode.TAKEN
    assert (await ledger(lab))[-1][3] == Channel.COMMAND_LINE
    assert (await ledger(lab))[-1][0] == LedgerAction.REQUEST_ANSWERED
