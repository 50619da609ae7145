"""A copy that comes back while the power is cut at any step: brought again, nothing is lost and nothing is double."""

import asyncio
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from contract.calls import CallDirection
from contract.consent import Purpose
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.preferences import Preferences
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.services.restore.restorer import Progress, Restored, Restorer
from firmware.store.database import Database
from firmware.store.recordings import FOLDER_NAME
from tests.lab import kills
from tests.lab.store import StoreLab
from tests.unit.services.restore.test_restorer import Bench, copied, everything, record

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak, pytest.mark.timeout(1800)]


async def fill(folder: Path) -> bytes:
    """Return the copy of a phone that was in use."""
    lab = StoreLab(folder)
    await lab.start()
    await lab.consents.grant(Purpose.RECORDING)
    photo = await lab.pictures.add("Anna", Pixels(2, 2, bytes(12)))
    await lab.contacts.save(Contact(0, "Anna", (ContactNumber("1001"),), picture=photo.picture))
    await lab.add_contact("Bob", ["1002"])
    await lab.messages.keep(TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1001"), "Lunch?", lab.wall_s))
    await lab.preferences.save(Preferences(speed_dials=(("2", "1001"),), blocked=("1003",)))
    await record(lab, SoundFormat.FLAC)
    [archive] = await copied(lab, folder)
    await lab.stop()
    return archive


async def agree(folder: Path) -> None:
    """Leave a phone whose holder has agreed to what a copy takes."""
    lab = StoreLab(folder)
    await lab.start()
    for purpose in (Purpose.CONTACT_IMPORT, Purpose.RECORDING):
        await lab.consents.grant(purpose)
    await lab.stop()


def bring_back(folder: Path) -> None:
    """Start the phone, which sweeps away what nobody can read, and bring the copy back."""

    async def bring() -> None:
        lab = StoreLab(folder)
        await lab.start()
        await lab.pictures.sweep()
        await lab.recordings.sweep()
        await Bench(lab).bring((folder / "copy").read_bytes())
        await lab.stop()

    asyncio.run(bring())


def at_step(number: int, folder: Path) -> None:
    """Be killed before the nth statement, or touch of a file, of what the copy brings; opening the store counts not."""
    restore = Restorer.restore

    async def armed(self: Restorer, copy: BinaryIO, key: bytes, words: str, progress: Progress) -> Restored:
        for name in ("query", "execute"):
            kills.announce(Database, name, folder)
        kills.at_touch(number, folder)
        return await restore(self, copy, key, words, progress)

    Restorer.restore = armed  # type: ignore[assignment, method-assign]


async def kept(folder: Path) -> tuple[Any, int]:
    """Return what is kept, and how many files there are of recordings."""
    lab = StoreLab(folder)
    await lab.start()
    found = await everything(lab)
    await lab.stop()
    return found, len(list((folder / FOLDER_NAME).iterdir()))


@pytest.mark.feature("own copy")
def test_a_copy_that_is_cut_off_at_any_step_is_whole_once_it_is_brought_again(memory: Path) -> None:
    (memory / "old").mkdir()
    (whole := memory / "whole").mkdir()
    (whole / "copy").write_bytes(asyncio.run(fill(memory / "old")))
    asyncio.run(agree(whole))
    wanted = asyncio.run(kept(memory / "old"))
    last = 0
    for cut in kills.cuts(whole, bring_back, at_step, one_in=10):
        last = cut.step
        if not cut.ended:
            bring_back(cut.folder)
        assert asyncio.run(kept(cut.folder)) == wanted, f"step {cut.step}"
    assert last > 50
