"""Requests about the proof of the line's number."""

from collections.abc import Callable

from firmware.phone.events import Event
from firmware.phone.requests.activation import (
    CheckCode,
    CodeArrived,
    LeaveNumberUnproved,
    NumberProof,
    NumberProofRead,
    ReadNumberProof,
    RequestCode,
)
from firmware.services.operator.verification import Verdict, Verifier
from firmware.services.runner import Handlers
from firmware.store.number_proof import StoredNumberProof

_NO_ANSWER = NumberProofRead(NumberProof.NO_ANSWER)


class NumberProofErrands:
    """Lets whoever sends codes prove the number, within what the store allows."""

    def __init__(self, proof: StoredNumberProof, verifier: Verifier | None, post: Callable[[Event], None]) -> None:
        """Set up.

        Args:
            proof: what is kept of it.
            verifier: sends codes and compares them; None where the operator offers that not.
            post: hears of a code that comes to this phone.
        """
        self._proof = proof
        self._verifier = verifier
        if verifier is not None:
            verifier.when_code_arrives = lambda text: post(CodeArrived(text))

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            ReadNumberProof: self._read,
            RequestCode: self._request,
            CheckCode: self._check,
            LeaveNumberUnproved: self._leave,
        }

    async def _read(self, _request: ReadNumberProof) -> NumberProofRead:
        return await self._proof.state()

    async def _request(self, _request: RequestCode) -> NumberProofRead:
        state = await self._proof.state()
        if state.proof in {NumberProof.PROVED, NumberProof.WAIT}:
            return state
        # Before it is on its way: it may be there before the operator has taken the request.
        self._proof.await_code()
        if self._verifier is None or not await self._verifier.request():
            self._proof.forget_code()
            return _NO_ANSWER
        return await self._proof.state()

    async def _check(self, request: CheckCode) -> NumberProofRead:
        state = await self._proof.begin_try()
        if state.proof is not NumberProof.SENT:
            return state
        verdict = await self._verifier.check(request.code) if self._verifier is not None else None
        match verdict:
            case None:
                await self._proof.take_try_back()
                return _NO_ANSWER
            case Verdict.EXPIRED:
                await self._proof.take_try_back()
                self._proof.forget_code()
                return NumberProofRead(NumberProof.EXPIRED)
            case _:
                return await self._proof.end_try(right=verdict is Verdict.RIGHT)

    async def _leave(self, _request: LeaveNumberUnproved) -> None:
        await self._proof.leave_unproved()
