"""`wecall contacts`, `import` and `export` against a real socket and a real store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contract.consent import Purpose
from firmware.app.admin.contacts import ContactRole
from firmware.cli import main
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import Answer, Empty, Role
from firmware.control.server import ControlServer, Handler
from firmware.phone.my_data import DataCategory
from firmware.services.exports import Exports
from firmware.services.import_gate import ImportGate
from tests.lab.store import StoreLab, erase_after_each

Wecall = Callable[..., Awaitable[Result]]

SAMPLES = Path(__file__).parents[1] / "unit" / "vcard" / "samples"
CARDS = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL;TYPE=CELL:1001\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nnonsense\r\nFN:x\r\nno property\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:王伟\r\nTEL;VALUE=uri:tel:+8613912345678\r\nEND:VCARD\r\n"
)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[StoreLab]:
    lab = StoreLab(tmp_path)
    await lab.start()
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    yield lab
    await lab.stop()


@pytest.fixture
async def wecall(lab: StoreLab, tmp_path: Path) -> AsyncIterator[Wecall]:
    async def nothing(_: object) -> Answer:
        return Empty()

    async def changed() -> None: ...

    role = ContactRole(
        lambda: lab.contacts, lambda: lab.pictures, ImportGate(lambda: lab.consents), changed, Exports(tmp_path)
    )
    others: dict[str, Handler] = dict.fromkeys(REQUESTS[Role.ADMIN], nothing)
    server = ControlServer(tmp_path, {Role.ADMIN: {**others, **role.handlers}})
    await server.start()

    async def run(*arguments: str | Path) -> Result:
        line = [*map(str, arguments), "--runtime-dir", str(tmp_path)]
        return await asyncio.to_thread(CliRunner().invoke, main, line, input="258013\n")

    yield run
    await server.stop()


async def test_a_contact_is_added_listed_and_removed(lab: StoreLab, wecall: Wecall) -> None:
    assert (await wecall("contacts", "add", "Ann", "1001", "1002")).output == "Added.\n"
    assert (await wecall("contacts", "add", "Ann", "1001", "1003")).output == "Changed.\n"
    assert (await wecall("contacts", "add", "Ann", "1001")).output == "That contact is there already.\n"
    listed = (await wecall("contacts", "list")).output
    assert "Ann" in listed
    assert "1003 (other)" in listed
    assert (await wecall("contacts", "remove", "1")).exit_code == 0
    assert (await wecall("contacts", "remove", "1")).exit_code == 1
    assert await lab.contacts.count() == 0


async def test_files_are_imported_and_a_broken_card_is_named_by_its_line(
    lab: StoreLab, wecall: Wecall, tmp_path: Path
) -> None:
    path = tmp_path / "phone.vcf"
    path.write_text(CARDS)
    done = await wecall("import", path)
    assert done.exit_code == 1
    assert "2 added, 0 completed, 0 were there already." in done.output
    assert "phone.vcf, line 9: unreadable" in done.output
    again = await wecall("import", path)
    assert "0 added, 0 completed, 2 were there already." in again.output


@pytest.mark.parametrize("version", ["3.0", "4.0"])
async def test_what_is_exported_imports_into_the_same(
    lab: StoreLab, wecall: Wecall, tmp_path: Path, version: str
) -> None:
    for number in range(40):
        await lab.add_contact(f"Name {number}", [str(2000 + number), "+86 139 1234 5678"])
    path = tmp_path / "all.vcf"
    assert "40 contact(s) written." in (await wecall("export", path, "--version", version)).output
    assert f"VERSION:{version}" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    before = await lab.contacts.after(0, 100)
    again = await wecall("import", path)
    assert again.exit_code == 0, again.output
    assert "0 added, 0 completed, 40 were there already." in again.output
    assert await lab.contacts.after(0, 100) == before


@pytest.mark.parametrize("version", ["3.0", "4.0"])
async def test_cards_of_other_programs_go_in_with_their_photos_and_come_out_whole(
    lab: StoreLab, wecall: Wecall, tmp_path: Path, version: str
) -> None:
    done = await wecall("import", *sorted(SAMPLES.iterdir()))
    assert "5 added, 0 completed, 0 were there already." in done.output
    assert "1 photo(s) were left out" in done.output
    before = await lab.contacts.cards_after(0, 10)
    assert len(await lab.pictures.names()) == 3
    path = tmp_path / "all.vcf"
    await wecall("export", path, "--version", version)
    for card in before:
        await lab.contacts.remove(card.contact.contact_id)
    again = await wecall("import", path)
    assert (again.exit_code, again.output.strip()) == (0, "5 added, 0 completed, 0 were there already.")
    after = await lab.contacts.cards_after(0, 10)
    assert len(await lab.pictures.names()) == 3
    by_name = {card.contact.name: (card.contact.numbers, set(card.properties)) for card in before}
    assert {card.contact.name: (card.contact.numbers, set(card.properties)) for card in after} == by_name


async def test_contacts_of_which_much_is_kept_go_out_and_in_whole(
    lab: StoreLab, wecall: Wecall, tmp_path: Path
) -> None:
    path = tmp_path / "all.vcf"
    notes = "".join(f"NOTE:{number} {'ü' * 1000}\r\n" for number in range(7))
    path.write_text(
        "".join(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Name {n}\r\n{notes}END:VCARD\r\n" for n in range(20)), newline=""
    )
    assert (await wecall("import", path)).output.strip() == "20 added, 0 completed, 0 were there already."
    assert "20 contact(s) written." in (await wecall("export", path)).output
    assert (await wecall("import", path)).output.strip() == "0 added, 0 completed, 20 were there already."
    assert {len(card.properties) for card in await lab.contacts.cards_after(0, 30)} == {7}


async def test_contacts_as_long_as_they_may_be_are_listed_to_the_last(lab: StoreLab, wecall: Wecall) -> None:
    for name in range(11):
        await lab.add_contact(f"{name:2}{'📞' * 78}", [f"{number:2}{'📞' * 62}" for number in range(20)])
    listed = await wecall("contacts", "list")
    assert listed.exit_code == 0, listed.output
    assert listed.output.count("19" + "📞" * 62) == 11


async def test_of_a_file_that_is_made_to_be_long_the_first_broken_cards_are_named_and_the_rest_is_counted(
    lab: StoreLab, wecall: Wecall, tmp_path: Path
) -> None:
    path = tmp_path / "endless.vcf"
    path.write_text("BEGIN:VCARD\nEND:VCARD\n" * 200_001)
    said = (await wecall("import", path)).output.strip().splitlines()
    assert said[:2] == ["0 added, 0 completed, 0 were there already.", "endless.vcf, line 1: empty"]
    assert said[-3] == "endless.vcf, line 1999: empty"
    assert said[-2:] == [
        "endless.vcf: 199000 more cards are broken.", "endless.vcf was too much to read to its end.",
    ]  # fmt: skip
    assert await lab.contacts.count() == 0


async def test_what_is_no_plain_file_is_not_imported(lab: StoreLab, wecall: Wecall, tmp_path: Path) -> None:
    refused = await wecall("import", "/dev/zero")
    assert refused.exit_code == 1
    assert "no plain file" in refused.output
    assert await lab.contacts.count() == 0


async def test_a_file_stays_as_it_was_where_no_handset_gives_the_contacts(tmp_path: Path) -> None:
    path = tmp_path / "all.vcf"
    path.write_text(CARDS)
    for name in ("all.vcf", "new.vcf"):
        asked = ["export", str(tmp_path / name), "--runtime-dir", str(tmp_path)]
        assert CliRunner().invoke(main, asked, input="258013\n").exit_code == 1
    assert path.read_text() == CARDS.replace("\r\n", "\n")
    assert not (tmp_path / "new.vcf").exists()


async def test_an_erasure_ends_an_import_that_is_under_way(
    lab: StoreLab, wecall: Wecall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_after_each(lab, DataCategory.CONTACTS, lab.contacts, "merge_cards", monkeypatch)
    for name in "ab":
        card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nTEL:1001\r\nEND:VCARD\r\n"
        (tmp_path / f"{name}.vcf").write_text(card)
    refused = await wecall("import", tmp_path / "a.vcf", tmp_path / "b.vcf")
    assert refused.exit_code == 1
    assert "Something was erased since this began" in refused.output
    assert await lab.contacts.after(0, 10) == ()


async def test_without_the_holder_s_yes_no_contact_is_taken_in_and_it_is_said_how_to_agree(
    lab: StoreLab, wecall: Wecall, tmp_path: Path
) -> None:
    await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
    (tmp_path / "a.vcf").write_text("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL:1001\r\nEND:VCARD\r\n")
    for arguments in (("import", tmp_path / "a.vcf"), ("contacts", "add", "Bo", "1002")):
        refused = await wecall(*arguments)
        assert refused.exit_code == 1
        assert "wecall consent grant contact_import" in refused.output
    assert await lab.contacts.count() == 0
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    assert (await wecall("import", tmp_path / "a.vcf")).exit_code == 0
