from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.consent import Channel, Purpose
from firmware.base.errors import StorageError
from firmware.phone.requests.policies import (
    AcknowledgeNotice,
    ListPolicies,
    PolicyRead,
    PolicyRow,
    PolicyShown,
    PolicyState,
    ReadNotices,
    ReadPolicy,
)
from firmware.privacy.catalogue import built_in
from firmware.services.documents import DocumentErrands
from firmware.store.policies import BUILT_IN_VERSION
from tests.lab.documents import DAY_S, DocumentLab


class Desk:
    """A store with the firmware's own policy in force, and the errands about it."""

    def __init__(self, folder: Path) -> None:
        self.lab = DocumentLab(folder)
        self.language = "en"
        lab = self.lab
        self.handlers = DocumentErrands(lab.policies, lab.notices, lab.catalogues, lambda: self.language).handlers

    async def do(self, request: object) -> object:
        return await self.handlers[type(request)](request)  # type: ignore[index]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    await desk.lab.start()
    await desk.lab.policies.prepare()
    await desk.lab.policies.note_shown(BUILT_IN_VERSION)
    yield desk
    await desk.lab.stop()


async def test_the_newest_policy_is_read_in_the_displays_language_with_what_it_asks_again(desk: Desk) -> None:
    await desk.lab.policies.take(desk.lab.operator.policy(1, "shop-1", "recording"))
    unread = PolicyRow("shop-1", "2026-03-01", PolicyState.UNREAD)
    english = await desk.do(ReadPolicy())
    assert english == PolicyRead(unread, ("New rules.", "That is all."), ("Recording of calls",))
    desk.language = "zh"
    chinese = await desk.do(ReadPolicy())
    assert isinstance(chinese, PolicyRead)
    assert chinese.paragraphs == ("新规则。", "就这些。")


async def test_purposes_are_called_what_the_catalogue_in_force_calls_them(desk: Desk) -> None:
    said = built_in().model_dump(mode="json") | {"version": "shop-1"}
    recording = next(entry for entry in said["purposes"] if entry["id"] == Purpose.RECORDING)
    recording["name"] = {"en": "Tapes", "zh": "磁带"}
    await desk.lab.catalogues.admit(desk.lab.operator.catalogue(1, said), Channel.NETWORK)
    await desk.lab.policies.take(desk.lab.operator.policy(1, "shop-1", "recording"))
    read = await desk.do(ReadPolicy())
    assert isinstance(read, PolicyRead)
    assert read.asked_again == ("Tapes",)


async def test_reading_to_the_end_begins_the_days_and_the_list_says_how_many_are_left(desk: Desk) -> None:
    await desk.lab.policies.take(desk.lab.operator.policy(1, "shop-1"))
    read = await desk.do(PolicyShown("shop-1"))
    assert isinstance(read, PolicyRead)
    assert read.policy == PolicyRow("shop-1", "2026-03-01", PolicyState.WAITING, 7)
    desk.lab.pass_time(1.5 * DAY_S)
    await desk.lab.policies.count()
    assert await desk.do(ListPolicies()) == (
        PolicyRow("shop-1", "2026-03-01", PolicyState.WAITING, 6),
        PolicyRow(BUILT_IN_VERSION, BUILT_IN_VERSION, PolicyState.IN_FORCE),
    )


async def test_a_policy_that_counts_asks_nothing_again(desk: Desk) -> None:
    read = await desk.do(ReadPolicy(BUILT_IN_VERSION))
    assert isinstance(read, PolicyRead)
    assert read.asked_again == ()
    assert read.policy.state is PolicyState.IN_FORCE


async def test_a_policy_that_is_not_kept_cannot_be_read(desk: Desk) -> None:
    with pytest.raises(StorageError, match="not kept"):
        await desk.do(ReadPolicy("never heard of"))


async def test_notices_are_read_and_acknowledged(desk: Desk) -> None:
    await desk.lab.notices.take(desk.lab.operator.notice(1))
    read = await desk.do(ReadNotices())
    assert isinstance(read, tuple)
    [row] = read
    assert (row.title, row.paragraphs, row.date) == ("Leak", ("A list was lost.",), "2026-03-01")
    assert (row.incident, row.acknowledged) == (True, False)
    desk.language = "zh"
    after = await desk.do(AcknowledgeNotice(1))
    assert isinstance(after, tuple)
    assert [(row.title, row.acknowledged) for row in after] == [("泄露", True)]
