import asyncio

import pytest

from firmware.base.errors import StorageError
from firmware.base.words import word
from firmware.phone.answers import Answer, ContactDeleted, ErrandFailed
from firmware.phone.errands import DeleteContact, Errand
from firmware.services.runner import ErrandRunner, Handler
from firmware.store.errors import StoreOnTrialError


async def delete(errand: DeleteContact) -> Answer:
    await asyncio.sleep(0)
    return ContactDeleted(errand.contact_id)


async def fail(_errand: DeleteContact) -> Answer:
    raise StorageError("The store is closed.")


async def stumble(_errand: DeleteContact) -> Answer:
    raise ValueError("Anna, +861012345678")


async def answer_to(errand: DeleteContact, handlers: dict[type[Errand], Handler]) -> Answer:
    answers: asyncio.Queue[Answer] = asyncio.Queue()
    runner = ErrandRunner(handlers, answers.put_nowait)
    runner.run(errand)
    assert answers.empty(), "an answer came before the phone had finished with the event"
    return await asyncio.wait_for(answers.get(), 5)


async def test_an_errand_is_answered_later() -> None:
    assert await answer_to(DeleteContact(7), {DeleteContact: delete}) == ContactDeleted(7)


async def test_one_that_fails_says_so() -> None:
    answer = await answer_to(DeleteContact(7), {DeleteContact: fail})
    assert isinstance(answer, ErrandFailed)
    assert answer.errand == "DeleteContact"


async def test_one_that_needs_the_store_while_firmware_is_tried_says_when_it_opens() -> None:
    async def wait(_errand: DeleteContact) -> Answer:
        raise StoreOnTrialError("It stays shut.")

    answer = await answer_to(DeleteContact(7), {DeleteContact: wait})
    words = word("Contacts and calls open once the new firmware is confirmed.")
    assert answer == ErrandFailed("DeleteContact", words)


async def test_one_that_stumbles_over_what_nobody_thought_of_says_so_and_quotes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert isinstance(await answer_to(DeleteContact(7), {DeleteContact: stumble}), ErrandFailed)
    assert "DeleteContact failed" in caplog.text
    assert "Anna" not in caplog.text


async def test_one_that_nobody_does_says_so() -> None:
    assert isinstance(await answer_to(DeleteContact(7), {}), ErrandFailed)
