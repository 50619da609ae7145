import asyncio
import base64
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contract.consent import Purpose
from firmware.base.errors import NotGrantedError, StorageError
from firmware.base.words import Text, Word
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.phone.events import BlockedContactsLoaded
from firmware.phone.my_data import DataCategory
from firmware.phone.request import Outcome
from firmware.phone.requests.pictures import FolderJob, RunFolderJob
from firmware.pictures.pixels import Pixels
from firmware.services import contact_files
from firmware.services.contact_files import EXPORT_NAME, ContactFiles
from firmware.services.exports import Export
from firmware.services.folder import FolderErrands
from firmware.services.import_gate import ImportGate
from firmware.services.photos import ContactPhotos
from firmware.store import contact_merge
from firmware.store.contact_merge import Merged
from firmware.vcard.lines import MAX_LINE_BYTES
from firmware.vcard.properties import Card
from tests.lab.measured import RecordProperty, assert_within
from tests.lab.store import StoreLab, erase_after_each

LINE = '{"cards": [], "broken": [], "cut": 0, "photos_left_out": 0}'
SAMPLES = Path(__file__).parents[1] / "vcard" / "samples"


def card(name: str, *numbers: str) -> str:
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"FN:{name}", *(f"TEL:{n}" for n in numbers), "END:VCARD", ""])


def said(text: Text) -> str:
    """Return what is read in English."""
    if not isinstance(text, Word):
        return text
    values = {name: value if isinstance(value, int) else said(value) for name, value in text.values}
    return (text.many if text.many and values["count"] != 1 else text.text).format(**values)


class Files:
    def __init__(self, lab: StoreLab, folder: Path) -> None:
        self.folder = folder
        self.percents: list[int] = []
        self.files = ContactFiles(
            lab.contacts, ContactPhotos(lab.pictures), ImportGate(lambda: lab.consents), lambda _event: None
        )

    async def take_in(self) -> Outcome:
        return await self.files.import_from(self.folder, self.percents.append)

    async def write_out(self) -> tuple[int, str]:
        """Export all; return how many there were, and the cards."""
        file = Export(self.folder)
        count = await self.files.export(file, self.percents.append)
        cards = file.read(0, 1 << 20).decode()
        file.close()
        return count, cards


@pytest.fixture
async def files(lab: StoreLab, tmp_path: Path) -> Files:
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    folder = tmp_path / "exchange"
    folder.mkdir()
    return Files(lab, folder)


async def test_every_file_of_the_folder_is_imported_and_once_more_changes_nothing(lab: StoreLab, files: Files) -> None:
    (files.folder / "a.vcf").write_text(card("Ann", "1001") + card("Bo", "1002"))
    (files.folder / "b.VCF").write_text(card("Ann", "1001", "1003"))
    (files.folder / "c.txt").write_text(card("Cy", "1004"))
    outcome = await files.take_in()
    assert (outcome.done, said(outcome.words)) == (True, "2 contacts added. 1 was completed.")
    assert files.percents == sorted(files.percents)
    before = await lab.contacts.after(0, 10)
    outcome = await files.take_in()
    assert said(outcome.words) == "0 contacts added. 3 were there already."
    assert await lab.contacts.after(0, 10) == before


async def test_a_broken_card_is_reported_with_its_line_and_the_rest_is_imported(lab: StoreLab, files: Files) -> None:
    (files.folder / "a.vcf").write_text(card("Ann", "1001") + "BEGIN:VCARD\r\nFN:Bo\r\n" + card("Cy", "1003"))
    outcome = await files.take_in()
    assert not outcome.done
    assert said(outcome.words) == "2 contacts added. Broken cards: 1, the first in a.vcf, line 6."
    assert await lab.contacts.count() == 2


async def test_what_was_shortened_is_said(files: Files) -> None:
    (files.folder / "a.vcf").write_text(card("x" * 10_000, "1001") + card("\u202eAnn", "1002"))
    assert said((await files.take_in()).words) == "2 contacts added. 1 was shortened."


@pytest.mark.parametrize("content", ["", "not a card\n" * 100_000, "\0" * 3_000_000])
async def test_a_file_that_holds_no_cards_is_no_failure_of_the_handset(
    lab: StoreLab, files: Files, content: str
) -> None:
    (files.folder / "a.vcf").write_text(content)
    assert said((await files.take_in()).words).startswith("0 contacts added.")
    assert await lab.contacts.count() == 0


async def test_a_folder_without_files_says_so(files: Files) -> None:
    outcome = await files.take_in()
    assert (outcome.done, said(outcome.words)) == (False, "There are no contact files (.vcf) in the folder.")
    files.folder.rmdir()
    assert not (await files.take_in()).done


async def test_others_are_served_by_the_store_while_a_large_file_is_imported(
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch, record_property: RecordProperty
) -> None:
    merge = contact_merge.merge
    turns_s: list[float] = []

    def timed_merge(*arguments: Any) -> Merged:
        # Time that others take on a busy machine is none of the store's.
        began = time.thread_time()
        merged = merge(*arguments)
        turns_s.append(time.thread_time() - began)
        return merged

    monkeypatch.setattr(contact_merge, "merge", timed_merge)
    photo = "PHOTO;ENCODING=b:" + "A" * 2_000_000 + "\r\nEND:VCARD"
    many = "".join(card(f"Name {number}", str(10_000_000 + number)) for number in range(1500))
    with_photos = "".join(card(f"Photo {number}").replace("END:VCARD", photo) for number in range(10))
    (files.folder / "a.vcf").write_text(many + with_photos)
    importing = asyncio.create_task(files.take_in())
    served = 0
    while not importing.done():
        await lab.contacts.search("6", 8)
        served += 1
        await asyncio.sleep(0.005)
    assert said((await importing).words) == "1510 contacts added. 10 photos were left out."
    assert served > len(turns_s) / 2
    assert_within(record_property, "merge_cpu", sorted(turns_s)[len(turns_s) // 2], 0.02)


async def test_a_file_of_nothing_but_broken_cards_is_counted_without_a_word_for_each(files: Files) -> None:
    (files.folder / "a.vcf").write_text("BEGIN:VCARD\n" * 20_000)
    outcome = await files.take_in()
    assert len(files.percents) < 200, "the phone hears each of them, and draws its display"
    assert said(outcome.words) == "0 contacts added. Broken cards: 20000, the first in a.vcf, line 1."


async def test_an_import_is_given_up_at_once_when_the_phone_stops(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What has been read waits for what is kept, as it does after a while with a large file.
    monkeypatch.setattr(contact_files, "_PAUSE_S", 3600)
    monkeypatch.setattr(contact_files, "MAX_LINE_BYTES", 4096)
    (files.folder / "a.vcf").write_text("".join(card(f"Name {n}", str(10_000_000 + n)) for n in range(20_000)))
    reading = asyncio.Event()
    importing = asyncio.create_task(
        files.files.import_from(files.folder, lambda percent: reading.set() if percent else None)
    )
    await reading.wait()
    importing.cancel()
    done, _ = await asyncio.wait({importing}, timeout=10)
    assert done


async def test_all_contacts_are_written_to_one_file_that_reads_back_the_same(lab: StoreLab, files: Files) -> None:
    numbers = (ContactNumber("+86 139 1234 5678", NumberKind.MOBILE), ContactNumber("1001", NumberKind.WORK))
    await lab.contacts.save(Contact(0, "王伟; Sales, \\ Co", numbers))
    await lab.add_contact("Ann", ["1002"])
    count, cards = await files.write_out()
    assert count == 2
    assert files.percents[-1] == 99
    assert list(files.folder.iterdir()) == []
    (files.folder / EXPORT_NAME).write_text(cards, newline="")
    before = await lab.contacts.after(0, 10)
    assert said((await files.take_in()).words) == "0 contacts added. 2 were there already."
    assert await lab.contacts.after(0, 10) == before


# --- what else is on a card -------------------------------------------------------------------------------------------


async def pixels_of(lab: StoreLab, contact_id: int) -> Pixels | None:
    contact = await lab.contacts.read(contact_id)
    assert contact is not None
    return await lab.pictures.read(contact.picture) if contact.picture else None


async def test_cards_of_other_programs_are_taken_in_with_their_photos_and_given_back(
    lab: StoreLab, files: Files
) -> None:
    for sample in SAMPLES.iterdir():
        shutil.copy(sample, files.folder)
    outcome = await files.take_in()
    # The one that is no picture costs the photo alone.
    assert said(outcome.words) == "5 contacts added. 1 photo was left out."
    before = await lab.contacts.cards_after(0, 10)
    [anna] = [card for card in before if "Anna" in card.contact.name]
    pixels = await pixels_of(lab, anna.contact.contact_id)
    assert pixels is not None
    assert (pixels.width_px, pixels.height_px) == (48, 48)
    outcome = await files.take_in()
    assert said(outcome.words) == "0 contacts added. 5 were there already. 1 photo was left out."
    assert await lab.contacts.cards_after(0, 10) == before

    for path in files.folder.iterdir():
        path.unlink()
    _, written = await files.write_out()
    assert "item2.X-ABLabel:Garten\r\n" in written
    assert written.count("PHOTO;ENCODING=b;TYPE=JPEG:") == 3
    assert written.count("PHOTO:https://") == 1
    (files.folder / EXPORT_NAME).write_text(written, newline="")
    outcome = await files.take_in()
    assert said(outcome.words) == "0 contacts added. 5 were there already."
    assert await lab.contacts.cards_after(0, 10) == before
    # Another phone gets all of it.
    for card_there in before:
        await lab.contacts.remove(card_there.contact.contact_id)
    assert await lab.pictures.names() == ()
    outcome = await files.take_in()
    assert said(outcome.words) == "5 contacts added."
    after = await lab.contacts.cards_after(0, 10)
    for one, other in zip(before, after, strict=True):
        assert set(one.properties) == set(other.properties)
    [anna] = [card for card in after if "Anna" in card.contact.name]
    again = await pixels_of(lab, anna.contact.contact_id)
    assert again is not None
    assert max(abs(one - other) for one, other in zip(pixels.rgb, again.rgb, strict=True)) < 40


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 no picture", b"BM" + bytes(60), bytes(30)])
async def test_a_photo_that_cannot_be_decoded_costs_the_photo_and_not_the_contact(
    lab: StoreLab, files: Files, content: bytes
) -> None:
    photo = f"PHOTO;ENCODING=b:{base64.b64encode(content).decode()}\r\nEMAIL:a@example.com\r\nEND:VCARD"
    (files.folder / "a.vcf").write_text(card("Ann", "1001").replace("END:VCARD", photo) + card("Bo", "1002"))
    assert said((await files.take_in()).words) == "2 contacts added. 1 photo was left out."
    ann, _ = await lab.contacts.cards_after(0, 10)
    assert [each.value for each in ann.properties] == ["a@example.com"]
    assert ann.contact.picture == ""
    assert await lab.pictures.names() == ()


async def test_a_withdrawal_lets_no_photo_in_that_was_already_read(
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = lab.contacts.merge_cards

    async def merge_and_withdraw(cards: Sequence[Card], *, since: int | None) -> Merged:
        merged = await merge(cards, since=since)
        await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
        return merged

    monkeypatch.setattr(lab.contacts, "merge_cards", merge_and_withdraw)
    shutil.copy(SAMPLES / "apple-3.0.vcf", files.folder)
    with pytest.raises(NotGrantedError):
        await files.take_in()
    assert await lab.contacts.count() == 1
    assert await lab.pictures.names() == ()


@pytest.mark.parametrize(
    "said_by_it",
    [
        LINE.replace("}", ', "more": 1}'),
        LINE.replace("[]", '[{"name": "' + "x" * 81 + '", "numbers": []}]', 1),
        LINE.replace("[]", '[{"name": "x", "numbers": [{"number": "1", "kind": "pager"}]}]', 1),
        LINE.replace("[]", '[{"name": "x", "numbers": [], "properties": [{"name": "N", "value": "a\\nb"}]}]', 1),
        "no JSON at all",
        "x" * (MAX_LINE_BYTES * 3),
    ],
)
async def test_a_reading_process_that_a_card_has_taken_over_gets_nothing_in(
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said_by_it: str
) -> None:
    script = tmp_path / "taken_over"
    script.write_text(said_by_it + "\n")

    async def start(_what: str, *, stdin: Any, stdout: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec("cat", script, stdin=stdin, stdout=stdout, limit=MAX_LINE_BYTES)

    monkeypatch.setattr(contact_files, "_start", start)
    (files.folder / "a.vcf").write_text(card("Ann", "1001"))
    with pytest.raises(StorageError) as raised:
        await files.take_in()
    assert "x" * 81 not in str(raised.value)
    assert await lab.contacts.count() == 0


async def test_without_the_holder_s_yes_nothing_is_taken_in(lab: StoreLab, files: Files) -> None:
    await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
    (files.folder / "a.vcf").write_text(card("Ann", "1001"))
    with pytest.raises(NotGrantedError):
        await files.take_in()
    assert await lab.contacts.count() == 0


async def test_a_withdrawal_ends_an_import_that_is_under_way(
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = lab.contacts.merge_cards
    told: list[object] = []

    async def merge_and_withdraw(cards: Sequence[Card], *, since: int | None) -> Merged:
        merged = await merge(cards, since=since)
        await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
        return merged

    monkeypatch.setattr(lab.contacts, "merge_cards", merge_and_withdraw)
    files.files = ContactFiles(lab.contacts, ContactPhotos(lab.pictures), ImportGate(lambda: lab.consents), told.append)
    (files.folder / "a.vcf").write_text("".join(card(f"Ann{number}", f"1{number:04}") for number in range(500)))
    with pytest.raises(NotGrantedError):
        await files.take_in()
    assert 0 < await lab.contacts.count() < 500
    # What came in before counts, whoever of them must not ring included.
    assert [type(event) for event in told] == [BlockedContactsLoaded]


async def test_an_erasure_ends_an_import_that_is_under_way_and_nothing_of_it_comes_back(
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_after_each(lab, DataCategory.CONTACTS, lab.contacts, "merge_cards", monkeypatch)
    (files.folder / "a.vcf").write_text("".join(card(f"Ann{number}", f"1{number:04}") for number in range(500)))
    folder = FolderErrands(files.folder, {FolderJob.IMPORT_CONTACTS: files.files.import_from}, lambda _: None)
    finished = await folder.handlers[RunFolderJob](RunFolderJob(FolderJob.IMPORT_CONTACTS))
    assert finished == Outcome(False, Word("Something was deleted meanwhile. Start again."))
    assert await lab.contacts.after(0, 10) == ()


async def test_a_call_that_is_deleted_ends_no_import(
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = lab.contacts.merge_cards

    async def merge_and_delete(cards: Sequence[Card], *, since: int | None) -> Merged:
        await lab.call_log.delete(await lab.make_call())
        return await merge(cards, since=since)

    monkeypatch.setattr(lab.contacts, "merge_cards", merge_and_delete)
    (files.folder / "a.vcf").write_text(card("Ann", "1001"))
    assert said((await files.take_in()).words) == "1 contact added."
