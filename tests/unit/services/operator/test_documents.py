import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.consent import Actor, Channel, Purpose, RequestKind
from contract.results import OutcomeCode
from firmware.phone.requests.policies import DocumentsChanged, PolicyState
from firmware.services.operator.documents import Documents
from firmware.store.policies import BUILT_IN_VERSION
from provisioning.parsing import parse_configuration
from provisioning.signed import Statement
from provisioning.update import UpdateContent
from tests.lab.documents import DEVICE, FLEET, DocumentLab
from tests.lab.releases import Releaser

FAR = "2999-01-01T00:00:00Z"
RELEASER = Releaser()


class Desk:
    """The documents of a handset as its composition root makes them, and what the phone heard of them."""

    def __init__(self, folder: Path) -> None:
        self.lab = DocumentLab(folder)
        self.heard: asyncio.Queue[DocumentsChanged] = asyncio.Queue()
        configuration = parse_configuration(
            f'[device]\nid = "{DEVICE}"\nfleet = "{FLEET}"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
            f'[[trust.keys]]\npublic = "{self.lab.operator.trusted.public}"\nsigns = ["policy", "notice", "answer"]\n'
            f'[[trust.keys]]\npublic = "{RELEASER.trusted.public}"\nsigns = ["update"]\n'
        )
        self.documents = Documents(self.lab.store, self.lab.consents, configuration, self.heard.put_nowait)

    async def hears(self, changed: DocumentsChanged) -> None:
        async with asyncio.timeout(5):
            while await self.heard.get() != changed:
                pass


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    await desk.lab.start()
    await desk.documents.take_up()
    desk.documents.start()
    yield desk
    await desk.documents.stop()
    await desk.lab.stop()


async def test_on_a_new_phone_nothing_is_news_its_policy_is_read_where_it_is_set_up(desk: Desk) -> None:
    await desk.hears(DocumentsChanged())
    assert [kept.state for kept in await desk.documents.policies.kept()] == [PolicyState.UNREAD]


async def test_the_phone_hears_of_what_came_and_of_what_was_read(desk: Desk) -> None:
    operator, documents = desk.lab.operator, desk.documents
    await documents.policies.note_shown(BUILT_IN_VERSION)
    await documents.policies.admit(operator.policy(1, "shop-1", not_after=FAR))
    await desk.hears(DocumentsChanged("shop-1"))
    await documents.notices.admit(operator.notice(1, not_after=FAR))
    await desk.hears(DocumentsChanged("shop-1", 1, unread_incident=True))
    await documents.policies.note_shown("shop-1")
    await documents.notices.acknowledge(1)
    await desk.hears(DocumentsChanged())
    filed = await desk.lab.requests.file(RequestKind.COPY, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert filed.request is not None
    await documents.answers.admit(operator.answer(1, 1, filed.request.epoch, not_after=FAR))
    await desk.hears(DocumentsChanged(unread_answers=1))
    await documents.answers.mark_read(1)
    await desk.hears(DocumentsChanged())


async def test_news_that_the_holder_no_longer_wants_are_not_waiting_either(desk: Desk) -> None:
    documents = desk.documents
    await desk.lab.consents.grant(Purpose.OPERATOR_NOTICES)
    await documents.notices.admit(desk.lab.operator.notice(1, incident=False, not_after=FAR))
    await desk.hears(DocumentsChanged(unread_notices=1))
    await desk.lab.consents.withdraw(Purpose.OPERATOR_NOTICES)
    documents.tell()
    await desk.hears(DocumentsChanged())


async def test_what_ran_since_the_last_count_is_counted_when_the_phone_stops(desk: Desk) -> None:
    documents = desk.documents
    await documents.policies.note_shown(BUILT_IN_VERSION)
    await documents.policies.admit(desk.lab.operator.policy(1, "shop-1", not_after=FAR))
    await documents.policies.note_shown("shop-1")
    before = (await documents.policies.kept())[-1].witness
    await documents.stop()
    after = (await documents.policies.kept())[-1].witness
    assert before is not None
    assert after is not None
    assert after.witnessed_s > before.witnessed_s


async def test_whoever_installs_updates_hears_after_a_start_of_the_one_that_was_announced_before(desk: Desk) -> None:
    await desk.documents.updates.take(RELEASER.update(1, not_after=FAR))
    await desk.documents.stop()
    heard: asyncio.Queue[str] = asyncio.Queue()

    class Installer:
        async def announced(self, _document: bytes, _statement: Statement, content: UpdateContent) -> OutcomeCode:
            heard.put_nowait(content.version)
            return OutcomeCode.TAKEN

    desk.documents.updates.port = Installer()
    desk.documents.start()
    assert await asyncio.wait_for(heard.get(), 5) == "0.3.0"
