import asyncio

import pytest

from firmware.base.errors import StorageError
from firmware.base.words import word
from firmware.phone.request import Answered, Failed
from firmware.phone.requests.contacts import DeleteContact
from firmware.services.runner import ErrandRunner, Handlers
from firmware.store.errors import StoreOnTrialError


async def delete(request: DeleteContact) -> int:
    await asyncio.sleep(0)
    return request.contact_id


async def fail(_request: DeleteContact) -> None:
    raise StorageError("The store is closed.")


async def stumble(_request: DeleteContact) -> None:
    raise ValueError("Anna, +861012345678")


async def answer_to(request: DeleteContact, handlers: Handlers) -> object:
    answers: asyncio.Queue[Answered] = asyncio.Queue()
    runner = ErrandRunner(handlers, answers.put_nowait)
    runner.run(request)
    assert answers.empty(), "an answer came before the phone had finished with the event"
    answered = await asyncio.wait_for(answers.get(), 5)
    assert answered.request is request
    return answered.answer


async def test_a_request_is_answered_later() -> None:
    assert await answer_to(DeleteContact(7), {DeleteContact: delete}) == 7


async def test_one_that_fails_says_so() -> None:
    answer = await answer_to(DeleteContact(7), {DeleteContact: fail})
    assert isinstance(answer, Failed)


async def test_one_that_needs_the_store_while_firmware_is_tried_says_when_it_opens() -> None:
    async def wait(_request: DeleteContact) -> None:
        raise StoreOnTrialError("It stays shut.")

    answer = await answer_to(DeleteContact(7), {DeleteContact: wait})
    words = word("Contacts and calls open once the new firmware is confirmed.")
    assert answer == Failed(words)


async def test_one_that_stumbles_over_what_nobody_thought_of_says_so_and_quotes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert isinstance(await answer_to(DeleteContact(7), {DeleteContact: stumble}), Failed)
    assert "DeleteContact failed" in caplog.text
    assert "Anna" not in caplog.text


async def test_one_that_nobody_does_says_so() -> None:
    assert isinstance(await answer_to(DeleteContact(7), {}), Failed)
