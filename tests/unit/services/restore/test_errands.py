"""Who may have a copy back by the keys, and how it meets the stick."""

import asyncio
import io
from typing import BinaryIO

import pytest

from contract.consent import Purpose
from firmware.base.errors import StorageError
from firmware.phone.pin import PinSlot, Right
from firmware.phone.request import Outcome, Progressed
from firmware.phone.requests.rights import ProveHolder, RestoreMyData
from firmware.services.import_gate import ImportGate
from firmware.services.proofs import Proofs
from firmware.services.restore import errands
from firmware.services.restore.errands import CopyInbox, RestoreErrands
from firmware.services.restore.restorer import _FAILURES, Progress, Restored, RestoreError, as_drawn
from firmware.store.contact_merge import MergeCount
from tests.lab.store import StoreLab
from tests.unit.services.test_contact_files import said

PIN = "258013"
DRAWN = "abandon ability able about above absent absorb"


class Restorer:
    """Reads copies that are a word."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes, str]] = []

    async def restore(self, copy: BinaryIO, key: bytes, passphrase: str, progress: Progress) -> Restored:
        self.asked.append((copy.read(), key, passphrase))
        for percent in (0, 0, 50):
            progress(percent)
        if passphrase != DRAWN:
            raise RestoreError(_FAILURES[10])
        return Restored(MergeCount(added=2), messages=1)


class Office:
    """The request over a real store."""

    def __init__(self, lab: StoreLab) -> None:
        self.posted: list[Progressed] = []
        self.restorer = Restorer()
        self.inbox = CopyInbox()
        self.proofs = Proofs({PinSlot.HOLDER: lab.pin, PinSlot.GUARDIAN: lab.guardian_pin}, lab.requests)
        gate = ImportGate(lambda: lab.consents)
        self._errands = RestoreErrands(self.restorer, self.inbox, gate, self.proofs, self.posted.append)  # type: ignore[arg-type]

    async def ask(self, words: str = DRAWN, slot: PinSlot = PinSlot.HOLDER) -> "asyncio.Task[Outcome]":
        await self.proofs.prove(ProveHolder(Right.COPY, PIN, slot))
        answer = self._errands.handlers[RestoreMyData](RestoreMyData(words))
        task: asyncio.Task[Outcome] = asyncio.create_task(answer)  # type: ignore[arg-type]
        return task

    async def bring(self) -> None:
        for _ in range(1000):
            if await self.inbox.bring(io.BytesIO(b"copy"), b"key"):
                return
            await asyncio.sleep(0.001)
        raise AssertionError("nobody wants the copy")


@pytest.fixture
async def lab(lab: StoreLab, quick_pins: None) -> StoreLab:
    await lab.pin.set(PIN)
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    return lab


async def test_the_copy_on_the_next_stick_comes_back_and_the_stick_is_kept_until_then(lab: StoreLab) -> None:
    office = Office(lab)
    assert not await office.inbox.bring(io.BytesIO(b"copy"), b"key"), "nobody has asked for one"
    answer = await office.ask()
    await office.bring()
    outcome = await answer
    assert (outcome.done, said(outcome.words)) == (True, "The copy is back. 2 contacts. 1 message.")
    assert office.restorer.asked == [(b"copy", b"key", DRAWN)]
    assert office.posted == [Progressed(RestoreMyData(DRAWN), 0), Progressed(RestoreMyData(DRAWN), 50)]
    assert not await office.inbox.bring(io.BytesIO(b"copy"), b"key"), "it was wanted once"


async def test_other_words_are_said_to_be_so(lab: StoreLab) -> None:
    office = Office(lab)
    answer = await office.ask("other words")
    await office.bring()
    assert said((await answer).words) == "These are not the words of this copy. Nothing was changed."


async def test_a_stick_that_does_not_come_is_waited_for_no_longer_than_for_copies_that_go(
    lab: StoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "WAIT_S", 0.0)
    office = Office(lab)
    assert not (await (await office.ask())).done
    assert not office.restorer.asked


async def test_whoever_asks_last_gets_the_copy(lab: StoreLab) -> None:
    office = Office(lab)
    first = await office.ask("other words")
    await asyncio.sleep(0.05)
    second = await office.ask()
    assert said((await first).words) == "No stick with a copy came. Begin once more."
    await office.bring()
    assert (await second).done


async def test_without_the_pin_nothing_comes_back_and_under_14_it_is_the_guardians(lab: StoreLab) -> None:
    office = Office(lab)
    with pytest.raises(StorageError, match="PIN was not typed"):
        await office._errands.handlers[RestoreMyData](RestoreMyData(DRAWN))
    await lab.guardian_pin.set(PIN)
    with pytest.raises(StorageError, match="guardian's PIN"):
        await (await office.ask())
    answer = await office.ask(slot=PinSlot.GUARDIAN)
    await office.bring()
    assert (await answer).done


async def test_without_a_yes_to_imports_no_stick_is_waited_for(lab: StoreLab) -> None:
    await lab.consents.withdraw(Purpose.CONTACT_IMPORT)
    outcome = await (await Office(lab).ask())
    assert said(outcome.words).startswith("You have not agreed to imports.")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (DRAWN, DRAWN),
        ("Aban Abil Able Abou Abov Abse Abso", DRAWN),
        ("  abandon ability able\tabout above absent absor ", DRAWN),
        ("aban abil able abou abov abse", "aban abil able abou abov abse"),
        ("aban abil able abou abov abse abso zoo", "aban abil able abou abov abse abso zoo"),
        ("aband abilx able abou abov abse abso", "aband abilx able abou abov abse abso"),
        ("My own words, 我的", "My own words, 我的"),
        ("", ""),
    ],
)
def test_four_letters_of_each_word_are_enough_and_words_of_ones_own_stay_as_they_are(typed: str, meant: str) -> None:
    assert as_drawn(typed) == meant


def test_words_of_three_letters_are_told_from_longer_ones() -> None:
    words = "act actor add addict age air all"
    assert as_drawn(words) == words
    assert as_drawn("act acto add addi age air all") == words
