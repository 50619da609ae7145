import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from firmware.errands import contact_files
from firmware.errands.contact_files import EXPORT_NAME, ContactFiles
from firmware.errands.folder import Outcome
from firmware.errors import NotGrantedError
from firmware.exports import Export
from firmware.import_gate import ImportGate
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.phone.events import BlockedContactsLoaded
from firmware.phone.purpose import Purpose
from firmware.phone.words import Text, Word
from firmware.storage import contact_merge
from firmware.storage.contact_merge import MergeCount
from tests.lab.store import StoreLab


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
        self.files = ContactFiles(lab.contacts, ImportGate(lambda: lab.consents), lambda _event: None)

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
    assert (outcome.done, said(outcome.words)) == (True, "2 contacts added. 1 got numbers.")
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
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = contact_merge.merge
    turns_s: list[float] = []

    def timed_merge(*arguments: Any) -> MergeCount:
        # Time that others take on a busy machine is none of the store's.
        began = time.thread_time()
        count = merge(*arguments)
        turns_s.append(time.thread_time() - began)
        return count

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
    assert said((await importing).words) == "1510 contacts added."
    assert served > len(turns_s) / 2
    assert sorted(turns_s)[len(turns_s) // 2] < 0.02


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
    monkeypatch.setattr(contact_files, "_MOST_LINE_BYTES", 4096)
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


async def test_without_the_holder_s_yes_nothing_is_taken_in(lab: StoreLab, files: Files) -> None:
    await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
    (files.folder / "a.vcf").write_text(card("Ann", "1001"))
    with pytest.raises(NotGrantedError):
        await files.take_in()
    assert await lab.contacts.count() == 0


async def test_a_withdrawal_ends_an_import_that_is_under_way(
    lab: StoreLab, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = lab.contacts.merge
    told: list[object] = []

    async def merge_and_withdraw(contacts: Sequence[Contact]) -> MergeCount:
        count = await merge(contacts)
        await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
        return count

    monkeypatch.setattr(lab.contacts, "merge", merge_and_withdraw)
    files.files = ContactFiles(lab.contacts, ImportGate(lambda: lab.consents), told.append)
    (files.folder / "a.vcf").write_text("".join(card(f"Ann{number}", f"1{number:04}") for number in range(500)))
    with pytest.raises(NotGrantedError):
        await files.take_in()
    assert 0 < await lab.contacts.count() < 500
    # What came in before counts, whoever of them must not ring included.
    assert [type(event) for event in told] == [BlockedContactsLoaded]
