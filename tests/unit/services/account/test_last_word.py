"""A reset has recipients told, whatever has become of the store; and not for ever, where nobody confirms."""

import json
from pathlib import Path
from typing import Any

import pytest

from contract.consent import Purpose
from contract.messages import ErasureMessage
from firmware.base.errors import StorageError
from firmware.phone.events import Event
from firmware.phone.news import Problem, ProblemRaised
from firmware.ports.outbox import OutboxMessage
from firmware.privacy.consent import LedgerAction
from firmware.services.account.factory_reset import begin_reset, finish_reset
from firmware.services.account.last_word import LAST_WORD_NAME, KnownRecipients, leave_word_of_reset, read_last_word
from firmware.services.account.outbox import CancellationOutbox
from firmware.services.account.tombstone import TOMBSTONE_NAME, UNTOLD_NAME, tell_untold
from provisioning.parsing import parse_configuration
from provisioning.schema import Configuration
from tests.lab.store import ONE_ACCOUNT, StoreLab

DAY_S = 86_400.0


def configuration(folder: Path) -> Configuration:
    (folder / "device.pem").write_text("the certificate")
    (folder / "device.key").write_text("the key")
    return parse_configuration(f"""{ONE_ACCOUNT}
[sync]
host = "broker.example.org"
certificate = "{folder}/device.pem"
key = "{folder}/device.key"
""")


@pytest.fixture
async def lab(lab: StoreLab) -> StoreLab:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.make_call()
    return lab


@pytest.fixture
def known(lab: StoreLab, tmp_path: Path) -> KnownRecipients:
    return KnownRecipients(lab.outbox, tmp_path, configuration(tmp_path), lab.shares.epochs)


async def leave(known: KnownRecipients) -> list[OutboxMessage]:
    batch = list(await known.next_batch(9))
    await known.hand_over([message.key for message in batch])
    await known.complete([message.key for message in batch])
    return batch


def reset(folder: Path) -> None:
    begin_reset(folder)
    assert finish_reset(folder, {})


def cancellation(lab: StoreLab, folder: Path, **more: Any) -> CancellationOutbox:
    return CancellationOutbox(folder, None, None, lambda: None, monotonic=lambda: lab.monotonic_s, **more)


async def said(cancellation: CancellationOutbox) -> list[OutboxMessage]:
    return list(await cancellation.next_batch(50))


async def test_it_stands_on_the_card_before_anything_leaves(
    lab: StoreLab, known: KnownRecipients, tmp_path: Path
) -> None:
    batch = await known.next_batch(9)
    assert not (tmp_path / LAST_WORD_NAME).exists()
    (tmp_path / f".{LAST_WORD_NAME}.new").mkdir()
    with pytest.raises(StorageError, match="nothing leaves"):
        await known.hand_over([message.key for message in batch])
    assert await lab.shares.listed(0, 9) == ()
    (tmp_path / f".{LAST_WORD_NAME}.new").rmdir()
    assert set(await known.hand_over([message.key for message in batch])) == {message.key for message in batch}
    word = read_last_word(tmp_path)
    assert word is not None
    assert word.epochs == (lab.store.epoch,)


async def test_runs_before_are_not_forgotten_whatever_the_store_forgets(
    lab: StoreLab, known: KnownRecipients, tmp_path: Path
) -> None:
    await leave(known)
    first = lab.store.epoch
    await lab.stop()
    await lab.start()
    await lab.make_call()
    again = KnownRecipients(lab.outbox, tmp_path, configuration(tmp_path), lab.shares.epochs)
    await leave(again)
    await lab.store.transact(lambda database: database.execute("DELETE FROM shares WHERE epoch = ?", first))
    await KnownRecipients(lab.outbox, tmp_path, configuration(tmp_path), lab.shares.epochs).settle()
    word = read_last_word(tmp_path)
    assert word is not None
    assert set(word.epochs) == {first, lab.store.epoch}


async def test_a_store_that_was_moved_away_leaves_the_word_and_another_broker_does_not(
    lab: StoreLab, known: KnownRecipients, tmp_path: Path
) -> None:
    async def nothing() -> tuple[int, ...]:
        return ()

    await leave(known)
    ours = configuration(tmp_path)
    await KnownRecipients(lab.outbox, tmp_path, ours, nothing).settle()
    word = read_last_word(tmp_path)
    assert word is not None
    assert word.epochs == (lab.store.epoch,)
    assert ours.sync is not None
    elsewhere = ours.model_copy(update={"sync": ours.sync.model_copy(update={"host": "other.example.org"})})
    await KnownRecipients(lab.outbox, tmp_path, elsewhere, nothing).settle()
    word = read_last_word(tmp_path)
    assert word is not None
    assert word.epochs == ()


async def test_it_holds_nothing_of_the_holder(known: KnownRecipients, tmp_path: Path) -> None:
    await leave(known)
    said = json.loads((tmp_path / LAST_WORD_NAME).read_text())
    assert set(said) == {"device", "fleet", "sync", "credential", "epochs"}
    assert "201" not in (tmp_path / LAST_WORD_NAME).read_text().replace(str(tmp_path), "")
    assert (tmp_path / LAST_WORD_NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["whole", "unreadable", "gone"])
async def test_a_reset_takes_back_every_run_whatever_has_become_of_the_store(
    lab: StoreLab, known: KnownRecipients, tmp_path: Path, damage: str
) -> None:
    await leave(known)
    epoch = lab.store.epoch
    await lab.stop()
    if damage == "unreadable":
        lab.path.write_bytes(b"noise")
    elif damage == "gone":
        lab.path.unlink()
    reset(tmp_path)
    assert not (tmp_path / LAST_WORD_NAME).exists()
    notice, clearing = await said(cancellation(lab, tmp_path))
    message = ErasureMessage.read(json.dumps(notice.payload))
    assert (message.device, message.reason, message.cancelled) == ("handset-7", "reset", False)
    [taken_back] = message.records
    assert (taken_back.epoch, taken_back.first, taken_back.last) == (epoch, 1, 2**53 - 1)
    assert message.epoch != epoch
    assert (clearing.topic, clearing.retain, clearing.payload) == ("consent", True, {})


async def test_of_many_runs_none_is_left_out(lab: StoreLab, known: KnownRecipients, tmp_path: Path) -> None:
    await leave(known)
    word = read_last_word(tmp_path)
    assert word is not None
    epochs = tuple(range(1000, 1120))
    (tmp_path / LAST_WORD_NAME).write_text(word.model_copy(update={"epochs": epochs}).model_dump_json())
    reset(tmp_path)
    *notices, clearing = await said(cancellation(lab, tmp_path))
    records = [each for notice in notices for each in notice.payload["records"]]  # type: ignore[attr-defined]
    assert [each["epoch"] for each in records] == list(epochs)
    assert len({message.key for message in (*notices, clearing)}) == 4


async def test_where_nothing_ever_left_nothing_is_said(lab: StoreLab, known: KnownRecipients, tmp_path: Path) -> None:
    await known.settle()
    reset(tmp_path)
    assert not (tmp_path / TOMBSTONE_NAME).exists()
    assert not (tmp_path / UNTOLD_NAME).exists()


async def test_a_word_that_makes_no_sense_is_said_to_have_told_nobody(lab: StoreLab, tmp_path: Path) -> None:
    (tmp_path / LAST_WORD_NAME).write_text('{"device": "handset-7", "epochs": "all"}')
    reset(tmp_path)
    assert not cancellation(lab, tmp_path).waits
    assert (tmp_path / UNTOLD_NAME).exists()


@pytest.mark.parametrize("text", ['{"device": "handset-7"}', "", "noise"])
async def test_a_tombstone_that_makes_no_sense_stands_in_nobodys_way(
    lab: StoreLab, known: KnownRecipients, tmp_path: Path, text: str
) -> None:
    await leave(known)
    (tmp_path / TOMBSTONE_NAME).write_text(text)
    assert not cancellation(lab, tmp_path).waits
    assert (tmp_path / UNTOLD_NAME).exists()
    (tmp_path / TOMBSTONE_NAME).write_text(text)
    reset(tmp_path)
    assert len(await said(cancellation(lab, tmp_path))) == 2


async def test_what_waits_for_a_holder_before_is_not_lost_by_another_reset(
    known: KnownRecipients, lab: StoreLab, tmp_path: Path
) -> None:
    await leave(known)
    reset(tmp_path)
    before = await said(cancellation(lab, tmp_path))
    reset(tmp_path)
    assert await said(cancellation(lab, tmp_path)) == before
    leave_word_of_reset(tmp_path)
    assert await said(cancellation(lab, tmp_path)) == before


@pytest.mark.parametrize("goes_first", [False, True], ids=["changed after the reset", "gone before it"])
async def test_the_old_credential_is_used_whatever_becomes_of_its_files(
    known: KnownRecipients, lab: StoreLab, tmp_path: Path, *, goes_first: bool
) -> None:
    await leave(known)
    if goes_first:
        (tmp_path / "device.key").unlink()
        (tmp_path / "device.pem").unlink()
    reset(tmp_path)
    (tmp_path / "device.key").write_text("another key")
    (tmp_path / "device.pem").unlink(missing_ok=True)
    settings = cancellation(lab, tmp_path).settings()
    assert settings is not None
    assert (settings.certificate_pem, settings.key_pem) == ("the certificate", "the key")
    assert settings.departing


async def left_for(lab: StoreLab, folder: Path, days: float, *, synced: bool) -> tuple[bool, list[Event]]:
    """Try so long, hour by hour or by the clock; return whether it still waits, and what the phone heard."""
    heard: list[Event] = []

    async def tell() -> None:
        await tell_untold(folder, lab.consents, heard.append)

    left = cancellation(lab, folder, on_untold=tell, wall=lambda: lab.wall_s if synced else None)
    await left.count()
    lab.pass_time(days * DAY_S)
    await left.count()
    return left.waits, heard


@pytest.mark.parametrize("synced", [True, False])
async def test_after_90_days_it_is_given_up_and_display_and_ledger_say_so(
    known: KnownRecipients, lab: StoreLab, tmp_path: Path, synced: bool
) -> None:
    await leave(known)
    leave_word_of_reset(tmp_path)
    assert await left_for(lab, tmp_path, 89.9, synced=synced) == (True, [])
    waits, heard = await left_for(lab, tmp_path, 0.2, synced=synced)
    assert not waits
    assert heard == [ProblemRaised(Problem.RECIPIENTS_UNTOLD)]
    assert not (tmp_path / TOMBSTONE_NAME).exists()
    assert not (tmp_path / UNTOLD_NAME).exists()
    entry = (await lab.consents.entries())[-1]
    assert (entry.action, entry.about) == (LedgerAction.RECIPIENT_SILENT, "last-holder")


async def test_a_handset_that_lay_in_a_drawer_for_90_days_tries_first(
    known: KnownRecipients, lab: StoreLab, tmp_path: Path
) -> None:
    await leave(known)
    leave_word_of_reset(tmp_path)
    assert await left_for(lab, tmp_path, 0, synced=True) == (True, [])
    lab.wall_s += 100 * DAY_S
    waits, heard = await left_for(lab, tmp_path, 0.9, synced=True)
    assert (waits, heard) == (True, [])
    assert await said(cancellation(lab, tmp_path))
    waits, heard = await left_for(lab, tmp_path, 0.2, synced=True)
    assert (waits, heard) == (False, [ProblemRaised(Problem.RECIPIENTS_UNTOLD)])


async def test_it_is_said_in_the_ledger_once_there_is_one(lab: StoreLab, tmp_path: Path) -> None:
    (tmp_path / UNTOLD_NAME).touch()
    heard: list[Event] = []
    await tell_untold(tmp_path, None, heard.append)
    assert (tmp_path / UNTOLD_NAME).exists()
    for _ in range(2):
        await tell_untold(tmp_path, lab.consents, heard.append)
    assert heard == [ProblemRaised(Problem.RECIPIENTS_UNTOLD)] * 2
    actions = [entry.action for entry in await lab.consents.entries()]
    assert actions.count(LedgerAction.RECIPIENT_SILENT) == 1
