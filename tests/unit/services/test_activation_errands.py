from collections.abc import Callable

import pytest

from firmware.phone.request import Request
from firmware.phone.requests.activation import (
    CheckCode,
    CodeArrived,
    LeaveNumberUnproved,
    NumberProof,
    NumberProofRead,
    ReadNumberProof,
    RequestCode,
)
from firmware.privacy.consent import LedgerAction
from firmware.services.activation import NumberProofErrands
from firmware.services.operator.verification import Verdict
from firmware.store.number_proof import CODE_S, TRIES
from tests.lab.store import StoreLab

CODE = "482913"


def tell_nobody(_text: str) -> None:
    """Say it to nobody."""


class Desk:
    """The operator's, with one code for everybody."""

    def __init__(self, when_code_arrives: Callable[[str], None] = tell_nobody) -> None:
        self.is_there = True
        self.asked = 0
        self.expired = False
        self.when_code_arrives = when_code_arrives

    async def request(self) -> bool:
        self.asked += 1
        return self.is_there

    async def check(self, code: str) -> Verdict | None:
        if not self.is_there:
            return None
        if self.expired:
            return Verdict.EXPIRED
        return Verdict.RIGHT if code == CODE else Verdict.WRONG


class Line:
    """A phone that asks its operator's desk."""

    def __init__(self, lab: StoreLab, desk: Desk | None) -> None:
        self.posted: list[object] = []
        self.handlers = NumberProofErrands(lab.number_proof, desk, self.posted.append).handlers

    async def do(self, request: Request[object]) -> NumberProofRead:
        answer = await self.handlers[type(request)](request)
        assert isinstance(answer, NumberProofRead)
        return answer


async def test_a_code_is_asked_for_typed_and_found_right(lab: StoreLab) -> None:
    line = Line(lab, Desk())
    assert await line.do(ReadNumberProof()) == NumberProofRead(NumberProof.OPEN)
    assert await line.do(RequestCode()) == NumberProofRead(NumberProof.SENT, tries_left=TRIES)
    assert await line.do(CheckCode("000000")) == NumberProofRead(NumberProof.WRONG, tries_left=TRIES - 1)
    assert await line.do(CheckCode(CODE)) == NumberProofRead(NumberProof.PROVED)
    assert await line.do(RequestCode()) == NumberProofRead(NumberProof.PROVED)


async def test_who_has_mistyped_five_times_waits_before_the_operator_is_asked_again(lab: StoreLab) -> None:
    desk = Desk()
    line = Line(lab, desk)
    await line.do(RequestCode())
    for _ in range(TRIES):
        state = await line.do(CheckCode("000000"))
    assert state == NumberProofRead(NumberProof.WAIT, wait_s=60)
    assert await line.do(RequestCode()) == state
    assert desk.asked == 1
    assert (await line.do(CheckCode(CODE))).proof is NumberProof.WAIT


async def test_after_ten_minutes_the_right_code_is_none(lab: StoreLab) -> None:
    line = Line(lab, Desk())
    await line.do(RequestCode())
    lab.pass_time(CODE_S)
    assert (await line.do(CheckCode(CODE))).proof is NumberProof.EXPIRED


async def test_an_operator_that_does_not_answer_costs_no_try(lab: StoreLab) -> None:
    desk = Desk()
    line = Line(lab, desk)
    await line.do(RequestCode())
    desk.is_there = False
    assert (await line.do(CheckCode(CODE))).proof is NumberProof.NO_ANSWER
    assert (await line.do(ReadNumberProof())).tries_left == TRIES


@pytest.mark.parametrize("desk", [None, Desk()], ids=["not offered", "not there"])
async def test_without_anybody_who_takes_the_request_no_code_is_waited_for(lab: StoreLab, desk: Desk | None) -> None:
    if desk is not None:
        desk.is_there = False
    line = Line(lab, desk)
    assert (await line.do(RequestCode())).proof is NumberProof.NO_ANSWER
    assert (await line.do(ReadNumberProof())).proof is NumberProof.OPEN


async def test_a_code_that_the_operator_lets_expire_is_asked_for_anew(lab: StoreLab) -> None:
    desk = Desk()
    line = Line(lab, desk)
    await line.do(RequestCode())
    desk.expired = True
    assert (await line.do(CheckCode(CODE))).proof is NumberProof.EXPIRED
    assert (await line.do(ReadNumberProof())).proof is NumberProof.OPEN


async def test_the_code_that_comes_to_this_phone_is_told_to_it(lab: StoreLab) -> None:
    desk = Desk()
    line = Line(lab, desk)
    desk.when_code_arrives("Your code is 482913.")
    assert line.posted == [CodeArrived("Your code is 482913.")]


async def test_where_the_operator_offers_no_proof_the_ledger_says_so(lab: StoreLab) -> None:
    await Line(lab, None).handlers[LeaveNumberUnproved](LeaveNumberUnproved())
    assert [entry.action for entry in await lab.consents.entries()] == [LedgerAction.NUMBER_UNPROVED]


def test_a_typed_code_and_one_that_came_are_in_no_log() -> None:
    assert CODE not in repr((CheckCode(CODE), CodeArrived(f"Your code is {CODE}.")))
