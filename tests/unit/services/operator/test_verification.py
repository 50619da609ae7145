import asyncio

import pytest

from contract.calls import CallDirection
from firmware.base.errors import SipError
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.news import MessageReceived, MessageSent, VoicemailCounted
from firmware.services.operator.verification import SipVerifier, Verdict

ADDRESS = "sip:verify@operator.example"


def from_operator(text: str, user: str = "verify") -> MessageReceived:
    return MessageReceived(TextMessage("0" * 32, CallDirection.INCOMING, CallerId(user), text))


def nothing(words: list[str]) -> str | None:
    """Write nothing back."""


class Operator:
    """The other end of a verifier's messages; `answers` says what to write back, None for nothing."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.accepts = True
        self.answers = nothing
        self.verifier = SipVerifier(ADDRESS, self.send, answer_s=0.05)
        self.codes: list[str] = []
        self.verifier.when_code_arrives = self.codes.append

    def send(self, message_id: str, text: str) -> None:
        self.requests.append(text)
        loop = asyncio.get_running_loop()
        loop.call_soon(self.verifier.takes, MessageSent(message_id, self.accepts))
        if (answer := self.answers(text.split())) is not None:
            loop.call_soon(self.verifier.takes, from_operator(answer))

    def says(self, verdict: str) -> None:
        """Answer every check so."""
        self.answers = lambda words: f"WECALL-VERIFY 1 {verdict} {words[3]}" if words[2] == "CHECK" else None


async def test_a_request_names_a_reference_of_its_own_and_no_number() -> None:
    operator = Operator()
    assert await operator.verifier.request()
    assert await operator.verifier.request()
    first, second = (request.split() for request in operator.requests)
    assert first[:3] == ["WECALL-VERIFY", "1", "REQUEST"]
    assert len(first[3]) == 16
    assert first[3] != second[3]


async def test_a_request_that_is_not_taken_is_said_to_be_none() -> None:
    operator = Operator()
    operator.accepts = False
    assert not await operator.verifier.request()


async def test_a_line_that_cannot_send_is_nobody_who_answers() -> None:
    def fail(_message_id: str, _text: str) -> None:
        raise SipError("The SIP stack does not run.")

    assert not await SipVerifier(ADDRESS, fail).request()


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_the_operator_says_what_the_code_is(verdict: Verdict) -> None:
    operator = Operator()
    operator.says(verdict)
    await operator.verifier.request()
    assert await operator.verifier.check("482913") is verdict
    assert operator.requests[-1].split()[-1] == "482913"


async def test_whoever_does_not_know_the_reference_can_say_nothing() -> None:
    operator = Operator()
    operator.answers = lambda words: f"WECALL-VERIFY 1 RIGHT {'0' * 16}"
    await operator.verifier.request()
    assert await operator.verifier.check("482913") is None


async def test_an_answer_to_an_earlier_request_counts_for_nothing() -> None:
    operator = Operator()
    await operator.verifier.request()
    old = operator.requests[0].split()[3]
    await operator.verifier.request()
    operator.answers = lambda words: f"WECALL-VERIFY 1 RIGHT {old}"
    assert await operator.verifier.check("482913") is None


async def test_a_verdict_that_nobody_waits_for_is_dropped() -> None:
    operator = Operator()
    await operator.verifier.request()
    answer = from_operator(f"WECALL-VERIFY 1 RIGHT {operator.requests[0].split()[3]}")
    assert operator.verifier.takes(answer)
    assert await operator.verifier.check("482913") is None


async def test_the_message_with_the_code_is_shown_where_it_is_typed_and_is_no_text_message() -> None:
    operator = Operator()
    await operator.verifier.request()
    assert operator.verifier.takes(from_operator("Your code is 482913."))
    assert operator.codes == ["Your code is 482913."]


async def test_what_the_address_writes_when_no_code_is_awaited_is_a_text_message() -> None:
    operator = Operator()
    operator.says("RIGHT")
    assert not operator.verifier.takes(from_operator("Good morning."))
    await operator.verifier.request()
    await operator.verifier.check("482913")
    assert not operator.verifier.takes(from_operator("Thank you."))
    assert operator.verifier.takes(from_operator("WECALL-VERIFY 1 RIGHT 0123456789abcdef"))


def test_what_others_write_is_left_to_the_phone() -> None:
    verifier = SipVerifier(ADDRESS, lambda _message_id, _text: None)
    assert not verifier.takes(from_operator("WECALL-VERIFY 1 RIGHT 0123456789abcdef", user="2345"))
    assert not verifier.takes(MessageSent("0" * 32, accepted=True))
    assert not verifier.takes(VoicemailCounted(1))
