import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from contract.downlink import DownTopic
from contract.messages import Topic
from contract.results import OutcomeCode
from firmware.services.operator.inbound import Inbound
from firmware.store.documents import Addressee, DocumentRegister, digest_of
from firmware.store.updates import StoredUpdates
from provisioning.signed import Statement, sign
from provisioning.trust import Kind, TrustedKey
from provisioning.update import UpdateContent
from tests.lab.documents import DEVICE, FLEET, DocumentLab
from tests.lab.releases import ARM64, Releaser, update_content


class Installer:
    """Hears of updates; `says` is what is told of each at once."""

    def __init__(self) -> None:
        self.says = OutcomeCode.TAKEN
        self.heard: list[tuple[int, str]] = []
        self.documents: list[bytes] = []

    async def announced(self, document: bytes, statement: Statement, content: UpdateContent) -> OutcomeCode:
        self.documents.append(document)
        self.heard.append((statement.number, content.version))
        assert content.bundle_for(ARM64).size_bytes
        return self.says


class UpdateLab(DocumentLab):
    """A store with updates in it, and whoever installs them."""

    def __init__(self, folder: Path) -> None:
        self.releaser = Releaser()
        self.keys: tuple[TrustedKey, ...] = (self.releaser.trusted,)
        self.installer = Installer()
        super().__init__(folder)

    def make_parts(self) -> None:
        super().make_parts()
        register = DocumentRegister(Addressee(FLEET, DEVICE, self.keys), self.read_clocks, lambda: self.proven_s)
        self.updates = StoredUpdates(self.store, register, self._report)
        self.updates.port = self.installer

    async def start_again(self) -> None:
        """Restart, as the documents are taken up then."""
        await self.restart()
        await self.updates.announce_again()


@pytest.fixture
def lab_class() -> type[UpdateLab]:
    return UpdateLab


async def test_an_update_is_handed_on_as_it_was_signed_and_again_after_each_start(lab: UpdateLab) -> None:
    document = lab.releaser.update(4)
    assert await lab.updates.take(document) is OutcomeCode.TAKEN
    await lab.start_again()
    await lab.start_again()
    assert lab.installer.heard == [(4, "0.3.0")] * 3
    assert set(lab.installer.documents) == {document}


async def test_the_same_once_more_changes_nothing_and_says_what_became_of_it(lab: UpdateLab) -> None:
    document = lab.releaser.update(4)
    await lab.updates.take(document)
    assert await lab.updates.take(document) is OutcomeCode.TAKEN
    await lab.updates.became(digest_of(document), OutcomeCode.POSTPONED)
    assert await lab.updates.take(document) is OutcomeCode.POSTPONED
    assert lab.installer.heard == [(4, "0.3.0")]


async def test_a_newer_one_takes_its_place_and_an_older_one_is_refused(lab: UpdateLab) -> None:
    older, newer = lab.releaser.update(4), lab.releaser.update(5, "0.3.1")
    await lab.updates.take(older)
    await lab.updates.take(newer)
    assert await lab.updates.take(older) is OutcomeCode.REPLAYED
    assert await lab.updates.take(lab.releaser.update(3, "0.4.0")) is OutcomeCode.OLD
    await lab.updates.became(digest_of(older), OutcomeCode.APPLIED)
    assert await lab.updates.take(newer) is OutcomeCode.TAKEN
    await lab.start_again()
    assert lab.installer.heard == [(4, "0.3.0"), (5, "0.3.1"), (5, "0.3.1")]
    assert lab.reports == [OutcomeCode.APPLIED]


async def test_numbers_of_updates_and_of_other_documents_are_apart(lab: UpdateLab) -> None:
    await lab.notices.take(lab.operator.notice(7))
    assert await lab.updates.take(lab.releaser.update(1)) is OutcomeCode.TAKEN


async def test_what_is_not_for_this_phone_or_not_by_its_key_is_refused_unheard(lab: UpdateLab) -> None:
    releaser = lab.releaser
    own = releaser.update(1)
    after = lab.wall_s + timedelta(days=91).total_seconds()
    by_another = sign(Kind.UPDATE, releaser.statement(1), lab.operator.key)
    for document, outcome in (
        (releaser.update(1, fleet="other"), OutcomeCode.WRONG_SCOPE),
        (releaser.update(1, devices=("another",)), OutcomeCode.WRONG_SCOPE),
        (by_another, OutcomeCode.UNKNOWN_KEY),
        (own[:-1] + b" ", OutcomeCode.FORGED),
        (own[:50], OutcomeCode.UNREADABLE),
        (lab.operator.notice(1), OutcomeCode.WRONG_KIND),
        (releaser.update(1, content=update_content(kind="urgent")), OutcomeCode.UNREADABLE),
    ):
        assert await lab.updates.take(document) is outcome
    lab.wall_s = after
    assert await lab.updates.take(own) is OutcomeCode.EXPIRED
    lab.wall_s, lab.synced = lab.releaser.at.timestamp() - 86_400, True
    assert await lab.updates.take(own) is OutcomeCode.NOT_YET_VALID
    await lab.start_again()
    assert lab.installer.heard == []


async def test_a_clock_in_the_past_that_nobody_keeps_right_keeps_no_update_out(lab: UpdateLab) -> None:
    lab.wall_s, lab.synced = 0.0, False
    assert await lab.updates.take(lab.releaser.update(1)) is OutcomeCode.TAKEN


async def test_the_operator_hears_once_of_each_step_and_of_nothing_after_the_last(lab: UpdateLab) -> None:
    document = lab.releaser.update(4)
    await lab.updates.take(document)
    steps = (OutcomeCode.POSTPONED, OutcomeCode.INSTALLED, OutcomeCode.WENT_BACK, OutcomeCode.APPLIED)
    for outcome in steps:
        await lab.updates.became(digest_of(document), outcome)
        await lab.start_again()
        await lab.updates.became(digest_of(document), outcome)
    await lab.updates.became(digest_of(document), OutcomeCode.NOT_NEWER)
    assert lab.reports == list(steps)
    assert await lab.updates.take(document) is OutcomeCode.APPLIED
    # Once when it was taken, and after each start until it was applied.
    assert len(lab.installer.heard) == 1 + len(steps) - 1


async def test_what_was_announced_by_a_key_that_counts_no_more_is_not_announced_again(lab: UpdateLab) -> None:
    await lab.updates.take(lab.releaser.update(4))
    lab.keys = ()
    await lab.start_again()
    assert len(lab.installer.heard) == 1


async def test_what_becomes_of_an_update_is_told_after_it_was_taken_however_quick_the_installer_is(
    lab: UpdateLab,
) -> None:
    updates = StoredUpdates(lab.store, lab.updates._register, lab.outbox.append_outcome)
    inbound = Inbound(lab.outbox, lab.consents, {DownTopic.UPDATE: updates}, lambda: lab.monotonic_s)
    document = lab.releaser.update(4)
    installing: list[asyncio.Task[None]] = []

    class Quick(Installer):
        async def announced(self, document: bytes, statement: Statement, content: UpdateContent) -> OutcomeCode:
            installing.append(asyncio.create_task(updates.became(digest_of(document), OutcomeCode.INSTALLED)))
            await lab.store.run(lambda _database: None)
            return await super().announced(document, statement, content)

    updates.port = Quick()
    await inbound.take(DownTopic.UPDATE, document)
    await asyncio.gather(*installing)
    said = [message.payload for message in await lab.outbox.next_batch(100) if message.topic == Topic.OUTCOME]
    assert [each["code"] for each in said] == ["taken", "installed"]
    assert await updates.take(document) is OutcomeCode.INSTALLED


async def test_nobody_has_to_listen(lab: UpdateLab) -> None:
    lab.updates.port = None
    assert await lab.updates.take(lab.releaser.update(4)) is OutcomeCode.TAKEN
    await lab.updates.announce_again()


async def test_what_the_installer_knows_at_once_is_what_the_operator_hears(lab: UpdateLab) -> None:
    updates = StoredUpdates(lab.store, lab.updates._register, lab.outbox.append_outcome)
    updates.port = lab.installer
    inbound = Inbound(lab.outbox, lab.consents, {DownTopic.UPDATE: updates}, lambda: lab.monotonic_s)
    document = lab.releaser.update(4)
    lab.installer.says = OutcomeCode.BY_PACKAGE
    await inbound.take(DownTopic.UPDATE, document)
    await updates.announce_again()
    assert await updates.take(document) is OutcomeCode.BY_PACKAGE
    lab.installer.says = OutcomeCode.TAKEN
    await updates.became(digest_of(document), OutcomeCode.INSTALLED)
    await updates.announce_again()
    said = [message.payload for message in await lab.outbox.next_batch(100) if message.topic == Topic.OUTCOME]
    assert [each["code"] for each in said] == ["by_package", "installed"]
    assert {each["message"] for each in said} == {digest_of(document)}
