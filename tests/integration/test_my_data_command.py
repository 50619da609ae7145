"""`wecall mydata` against a real socket and a real store: a copy goes out, and comes back on another phone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contract.consent import Actor, Purpose
from firmware.app.admin.my_data import CopyParts, MyDataRole
from firmware.cli import main
from firmware.control.export_role import ExportRole
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import Answer, Empty, Role
from firmware.control.server import ControlServer
from firmware.services.data_copy import DataCopy
from firmware.services.exports import Exports
from firmware.services.import_gate import ImportGate
from firmware.services.restore.restorer import RestoreParts, Restorer
from tests.lab.copy_sources import sources_of
from tests.lab.store import StoreLab

PIN = "258013"


class Phone:
    """A store behind a socket."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.lab = lab = StoreLab(folder)
        exports = Exports(folder)
        sources = sources_of(lab, {})
        gate = ImportGate(lambda: lab.consents)
        kept = (lab.contacts, lab.messages, lab.preferences, lab.pictures, lab.recordings, lab.consents)
        restorer = Restorer(RestoreParts(*kept, gate, lambda: exports.generation, lambda: None))
        parts = CopyParts({Actor.HOLDER: lab.pin}, lab.requests, DataCopy(sources, exports), exports, restorer)
        handlers = {**dict.fromkeys(REQUESTS[Role.ADMIN], _nothing), **MyDataRole(lambda: parts).handlers}
        self.server = ControlServer(folder, {Role.ADMIN: {**handlers, **ExportRole(exports).handlers}})

    async def start(self) -> None:
        await self.lab.start()
        await self.lab.pin.set(PIN)
        await self.lab.consents.grant(Purpose.CONTACT_IMPORT)
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()
        await self.lab.stop()

    async def wecall(self, *arguments: str | Path, typed: Sequence[str] = (PIN,)) -> Result:
        line = [*map(str, arguments), "--runtime-dir", str(self.folder)]
        return await asyncio.to_thread(CliRunner().invoke, main, line, input="".join(f"{each}\n" for each in typed))


async def _nothing(_: object) -> Answer:
    return Empty()


@pytest.fixture
async def phones(tmp_path: Path) -> AsyncIterator[tuple[Phone, Phone]]:
    """One with a contact, and one in its place."""
    both = Phone(tmp_path / "old"), Phone(tmp_path / "new")
    for phone in both:
        await phone.start()
    await both[0].lab.add_contact("张伟", ["1001"])
    yield both
    for phone in both:
        await phone.stop()


@pytest.mark.feature("own copy")
async def test_a_copy_comes_back_on_another_phone_by_its_words_and_by_no_others(
    phones: tuple[Phone, Phone], tmp_path: Path
) -> None:
    old, new = phones
    (folder := tmp_path / "stick").mkdir()
    done = await old.wecall("mydata", "export", folder)
    assert done.exit_code == 0, done.output
    words = done.output.rsplit(": ", 1)[1].split()
    [copy] = folder.glob("*.tar.age")
    short = " ".join(word[:4] for word in words)
    refused = await new.wecall("mydata", "import", copy, typed=(PIN, " ".join(reversed(words))))
    assert "These are not the words of this copy. Nothing was changed." in refused.output
    refused = await new.wecall("mydata", "import", copy, typed=("258014", short))
    assert "not the holder's PIN" in refused.output
    assert await new.lab.contacts.count() == 0
    done = await new.wecall("mydata", "import", copy, typed=(PIN, short))
    assert "Back are 1 contacts, 0 messages, 0 pictures, 0 recordings." in done.output
    assert [each.name for each in await new.lab.contacts.after(0, 9)] == ["张伟"]
    done = await new.wecall("mydata", "import", copy, typed=(PIN, short))
    assert "Back are 0 contacts" in done.output


async def test_without_its_key_or_a_yes_to_imports_a_copy_does_not_come_back(
    phones: tuple[Phone, Phone], tmp_path: Path
) -> None:
    old, new = phones
    (folder := tmp_path / "stick").mkdir()
    await old.wecall("mydata", "export", folder, "--open")
    [copy] = folder.glob("*.tar")
    sealed = copy.rename(copy.with_suffix(".tar.age"))
    refused = await new.wecall("mydata", "import", sealed)
    assert ".key.age cannot be read: No such file" in refused.output
    copy = sealed.rename(copy)
    await new.lab.consents.withdraw(Purpose.CONTACT_IMPORT)
    assert "has not agreed to the import" in (await new.wecall("mydata", "import", copy)).output
    assert await new.lab.contacts.count() == 0
