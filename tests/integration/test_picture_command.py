"""`wecall picture` against a real socket, a real store and the real sandbox."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from contract.consent import Purpose
from firmware.app.admin.pictures import PictureRole
from firmware.base.errors import ControlError
from firmware.cli import main
from firmware.control.admin_requests import PictureAddRequest
from firmware.control.client import ask_async
from firmware.control.open_files import sealed
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import Answer, Empty, Role
from firmware.control.server import ControlServer, Handler
from firmware.phone.contact import Contact
from firmware.services.import_gate import ImportGate
from tests.lab.store import StoreLab

Wecall = Callable[..., Awaitable[Result]]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[StoreLab]:
    lab = StoreLab(tmp_path)
    await lab.start()
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    yield lab
    await lab.stop()


@pytest.fixture
async def changes() -> list[None]:
    return []


@pytest.fixture
async def wecall(lab: StoreLab, changes: list[None], tmp_path: Path) -> AsyncIterator[Wecall]:
    """Run `wecall picture ...` against a handset that answers nothing else."""

    async def nothing(_: object) -> Answer:
        return Empty()

    role = PictureRole(lambda: lab.pictures, ImportGate(lambda: lab.consents), lambda: changes.append(None))
    others: dict[str, Handler] = dict.fromkeys(REQUESTS[Role.ADMIN], nothing)
    server = ControlServer(tmp_path, {Role.ADMIN: {**others, **role.handlers}})
    await server.start()

    async def run(*arguments: str | Path) -> Result:
        line = ["picture", *map(str, arguments), "--runtime-dir", str(tmp_path)]
        return await asyncio.to_thread(CliRunner().invoke, main, line)

    yield run
    await server.stop()


async def test_a_picture_is_added_listed_given_to_a_contact_and_removed(
    lab: StoreLab, wecall: Wecall, changes: list[None], tmp_path: Path
) -> None:
    ada = await lab.contacts.save(Contact(0, "Ada"))
    Image.new("RGB", (1000, 900), (9, 200, 40)).save(tmp_path / "holiday.png")
    added = await wecall("add", tmp_path / "holiday.png", "--contact", "Ada")
    assert added.exit_code == 0, added.output
    [kept] = await lab.pictures.list()
    assert kept.name == "holiday"
    pixels = await lab.pictures.read(kept.picture)
    assert pixels is not None
    assert pixels.rgb == bytes((9, 200, 40)) * 320 * 240
    contact = await lab.contacts.read(ada.contact_id)
    assert contact is not None
    assert contact.picture == kept.picture
    assert (await wecall("list")).output == f"{kept.picture}  holiday\n"
    assert (await wecall("remove", kept.picture)).exit_code == 0
    assert not await lab.pictures.list()
    assert len(changes) == 2


async def test_what_cannot_be_done_is_said_and_changes_nothing(lab: StoreLab, wecall: Wecall, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ada", encoding="ascii")
    Image.new("RGB", (10, 10)).save(tmp_path / "holiday.png")
    for arguments, words in {
        ("add", str(tmp_path / "letter.txt")): "This is not a picture that can be read.",
        ("add", str(tmp_path / "holiday.png"), "--contact", "Nobody"): "There are 0 contacts of that name",
        ("remove", "0" * 16): "There is no such picture.",
        ("remove", "holiday"): "names no picture",
    }.items():
        refused = await wecall(*arguments)
        assert refused.exit_code == 1
        assert words in refused.output
    assert not await lab.pictures.list()


async def test_without_the_holder_s_yes_no_picture_is_taken_in_and_it_is_said_how_to_agree(
    lab: StoreLab, wecall: Wecall, tmp_path: Path
) -> None:
    await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
    Image.new("RGB", (9, 9)).save(tmp_path / "holiday.png")
    refused = await wecall("add", tmp_path / "holiday.png")
    assert refused.exit_code == 1
    assert "wecall consent grant contact_import" in refused.output
    assert not await lab.pictures.list()
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    assert (await wecall("add", tmp_path / "holiday.png")).exit_code == 0


@pytest.mark.usefixtures("wecall")
async def test_pixels_that_are_more_or_fewer_than_is_said_or_can_still_change_are_not_kept(
    lab: StoreLab, tmp_path: Path
) -> None:
    request = PictureAddRequest(name="holiday", width_px=10, height_px=10)
    for size_bytes, words in ((299, "this one does not"), (301, "this one does not"), (230_401, "more than 230400")):
        with sealed(bytes(size_bytes)) as file, pytest.raises(ControlError, match=words):
            await ask_async(tmp_path, Role.ADMIN, request, file=file)
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(bytes(300))
        file.flush()
        with pytest.raises(ControlError, match=r"no file in memory|can still be changed"):
            await ask_async(tmp_path, Role.ADMIN, request, file=file)
    assert not await lab.pictures.list()
