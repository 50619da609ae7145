from pathlib import Path

import pytest

from contract.calls import CallDirection
from contract.consent import Actor, Channel, Purpose, RequestKind, RequestState
from contract.messages import ErasureReason, Topic
from firmware.phone.call import CallerId, CallId, TextMessage
from firmware.phone.my_data import DataCategory
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingId
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.privacy.consent import LedgerAction
from firmware.store.erasure import ERASABLE
from tests.lab.store import StoreLab


async def record(lab: StoreLab) -> RecordingId:
    recording_id, writer = await lab.recordings.begin(CallId("c" * 32), "+861012345678", "Anna", SoundFormat.FLAC)
    writer.write(b"head", 0)
    writer.write(b"a second of sound", SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    return recording_id


@pytest.fixture
async def lab(lab: StoreLab, quick_pins: None) -> StoreLab:
    """A store with something of each kind in it, of which records have left."""
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.RECORDING)
    await lab.add_contact("Anna", ["1001", "1002"])
    await lab.make_call()
    batch = await lab.outbox.next_batch(9)
    await lab.outbox.hand_over([message.key for message in batch])
    await lab.outbox.complete([message.key for message in batch])
    await lab.messages.keep(TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1001", "Ann"), "noon"))
    await lab.preferences.save(Preferences())
    await lab.pin.set("4711")
    await lab.pictures.add("cat", Pixels(1, 1, bytes(3)))
    await lab.requests.file(RequestKind.ACCESS, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await lab.requests.close(1, RequestState.ANSWERED, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await lab.requests.file(RequestKind.COMPLAINT, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await record(lab)
    return lab


async def erase(lab: StoreLab, *categories: DataCategory) -> tuple[int, int]:
    erased = await lab.erasure.erase(categories, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    return erased.count, erased.notices


@pytest.mark.parametrize("category", [each for each in ERASABLE if each is not DataCategory.NOTICES])
async def test_a_category_that_is_erased_is_gone_and_all_others_are_as_they_were(
    lab: StoreLab, category: DataCategory
) -> None:
    before = await lab.my_data.counts()
    count, _ = await erase(lab, category)
    after = await lab.my_data.counts()
    assert count == 1 or category is DataCategory.SHARES
    changed = {each for each in DataCategory if before[each] != after[each]}
    assert changed == {category, DataCategory.CONSENTS} or category is DataCategory.SHARES
    newest = (await lab.consents.entries())[-1]
    assert (newest.action, newest.about, newest.actor) == (LedgerAction.ERASE, category.value, Actor.HOLDER)


@pytest.mark.parametrize("category", [DataCategory.CONTACTS, DataCategory.MESSAGES])
async def test_with_names_and_messages_goes_which_characters_they_were_written_in(
    lab: StoreLab, category: DataCategory
) -> None:
    await lab.preferences.save(Preferences(large_text=True, written=(("94264", "张"),)))
    await erase(lab, DataCategory.CALLS)
    assert await lab.preferences.load() == Preferences(large_text=True, written=(("94264", "张"),))
    await erase(lab, category)
    assert await lab.preferences.load() == Preferences(large_text=True)


async def test_keys_and_files_of_recordings_and_pictures_are_gone_for_good(lab: StoreLab, tmp_path: Path) -> None:
    await erase(lab, DataCategory.RECORDINGS, DataCategory.PICTURES)
    assert not list((tmp_path / "recordings").iterdir())
    assert not list((tmp_path / "pictures").iterdir())


async def test_recipients_are_told_to_forget_calls_that_are_erased(lab: StoreLab) -> None:
    assert await erase(lab, DataCategory.CALLS) == (1, 1)
    [notice] = [each for each in await lab.outbox.next_batch(9) if each.topic == Topic.ERASURE]
    assert notice.payload["reason"] == ErasureReason.ERASED


async def test_a_request_that_waits_for_the_operator_stays(lab: StoreLab) -> None:
    await erase(lab, DataCategory.REQUESTS)
    assert [request.kind for request in await lab.requests.listed()] == [RequestKind.COMPLAINT]


async def test_everything_can_be_erased_at_once_but_what_proves_it(lab: StoreLab) -> None:
    await erase(lab, *DataCategory)
    left = {category for category, count in (await lab.my_data.counts()).items() if count}
    assert left == {
        DataCategory.ACCOUNT, DataCategory.CONSENTS, DataCategory.PIN, DataCategory.REQUESTS, DataCategory.SHARES,
    }  # fmt: skip
    assert (await lab.consents.state()).intact


async def test_what_was_erased_is_not_in_the_stores_write_ahead_log_either(lab: StoreLab, tmp_path: Path) -> None:
    checkpoints: list[int] = []
    original = lab.pictures.delete_files

    async def noted(pictures: tuple[str, ...]) -> None:
        checkpoints.append((tmp_path / "store.db-wal").stat().st_size)
        await original(pictures)

    lab.pictures.delete_files = noted  # type: ignore[assignment,method-assign]
    await erase(lab, DataCategory.CONTACTS)
    assert checkpoints == [0]
