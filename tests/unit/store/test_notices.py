import pytest

from contract.consent import Actor, Channel, Purpose
from contract.results import OutcomeCode
from firmware.privacy.consent import LedgerAction
from tests.lab.documents import DocumentLab


@pytest.fixture
def lab_class() -> type[DocumentLab]:
    return DocumentLab


async def shown(lab: DocumentLab) -> dict[str, bool]:
    """Return the titles of what may be shown, newest first, and whether it was read."""
    return {notice.said.title.en: notice.acknowledged for notice in await lab.notices.to_show()}


async def test_an_incident_is_shown_without_consent_until_it_is_acknowledged_and_then_kept(lab: DocumentLab) -> None:
    assert await lab.notices.take(lab.operator.notice(1)) is OutcomeCode.TAKEN
    await lab.restart()
    assert await shown(lab) == {"Leak": False}
    await lab.notices.acknowledge(1)
    await lab.restart()
    assert await shown(lab) == {"Leak": True}
    [entry] = await lab.consents.entries()
    assert (entry.action, entry.about, entry.actor, entry.channel) == (
        LedgerAction.NOTICE_ACKNOWLEDGED, "1", Actor.HOLDER, Channel.KEYPAD,
    )  # fmt: skip
    assert lab.reports == [OutcomeCode.ACKNOWLEDGED]


async def test_news_are_shown_only_while_the_holder_agrees_to_them(lab: DocumentLab) -> None:
    news = lab.operator.notice(1, incident=False, title="News")
    assert await lab.notices.take(news) is OutcomeCode.NOT_GRANTED
    assert await shown(lab) == {}
    await lab.consents.grant(Purpose.OPERATOR_NOTICES)
    assert await shown(lab) == {"News": False}
    assert await lab.notices.take(news) is OutcomeCode.TAKEN
    assert await shown(lab) == {"News": False}
    await lab.notices.take(lab.operator.notice(2))
    await lab.consents.withdraw(Purpose.OPERATOR_NOTICES)
    assert await shown(lab) == {"Leak": False}


async def test_a_notice_that_was_acknowledged_does_not_come_back(lab: DocumentLab) -> None:
    document = lab.operator.notice(1)
    await lab.notices.take(document)
    await lab.notices.acknowledge(1)
    assert await lab.notices.take(document) is OutcomeCode.TAKEN
    assert await shown(lab) == {"Leak": True}


async def test_acknowledging_twice_is_one_entry(lab: DocumentLab) -> None:
    await lab.notices.take(lab.operator.notice(1))
    await lab.notices.acknowledge(1)
    await lab.notices.acknowledge(1)
    await lab.notices.acknowledge(77)
    assert len(await lab.consents.entries()) == 1


async def test_old_replayed_and_foreign_notices_are_refused(lab: DocumentLab) -> None:
    first = lab.operator.notice(1)
    await lab.notices.take(first)
    await lab.notices.take(lab.operator.notice(2, title="Second"))
    assert await lab.notices.take(first) is OutcomeCode.REPLAYED
    assert await lab.notices.take(lab.operator.notice(1, title="Other")) is OutcomeCode.OLD
    assert await lab.notices.take(lab.operator.notice(3, devices=("desk-1",))) is OutcomeCode.WRONG_SCOPE
    assert await lab.notices.take(lab.operator.policy(3, "shop-3")) is OutcomeCode.WRONG_KIND
    assert list(await shown(lab)) == ["Second", "Leak"]


async def test_policies_and_notices_are_numbered_each_for_themselves(lab: DocumentLab) -> None:
    assert await lab.policies.take(lab.operator.policy(7, "shop-7")) is OutcomeCode.TAKEN
    assert await lab.notices.take(lab.operator.notice(1)) is OutcomeCode.TAKEN


async def test_of_very_many_the_oldest_that_were_read_go_and_none_of_them_is_taken_again(lab: DocumentLab) -> None:
    documents = [lab.operator.notice(number, title=f"Notice {number}") for number in range(1, 104)]
    for number, document in enumerate(documents, start=1):
        await lab.notices.take(document)
        if number != 2:
            await lab.notices.acknowledge(number)
    titles = await shown(lab)
    assert "Notice 1" not in titles
    assert "Notice 2" in titles
    assert await lab.notices.take(documents[0]) is OutcomeCode.REPLAYED
