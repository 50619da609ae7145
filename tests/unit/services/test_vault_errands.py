import asyncio
import os
from pathlib import Path
from typing import cast

import pytest
from PIL import Image

from contract.consent import Actor, Channel, Purpose
from firmware.app.admin.reset import Guarding, ResetAnswer, ResetRole
from firmware.base.errors import ControlError, NotGrantedError, StorageError
from firmware.base.words import Word
from firmware.configuration.loading import LoadedConfiguration
from firmware.control.admin_requests import ResetRequest
from firmware.phone.call import RegistrationState
from firmware.phone.my_data import DataCategory
from firmware.phone.news import RegistrationChanged
from firmware.phone.pin import PinSlot, Right
from firmware.phone.request import Outcome, Progressed
from firmware.phone.requests.handset import FactoryReset, FactsKind, ReadFacts
from firmware.phone.requests.pictures import DeletePicture, FolderJob, ListPictures, RunFolderJob
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked, SetPin
from firmware.phone.requests.rights import ProveHolder
from firmware.pictures.pixels import Pixels
from firmware.privacy.consent import LedgerAction
from firmware.services import exchange
from firmware.services.account.factory_reset import MARKER_NAME, Resetting
from firmware.services.doctor.findings import Condition
from firmware.services.facts import FactsErrands
from firmware.services.folder import FolderErrands, Progress
from firmware.services.import_gate import ImportGate
from firmware.services.photos import NOT_A_PICTURE
from firmware.services.picture_cache import PictureCache
from firmware.services.pictures import PictureErrands
from firmware.services.pin import PinErrands
from firmware.services.proofs import Proofs
from firmware.services.reset import ResetErrands
from firmware.settings.phone import Identity
from firmware.store.errors import ErasedMeanwhileError
from firmware.store.guardian_mark import GuardianMark
from firmware.store.pictures import StoredPicture
from tests.lab.small_disk import read_only
from tests.lab.store import StoreLab, erase_after_each


@pytest.fixture
async def gate(lab: StoreLab) -> ImportGate:
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    return ImportGate(lambda: lab.consents)


@pytest.mark.usefixtures("quick_pins")
async def test_a_pin_is_set_checked_and_taken_away(lab: StoreLab) -> None:
    posted: list[object] = []
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents, posted.append).handlers
    await handlers[SetPin](SetPin("2580"))
    assert posted == [PinChanged(is_set=True)]
    assert await handlers[CheckPin](CheckPin("2580")) == PinChecked(accepted=True)
    assert await handlers[CheckPin](CheckPin("1")) == PinChecked(accepted=False)
    await handlers[CheckPin](CheckPin("2580"))
    await handlers[SetPin](SetPin(""))
    assert posted[1:] == [PinChanged(is_set=False)]


@pytest.mark.usefixtures("quick_pins")
@pytest.mark.parametrize("slot", PinSlot)
@pytest.mark.parametrize("new", ["1379", ""])
async def test_a_pin_that_is_set_changes_only_right_after_it_was_typed_and_once(
    lab: StoreLab, slot: PinSlot, new: str
) -> None:
    now_s = 1000.0
    posted: list[object] = []
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents, posted.append, clock=lambda: now_s).handlers
    await handlers[SetPin](SetPin("2580", slot))
    other = next(each for each in PinSlot if each is not slot)

    async def is_refused() -> None:
        with pytest.raises(StorageError, match="not typed just now"):
            await handlers[SetPin](SetPin(new, slot))
        assert await handlers[CheckPin](CheckPin("2580", slot)) == PinChecked(accepted=True), "it is the old one"

    # A phone that has just started: the menu may not know yet that there is a PIN.
    await is_refused()
    now_s += 301
    await is_refused()
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents, posted.append, clock=lambda: now_s).handlers
    await handlers[CheckPin](CheckPin("0000", slot))
    await handlers[CheckPin](CheckPin("2580", other))
    await is_refused()
    await handlers[SetPin](SetPin("4682", slot))
    assert posted == [PinChanged(is_set=True, slot=slot)] * 2
    with pytest.raises(StorageError, match="not typed just now"):
        await handlers[SetPin](SetPin(new, slot))


@pytest.mark.usefixtures("quick_pins")
@pytest.mark.parametrize(("age_band", "goes"), [("under_14", False), ("14_to_17", True), ("adult", True)])
async def test_the_guardians_pin_goes_without_being_typed_once_the_ledger_says_that_no_guardian_answers(
    lab: StoreLab, age_band: str, goes: bool
) -> None:
    posted: list[object] = []
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents, posted.append).handlers
    await handlers[SetPin](SetPin("8020", PinSlot.GUARDIAN))
    await lab.consents.append(LedgerAction.ACTIVATE, age_band, Actor.GUARDIAN, Channel.KEYPAD)
    with pytest.raises(StorageError, match="not typed just now"):
        await handlers[SetPin](SetPin("2580", PinSlot.GUARDIAN))
    if goes:
        await handlers[SetPin](SetPin("", PinSlot.GUARDIAN))
        assert posted[1:] == [PinChanged(False, PinSlot.GUARDIAN)]
    else:
        with pytest.raises(StorageError, match="not typed just now"):
            await handlers[SetPin](SetPin("", PinSlot.GUARDIAN))
    assert await lab.guardian_pin.is_set() is not goes


async def test_the_pictures_of_the_folder_are_imported_and_what_is_none_is_said(
    lab: StoreLab, gate: ImportGate, tmp_path: Path
) -> None:
    folder = tmp_path / "exchange"
    folder.mkdir()
    Image.new("RGB", (640, 480)).save(folder / "Garden.png")
    Image.new("RGB", (640, 480)).save(folder / "Holiday.jpg")
    (folder / "broken.webp").write_bytes(b"RIFF")
    (folder / "letter.txt").write_text("not for us", encoding="ascii")
    errands = PictureErrands(lab.pictures, gate, lambda: None)
    posted: list[Progressed] = []
    files = FolderErrands(folder, {FolderJob.IMPORT_PICTURES: errands.import_from}, posted.append)
    finished = await files.handlers[RunFolderJob](RunFolderJob(FolderJob.IMPORT_PICTURES))
    assert isinstance(finished, Outcome)
    assert not finished.done
    assert NOT_A_PICTURE in dict(cast("Word", finished.words).values).values()
    assert [progress.percent for progress in posted if isinstance(progress, Progressed)] == [0, 33, 66]
    listed = await errands.handlers[ListPictures](ListPictures())
    assert isinstance(listed, tuple)
    assert [name for _, name in listed] == ["Garden", "Holiday"]


async def test_a_picture_whose_file_s_name_is_no_text_or_hides_something_gets_one_that_can_be_read(
    lab: StoreLab, gate: ImportGate, tmp_path: Path
) -> None:
    for name in (b"\xff\xfe.png", "\u202eHoli\u200bday.png".encode()):
        Image.new("RGB", (9, 9)).save(tmp_path / os.fsdecode(name), "PNG")
    errands = PictureErrands(lab.pictures, gate, lambda: None)
    outcome = await errands.import_from(tmp_path, lambda _percent: None)
    assert outcome.done
    assert sorted(kept.name for kept in await lab.pictures.list()) == ["Holiday", "png"]


async def test_an_empty_folder_and_one_that_is_missing_say_so(lab: StoreLab, gate: ImportGate, tmp_path: Path) -> None:
    files = FolderErrands(
        tmp_path / "missing",
        {FolderJob.IMPORT_PICTURES: PictureErrands(lab.pictures, gate, lambda: None).import_from},
        lambda _: None,
    )
    finished = await files.handlers[RunFolderJob](RunFolderJob(FolderJob.IMPORT_PICTURES))
    assert finished == Outcome(False, Word("There are no pictures in the folder."))
    other = await files.handlers[RunFolderJob](RunFolderJob(FolderJob.IMPORT_CONTACTS))
    assert isinstance(other, Outcome)
    assert not other.done


async def test_who_asks_for_a_job_that_is_being_done_hears_of_that_one_and_another_job_waits(tmp_path: Path) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    done: list[FolderJob] = []

    async def imports(_folder: Path, progress: Progress) -> Outcome:
        progress(40)
        progress(40)
        begun.set()
        await may_end.wait()
        done.append(FolderJob.IMPORT_CONTACTS)
        return Outcome(True, "imported")

    async def pictures(_folder: Path, _progress: Progress) -> Outcome:
        done.append(FolderJob.IMPORT_PICTURES)
        return Outcome(True, "pictures")

    posted: list[Progressed] = []
    told_twice = asyncio.Event()

    def post(progress: Progressed) -> None:
        posted.append(progress)
        if [each.percent for each in posted].count(40) > 1:
            told_twice.set()

    jobs = {FolderJob.IMPORT_CONTACTS: imports, FolderJob.IMPORT_PICTURES: pictures}
    run = FolderErrands(tmp_path, jobs, post).handlers[RunFolderJob]
    async with asyncio.timeout(10):
        importing = asyncio.ensure_future(run(RunFolderJob(FolderJob.IMPORT_CONTACTS)))
        await begun.wait()
        importing_pictures = asyncio.ensure_future(run(RunFolderJob(FolderJob.IMPORT_PICTURES)))
        again = asyncio.ensure_future(run(RunFolderJob(FolderJob.IMPORT_CONTACTS)))
        await told_twice.wait()
        assert done == []
        may_end.set()
        assert await importing == await again == Outcome(True, "imported")
        assert await importing_pictures == Outcome(True, "pictures")
    assert done == [FolderJob.IMPORT_CONTACTS, FolderJob.IMPORT_PICTURES]
    told = [each.percent for each in posted if each.request == RunFolderJob(FolderJob.IMPORT_CONTACTS)]
    assert told == [0, 40, 40]


async def test_a_picture_that_was_deleted_is_loaded_anew(lab: StoreLab, gate: ImportGate) -> None:
    changes: list[None] = []
    kept = await lab.pictures.add("Holiday", Pixels(1, 1, bytes(3)))
    errands = PictureErrands(lab.pictures, gate, lambda: changes.append(None))
    await errands.handlers[DeletePicture](DeletePicture(kept.picture))
    assert await errands.handlers[ListPictures](ListPictures()) == ()
    assert changes == [None]


async def test_a_picture_is_at_hand_once_it_was_loaded_and_the_display_never_waits(lab: StoreLab) -> None:
    loaded = asyncio.Event()
    cache = PictureCache(lab.pictures.read, loaded.set, asyncio.get_running_loop())
    kept = await lab.pictures.add("Holiday", Pixels(4, 2, b"\x01\x02\x03" * 8))
    assert await asyncio.to_thread(cache.picture, kept.picture, 3, 2) is None
    await asyncio.wait_for(loaded.wait(), 5)
    assert cache.picture(kept.picture, 3, 2) == b"\x01\x02\x03" * 6
    cache.forget()
    assert cache.picture(kept.picture, 3, 2) is None


async def test_one_that_is_gone_stays_away_without_painting_for_ever(lab: StoreLab) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def load(name: str) -> Pixels | None:
        asked.put_nowait(name)
        return await lab.pictures.read(name)

    cache = PictureCache(load, lambda: pytest.fail("painted for nothing"), asyncio.get_running_loop())
    for _ in range(3):
        assert cache.picture("gone", 3, 2) is None
    assert await asyncio.wait_for(asked.get(), 5) == "gone"
    await asyncio.gather(*cache._tasks)
    assert cache.picture("gone", 3, 2) is None
    assert asked.empty()


async def test_a_reset_leaves_its_marker_and_starts_the_handset_anew(tmp_path: Path) -> None:
    anew: list[bool] = []
    resetting = Resetting(tmp_path, None, lambda: anew.append((tmp_path / MARKER_NAME).exists()))
    handlers = ResetErrands(resetting, None).handlers
    await handlers[FactoryReset](FactoryReset())
    assert anew == [True], "the handset would have started anew without knowing why"


class Phone:
    """One that may have been reset, with a holder's PIN and a guardian's where they are given."""

    def __init__(self, lab: StoreLab, folder: Path) -> None:
        self.lab = lab
        self.marker = folder / MARKER_NAME
        pins = {PinSlot.HOLDER: lab.pin, PinSlot.GUARDIAN: lab.guardian_pin}
        self.proofs = Proofs(pins, lab.requests)
        self.resetting = Resetting(folder, lab.consents, lambda: None)
        self.handlers = ResetErrands(self.resetting, self.proofs).handlers
        guarding = Guarding({Actor.HOLDER: lab.pin, Actor.GUARDIAN: lab.guardian_pin}, lab.requests)
        self.command = ResetRole(self.resetting, lambda: guarding, GuardianMark(folder)).handlers["reset"]

    async def reset(self) -> None:
        await self.handlers[FactoryReset](FactoryReset())

    async def entries(self) -> list[tuple[str, str, str | None]]:
        return [(entry.action, entry.about, entry.actor) for entry in await self.lab.consents.entries()]


@pytest.fixture
async def owned(lab: StoreLab, tmp_path: Path, quick_pins: None) -> Phone:
    await lab.pin.set("2580")
    return Phone(lab, tmp_path)


async def test_a_reset_takes_the_pin_that_is_set_and_stands_in_the_ledger(owned: Phone) -> None:
    with pytest.raises(StorageError, match="PIN was not typed"):
        await owned.reset()
    assert not owned.marker.exists()
    await owned.proofs.prove(ProveHolder(Right.RESET, "2580"))
    await owned.reset()
    assert owned.marker.exists()
    assert await owned.entries() == [("deactivate", "reset", "holder")]


async def test_under_14_the_holders_pin_resets_nothing(owned: Phone) -> None:
    await owned.lab.guardian_pin.set("8020")
    await owned.proofs.prove(ProveHolder(Right.RESET, "2580"))
    with pytest.raises(StorageError, match="guardian's PIN"):
        await owned.reset()
    assert not owned.marker.exists()
    await owned.proofs.prove(ProveHolder(Right.RESET, "8020", PinSlot.GUARDIAN))
    await owned.reset()
    assert owned.marker.exists()
    assert await owned.entries() == [("deactivate", "reset", "guardian")]


async def test_where_the_store_cannot_be_read_the_menu_resets_nothing_and_the_command_does(owned: Phone) -> None:
    await owned.lab.store.stop()
    with pytest.raises(StorageError):
        await owned.reset()
    assert not owned.marker.exists()
    assert await owned.command(ResetRequest()) == ResetAnswer(needs_guardian=False)
    assert owned.marker.exists()


async def test_the_command_asks_a_guardian_and_no_other_pin_will_do(owned: Phone) -> None:
    await owned.lab.guardian_pin.set("8020")
    assert await owned.command(ResetRequest()) == ResetAnswer(needs_guardian=True)
    with pytest.raises(ControlError, match="not the guardian's PIN; nothing was erased"):
        await owned.command(ResetRequest(pin="2580"))
    assert not owned.marker.exists()
    await owned.command(ResetRequest(pin="8020"))
    assert owned.marker.exists()
    assert await owned.entries() == [("check_failed", "reset", "guardian"), ("deactivate", "reset", "guardian")]


async def test_the_command_needs_no_pin_of_a_holder_who_may_have_forgotten_it(owned: Phone) -> None:
    assert await owned.command(ResetRequest()) == ResetAnswer(needs_guardian=False)
    assert owned.marker.exists()


async def condition() -> Condition:
    return Condition(
        LoadedConfiguration(None, ("There is no configuration at all.",)),
        RegistrationChanged(RegistrationState.UNREGISTERED),
        sip_build="2.15.1 with TLS",
    )


@pytest.mark.parametrize("kind", list(FactsKind))
async def test_facts_are_pairs_that_a_page_can_show(kind: FactsKind, tmp_path: Path) -> None:
    identity = Identity("handset-7", "default", (("Office", "sip.example.org:5061"),))
    errands = FactsErrands(identity, tmp_path, condition, lambda: ((Word("Bundle"), "12"),))
    read = await errands.handlers[ReadFacts](ReadFacts(kind))
    assert isinstance(read, tuple)
    assert all(value for _, value in read)
    texts = {value for _, value in read}
    expected = {
        FactsKind.NETWORK: "sip.example.org:5061",
        FactsKind.ABOUT: "handset-7",
        FactsKind.LICENCES: "GPL-3.0-or-later",
        FactsKind.DIAGNOSTICS: Word("works"),
        FactsKind.EGRESS: Word("the other number"),
        FactsKind.SET_UP: "12",
    }
    assert expected[kind] in texts


async def test_every_part_that_is_diagnosed_has_a_name_in_the_displays_language(tmp_path: Path) -> None:
    errands = FactsErrands(Identity(), tmp_path, condition)
    read = await errands.handlers[ReadFacts](ReadFacts(FactsKind.DIAGNOSTICS))
    assert isinstance(read, tuple)
    assert [label for label, _ in read if not isinstance(label, Word)] == []


async def test_diagnostics_say_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    errands = FactsErrands(Identity(), tmp_path, condition)
    read = await errands.handlers[ReadFacts](ReadFacts(FactsKind.DIAGNOSTICS))
    assert isinstance(read, tuple)
    [(_, words)] = [fact for fact in read if fact[0] == Word("Configuration")]
    assert isinstance(words, Word)
    assert "no configuration at all. Correct it" in str(dict(words.values)["detail"])


async def test_where_files_of_the_last_holder_could_not_be_deleted_nothing_is_imported(
    lab: StoreLab, gate: ImportGate, tmp_path: Path
) -> None:
    folder = tmp_path / "exchange"
    (folder / "stays.png").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(folder / "stays.png/Garden.png")
    errands = PictureErrands(lab.pictures, gate, lambda: None)
    files = FolderErrands(folder, {FolderJob.IMPORT_PICTURES: errands.import_from}, lambda _: None)
    with read_only(folder / "stays.png"):
        exchange.forget_all(folder)
        Image.new("RGB", (9, 9)).save(folder / "Holiday.png")
        finished = await files.handlers[RunFolderJob](RunFolderJob(FolderJob.IMPORT_PICTURES))
    assert finished == Outcome(
        False,
        Word("Files of the last holder are in the folder. Ask your installer to delete them."),
    )
    assert not await lab.pictures.list()
    exchange.forget_left(folder)
    Image.new("RGB", (9, 9)).save(folder / "Holiday.png")
    finished = await files.handlers[RunFolderJob](RunFolderJob(FolderJob.IMPORT_PICTURES))
    assert isinstance(finished, Outcome)
    assert finished.done


async def test_without_the_holder_s_yes_no_picture_is_taken_in_and_the_display_says_how_to_agree(
    lab: StoreLab, tmp_path: Path
) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "Garden.png")
    errands = PictureErrands(lab.pictures, ImportGate(lambda: lab.consents), lambda: None)
    files = FolderErrands(tmp_path, {FolderJob.IMPORT_PICTURES: errands.import_from}, lambda _: None)
    finished = await files.handlers[RunFolderJob](RunFolderJob(FolderJob.IMPORT_PICTURES))
    assert finished == Outcome(False, Word("You have not agreed to imports. Agree first: Menu, Privacy."))
    assert not await lab.pictures.list()


async def test_a_withdrawal_ends_an_import_of_pictures_that_is_under_way(
    lab: StoreLab, gate: ImportGate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = lab.pictures.add

    async def add_and_withdraw(name: str, pixels: Pixels, *, since: int | None) -> StoredPicture:
        kept = await add(name, pixels, since=since)
        await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
        return kept

    monkeypatch.setattr(lab.pictures, "add", add_and_withdraw)
    for name in ("Garden.png", "Holiday.png"):
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    with pytest.raises(NotGrantedError):
        await PictureErrands(lab.pictures, gate, lambda: None).import_from(tmp_path, lambda _percent: None)
    assert [kept.name for kept in await lab.pictures.list()] == ["Garden"]


async def test_an_erasure_ends_an_import_of_pictures_that_is_under_way(
    lab: StoreLab, gate: ImportGate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_after_each(lab, DataCategory.PICTURES, lab.pictures, "add", monkeypatch)
    for name in ("Garden.png", "Holiday.png"):
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    with pytest.raises(ErasedMeanwhileError):
        await PictureErrands(lab.pictures, gate, lambda: None).import_from(tmp_path, lambda _percent: None)
    assert await lab.pictures.list() == ()
