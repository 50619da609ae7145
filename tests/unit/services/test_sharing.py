from contract.consent import Purpose
from contract.messages import RecordRange, Topic
from firmware.phone.menu.sharing import KINDS
from firmware.phone.request import Stretch
from firmware.phone.requests.shares import ReadShares, SharedRow
from firmware.services.sharing import SharingErrands
from tests.lab.store import StoreLab


async def read(lab: StoreLab, language: str, first: int = 0) -> Stretch[SharedRow]:
    handler = SharingErrands(lab.shares, lambda: language).handlers[ReadShares]
    answer = await handler(ReadShares(first, 10))
    assert isinstance(answer, Stretch)
    return answer


async def test_who_confirmed_it_is_read_too(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    for collector in ("collector-2", "collector-1", "collector-1"):
        await lab.make_call()
        *_, key = [message.key for message in await lab.outbox.next_batch(10)]
        await lab.outbox.hand_over([key])
        await lab.outbox.confirm(collector, [RecordRange(epoch=key.epoch, first=key.seq, last=key.seq)])
    [row] = [row for row in (await read(lab, "en")).items if row.kind is Topic.CDR]
    assert (row.confirmed, row.confirmed_by) == (3, "collector-1, collector-2")


async def test_what_left_is_read_with_its_day_in_the_displays_language(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call()
    keys = [message.key for message in await lab.outbox.next_batch(10)]
    await lab.outbox.hand_over(keys)
    await lab.outbox.complete(keys[:1])
    name = "broker.example.org"
    assert await read(lab, "en") == Stretch(
        0,
        2,
        (
            SharedRow(name, Topic.CDR, "1 Mar", 1, 0),
            SharedRow(name, Topic.CONSENT, "1 Mar", 1, 1),
        ),
    )
    assert [row.day for row in (await read(lab, "zh", first=1)).items] == ["3月1日"]


def test_every_topic_that_is_handed_over_has_a_kind() -> None:
    assert set(KINDS) == {topic for topic in Topic if topic is not Topic.STATUS}
