"""Nothing of the holder's rights is done before the holder proved to be the holder, for that right and just now."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contract.calls import CallDirection
from contract.consent import Actor, Purpose, RequestKind, RequestState
from firmware.base.errors import StorageError
from firmware.base.words import Word
from firmware.phone.call import CallerId, CallId, Decision, TextMessage
from firmware.phone.my_data import DataCategory
from firmware.phone.pin import PinSlot, Right
from firmware.phone.recording import RecordingId
from firmware.phone.request import Answered, Outcome, Progressed, Request
from firmware.phone.requests.pin import PinChecked
from firmware.phone.requests.rights import (
    AnswerRow,
    CancelAccount,
    CloseRequest,
    CopyContacts,
    CopyMyData,
    CopyRecording,
    DrawPassphrase,
    EraseMyData,
    FileRequest,
    ListRequests,
    MarkAnswerRead,
    MyDataErased,
    NoteOverride,
    ObjectToAnswer,
    ProveHolder,
    ReadMyData,
    ReadRetention,
    RequestFiled,
    RequestRow,
)
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.privacy.consent import LedgerAction
from firmware.privacy.retention import ENDING
from firmware.services.contact_files import ContactFiles
from firmware.services.copies import CopyErrands, CopyParts
from firmware.services.exports import Export, Exports
from firmware.services.import_gate import ImportGate
from firmware.services.photos import ContactPhotos
from firmware.services.proofs import Proofs
from firmware.services.rights import RightsErrands, RightsParts
from firmware.store.erasure import ERASABLE
from tests.lab.documents import DocumentLab

PIN, GUARDIANS_PIN = "258013", "739182"


@dataclass
class Copying:
    """Stands for what writes a copy."""

    exports: Exports
    passphrases: list[str] = field(default_factory=list)
    failure: OSError | None = None
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def write(self, passphrase: str, progress: Callable[[int], None]) -> Mapping[str, Export]:
        if self.failure is not None:
            raise self.failure
        if self.meanwhile is not None:
            await self.meanwhile()
        for percent in (0, 0, 50):
            progress(percent)
        self.passphrases.append(passphrase)
        file = self.exports.begin()
        file.write(b"everything")
        file.finish()
        return {"copy": file}


class Office:
    """The errands over a real store."""

    def __init__(self, lab: DocumentLab, folder: Path) -> None:
        self.exports = Exports(folder)
        lab.store.when_erased = self.exports.drop
        self.copying = Copying(self.exports)
        self.folder = folder / "exchange"
        self.posted: list[Progressed] = []
        self.done: list[object] = []
        self.files_noted: list[str] = []
        self.rotation_fails = False
        self.language = "en"
        parts = RightsParts(
            my_data=lab.my_data,
            retention=lab.retention,
            erasure=lab.erasure,
            requests=lab.requests,
            answers=lab.answers,
            exchange_dir=self.folder,
            note_files=self.files_noted.append,
            forget_bundles=lambda: self.done.append("forget bundles"),
            rotate_key=self._rotate,
            cancel=self._cancel,
            reload=lambda: self.done.append("reload"),
            stop_playing=lambda: self.done.append("stop playing"),
        )
        copies = CopyParts(
            requests=lab.requests,
            copy=self.copying,  # type: ignore[arg-type]
            contact_files=ContactFiles(
                lab.contacts, ContactPhotos(lab.pictures), ImportGate(lambda: lab.consents), lambda _event: None
            ),
            recordings=lab.recordings,
            exports=self.exports,
        )
        pins = {PinSlot.HOLDER: lab.pin, PinSlot.GUARDIAN: lab.guardian_pin}
        self.now_s = 1000.0
        proofs = Proofs(pins, lab.requests, clock=lambda: self.now_s)
        self._handlers = {
            **RightsErrands(parts, proofs, lambda: self.language).handlers,
            **CopyErrands(copies, proofs, self.posted.append).handlers,
        }

    async def ask(self, request: Request[object]) -> object:
        answer: Awaitable[object] = self._handlers[type(request)](request)
        return await answer

    async def _rotate(self) -> None:
        self.done.append("rotate")
        if self.rotation_fails:
            raise StorageError("the card is full")

    async def _cancel(self, actor: Actor) -> None:
        self.done.append(actor)


@pytest.fixture
def lab_class() -> type[DocumentLab]:
    return DocumentLab


@pytest.fixture
async def office(lab: DocumentLab, tmp_path: Path, quick_pins: None) -> AsyncIterator[Office]:
    await lab.pin.set(PIN)
    office = Office(lab, tmp_path)
    yield office
    office.exports.drop()


GUARDED: list[tuple[Right, Request[object]]] = [
    (Right.COPY, CopyMyData("words")),
    (Right.COPY, CopyContacts()),
    (Right.COPY, CopyRecording(RecordingId("a" * 32))),
    (Right.ERASURE, EraseMyData((DataCategory.CONTACTS,))),
    (Right.CANCELLATION, CancelAccount()),
    (Right.REQUEST, FileRequest(RequestKind.ACCESS)),
    (Right.REQUEST, CloseRequest(1)),
    (Right.REQUEST, ObjectToAnswer(1)),
]


@pytest.mark.parametrize(("right", "asked"), GUARDED)
async def test_a_right_needs_a_pin_that_was_typed_for_it_and_each_pin_counts_once(
    office: Office, right: Right, asked: Request[object]
) -> None:
    with pytest.raises(StorageError, match="PIN was not typed"):
        await office.ask(asked)
    others = {each for each, _ in GUARDED if each is not right}
    for other in sorted(others):
        assert await office.ask(ProveHolder(other, PIN)) == PinChecked(accepted=True)
    with pytest.raises(StorageError, match="PIN was not typed"):
        await office.ask(asked)
    await office.ask(ProveHolder(right, PIN))
    await office.ask(asked)
    with pytest.raises(StorageError, match="PIN was not typed"):
        await office.ask(asked)


async def test_a_pin_that_was_typed_long_ago_counts_no_more(office: Office) -> None:
    await office.ask(ProveHolder(Right.CANCELLATION, PIN))
    office.now_s += 301
    with pytest.raises(StorageError, match="too long ago"):
        await office.ask(CancelAccount())
    assert not office.done


async def test_a_wrong_pin_stands_in_the_ledger(office: Office, lab: DocumentLab) -> None:
    await lab.guardian_pin.set(GUARDIANS_PIN)
    assert await office.ask(ProveHolder(Right.ERASURE, "1")) == PinChecked(accepted=False)
    await office.ask(ProveHolder(Right.COPY, PIN, PinSlot.GUARDIAN))
    entries = await lab.consents.entries()
    assert [(entry.action, entry.about, entry.actor) for entry in entries] == [
        (LedgerAction.CHECK_FAILED, "erasure", Actor.HOLDER),
        (LedgerAction.CHECK_FAILED, "copy", Actor.GUARDIAN),
    ]


async def test_tries_while_a_wait_runs_stand_in_no_ledger_and_are_told_to_nobody(
    office: Office, lab: DocumentLab
) -> None:
    for _ in range(3):
        await office.ask(ProveHolder(Right.ERASURE, "1"))
    told = await lab.outbox.next_batch(10)
    for pin in ("1", PIN, "1"):
        assert await office.ask(ProveHolder(Right.ERASURE, pin)) == PinChecked(accepted=False, wait_s=10)
    assert len(await lab.consents.entries()) == 3
    assert await lab.outbox.next_batch(10) == told
    lab.pass_time(10)
    await office.ask(ProveHolder(Right.ERASURE, "1"))
    assert len(await lab.consents.entries()) == 4, "one that is looked at stands there again"


@pytest.mark.parametrize(("right", "asked"), GUARDED)
async def test_under_14_the_holders_pin_is_not_enough_whatever_the_menu_has_asked_for(
    office: Office, lab: DocumentLab, right: Right, asked: Request[object]
) -> None:
    await lab.guardian_pin.set(GUARDIANS_PIN)
    before = await lab.consents.entries()
    await office.ask(ProveHolder(right, PIN))
    with pytest.raises(StorageError, match="guardian's PIN is needed"):
        await office.ask(asked)
    assert (office.done, await lab.consents.entries()) == ([], before)
    await office.ask(ProveHolder(right, GUARDIANS_PIN, PinSlot.GUARDIAN))
    await office.ask(asked)


async def test_a_guardian_who_proves_it_is_who_did_it(office: Office, lab: DocumentLab) -> None:
    await lab.guardian_pin.set(GUARDIANS_PIN)
    await office.ask(ProveHolder(Right.CANCELLATION, GUARDIANS_PIN, PinSlot.GUARDIAN))
    await office.ask(CancelAccount())
    assert office.done == [Actor.GUARDIAN]


async def test_what_is_erased_lies_under_a_key_that_is_gone_and_the_phone_hears_of_it(
    office: Office, lab: DocumentLab
) -> None:
    await lab.add_contact("Anna", ["1001"])
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    categories = (DataCategory.CONTACTS, DataCategory.RECORDINGS)
    assert await office.ask(EraseMyData(categories)) == MyDataErased(categories, 1, 0)
    assert office.done == ["stop playing", "forget bundles", "rotate", "reload"]
    office.rotation_fails = True
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    assert await office.ask(EraseMyData(())) == MyDataErased((), 0, 0), "erased it is all the same"


async def test_a_copy_tells_how_far_it_is_and_three_are_enough_for_a_day(office: Office, lab: DocumentLab) -> None:
    finished = []
    for passphrase in ("words", "", "words", "words"):
        await office.ask(ProveHolder(Right.COPY, PIN))
        answer = await office.ask(CopyMyData(passphrase))
        assert isinstance(answer, Outcome)
        finished.append(answer.done)
        lab.pass_time(1)
    assert finished == [True, True, True, False]
    assert office.copying.passphrases == ["words", "", "words"]
    assert office.posted[:2] == [Progressed(CopyMyData("words"), 0), Progressed(CopyMyData("words"), 50)]


async def test_a_stick_may_fetch_a_copy_that_is_finished_and_no_other(office: Office) -> None:
    await office.ask(ProveHolder(Right.COPY, PIN))
    office.copying.failure = OSError(28, "No space left on device")
    await office.ask(CopyMyData("words"))
    assert list(office.exports.listed()) == []
    office.copying.failure = None
    await office.ask(ProveHolder(Right.COPY, PIN))
    await office.ask(CopyMyData("words"))
    assert list(office.exports.listed()) == [("copy", len(b"everything"))]


async def test_whatever_is_erased_nothing_waits_for_a_stick_any_more(office: Office) -> None:
    await office.ask(ProveHolder(Right.COPY, PIN))
    await office.ask(CopyMyData("words"))
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    await office.ask(EraseMyData((DataCategory.MESSAGES,)))
    assert list(office.exports.listed()) == []
    assert "forget bundles" not in office.done


async def erase_everything(office: Office, lab: DocumentLab) -> None:
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    await office.ask(EraseMyData(ERASABLE))


async def delete_contact(office: Office, lab: DocumentLab) -> None:
    await lab.contacts.remove(await lab.add_contact("Anna", ["1001"]))


async def delete_call(office: Office, lab: DocumentLab) -> None:
    await lab.call_log.delete(await lab.make_call())


async def clear_calls(office: Office, lab: DocumentLab) -> None:
    await lab.make_call()
    await lab.call_log.clear()


async def delete_message(office: Office, lab: DocumentLab) -> None:
    await lab.messages.keep(TextMessage("1" * 32, CallDirection.INCOMING, CallerId("1001"), "Hello"))
    await lab.messages.delete("1" * 32)


async def delete_recording(office: Office, lab: DocumentLab) -> None:
    recording_id, writer = await lab.recordings.begin(CallId("a" * 32), "1001", "Ann", SoundFormat.OPUS)
    writer.finish()
    assert await lab.recordings.delete(recording_id)


async def delete_picture(office: Office, lab: DocumentLab) -> None:
    picture = await lab.pictures.add("Garden", Pixels(1, 1, bytes(3)))
    assert await lab.pictures.remove(picture.picture)


async def retain(office: Office, lab: DocumentLab) -> None:
    await lab.make_call()
    lab.periods[DataCategory.CALLS] = 1
    for _ in range(2):
        lab.pass_time(3 * 86_400)
        await lab.retention.enforce()
    assert await lab.call_log.recent(1) == ()


ERASING = [
    erase_everything,
    delete_contact,
    delete_call,
    clear_calls,
    delete_message,
    delete_recording,
    delete_picture,
    retain,
]


@pytest.mark.parametrize("erase", ERASING)
async def test_whatever_goes_a_copy_that_is_being_made_is_not_offered_and_has_to_be_ordered_again(
    office: Office, lab: DocumentLab, erase: Callable[[Office, DocumentLab], Awaitable[None]]
) -> None:
    await lab.consents.grant(Purpose.RECORDING)
    office.copying.meanwhile = lambda: erase(office, lab)
    await office.ask(ProveHolder(Right.COPY, PIN))
    answer = await office.ask(CopyMyData("words"))
    assert answer == Outcome(False, Word("Something was deleted meanwhile. Start again."))
    assert list(office.exports.listed()) == []
    office.copying.meanwhile = None
    await office.ask(ProveHolder(Right.COPY, PIN))
    answer = await office.ask(CopyMyData("words"))
    assert isinstance(answer, Outcome)
    assert answer.done
    await erase(office, lab)
    assert list(office.exports.listed()) == [], "one that waits for a stick goes as well"


async def test_where_retention_finds_nothing_to_delete_a_copy_stays(office: Office, lab: DocumentLab) -> None:
    await office.ask(ProveHolder(Right.COPY, PIN))
    await office.ask(CopyMyData("words"))
    assert await lab.retention.enforce(at_start=True) == 0
    assert [name for name, _ in office.exports.listed()] == ["copy"]


async def test_what_was_put_there_to_be_imported_goes_with_what_came_of_it(office: Office) -> None:
    office.folder.mkdir()
    for name in ("friends.VCF", "cat.png", "letter.txt"):
        (office.folder / name).write_text("somebody's")
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    await office.ask(EraseMyData((DataCategory.CONTACTS,)))
    assert sorted(path.name for path in office.folder.iterdir()) == ["cat.png", "letter.txt"]
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    await office.ask(EraseMyData((DataCategory.PICTURES,)))
    assert [path.name for path in office.folder.iterdir()] == ["letter.txt"]


async def test_a_file_for_import_that_cannot_be_deleted_is_told_of_and_all_else_is_erased(
    office: Office, lab: DocumentLab
) -> None:
    await lab.add_contact("Anna", ["1001"])
    office.folder.mkdir()
    # Something in the place of a file that no overwriting and no unlinking takes away.
    (office.folder / "friends.vcf").mkdir()
    (office.folder / "others.vcf").write_text("somebody's")
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    categories = (DataCategory.CONTACTS,)
    assert await office.ask(EraseMyData(categories)) == MyDataErased(categories, 1, 0)
    assert office.done == ["forget bundles", "rotate", "reload"]
    assert [path.name for path in office.folder.iterdir()] == ["friends.vcf"]
    [sentence] = office.files_noted
    assert f"Delete them there: sudo rm -r {office.folder}" in sentence
    (office.folder / "friends.vcf").rmdir()
    await office.ask(ProveHolder(Right.ERASURE, PIN))
    await office.ask(EraseMyData(categories))
    assert office.files_noted == [sentence, ""]


async def test_contacts_leave_as_cards_and_the_ledger_says_so(office: Office, lab: DocumentLab) -> None:
    await lab.add_contact("Anna", ["1001"])
    await lab.guardian_pin.set(GUARDIANS_PIN)
    await office.ask(ProveHolder(Right.COPY, GUARDIANS_PIN, PinSlot.GUARDIAN))
    answer = await office.ask(CopyContacts())
    assert isinstance(answer, Outcome)
    assert answer.done
    [(name, size_bytes)] = office.exports.listed()
    assert name == "contacts.vcf"
    assert b"Anna" in office.exports.reader(name)(0, size_bytes)
    [entry] = await lab.consents.entries()
    assert (entry.action, entry.about, entry.actor) == (LedgerAction.EXPORT, "contacts", Actor.GUARDIAN)


async def test_a_recording_leaves_as_any_player_takes_it_and_the_ledger_says_so(
    office: Office, lab: DocumentLab
) -> None:
    lab.recordings._joined = lambda _format, chunks: chunks
    await lab.consents.grant(Purpose.RECORDING)
    recording_id, writer = await lab.recordings.begin(CallId("a" * 32), "1001", "Ann", SoundFormat.OPUS)
    writer.write(b"head", SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    await office.ask(ProveHolder(Right.COPY, PIN))
    answer = await office.ask(CopyRecording(recording_id))
    assert isinstance(answer, Outcome)
    assert answer.done
    [(name, size_bytes)] = office.exports.listed()
    assert re.fullmatch(r"wecall-\d{8}-\d{6}\.opus", name)
    assert office.exports.reader(name)(0, size_bytes) == b"head"
    entry = (await lab.consents.entries())[-1]
    assert (entry.action, entry.about) == (LedgerAction.EXPORT, f"recording:{recording_id}")


async def test_a_recording_that_is_gone_is_said(office: Office) -> None:
    await office.ask(ProveHolder(Right.COPY, PIN))
    answer = await office.ask(CopyRecording(RecordingId("b" * 32)))
    assert isinstance(answer, Outcome)
    assert not answer.done


async def test_a_folder_that_cannot_be_written_is_said(office: Office) -> None:
    office.copying.failure = OSError(28, "No space left on device")
    await office.ask(ProveHolder(Right.COPY, PIN))
    answer = await office.ask(CopyMyData("words"))
    assert isinstance(answer, Outcome)
    assert not answer.done


async def test_everything_is_counted_and_said_for_how_long_it_stays(office: Office, lab: DocumentLab) -> None:
    lab.periods[DataCategory.CALLS] = 365
    await lab.make_call()
    answer = await office.ask(ReadMyData())
    assert isinstance(answer, tuple)
    rows = {row.category: row for row in answer}
    assert set(rows) == set(DataCategory)
    assert (rows[DataCategory.CALLS].count, rows[DataCategory.CALLS].days) == (1, 365)
    assert not rows[DataCategory.CONSENTS].erasable
    read = await office.ask(ReadRetention())
    assert isinstance(read, tuple)
    assert [category for category, _ in read] == list(ENDING)


async def test_a_request_is_filed_listed_and_closed(office: Office, lab: DocumentLab) -> None:
    await office.ask(ProveHolder(Right.REQUEST, PIN))
    filed = await office.ask(FileRequest(RequestKind.COMPLAINT))
    assert filed == RequestFiled(1, "6 Mar 2026")
    listed = await office.ask(ListRequests())
    assert isinstance(listed, tuple)
    assert [(row.number, row.due, row.state) for row in listed] == [(1, "6 Mar 2026", RequestState.OPEN)]
    await lab.guardian_pin.set(GUARDIANS_PIN)
    await office.ask(ProveHolder(Right.REQUEST, GUARDIANS_PIN, PinSlot.GUARDIAN))
    closed = await office.ask(CloseRequest(1))
    assert isinstance(closed, tuple)
    assert closed[0].state is RequestState.ANSWERED
    answered = (await lab.consents.entries())[-1]
    assert (answered.action, answered.actor) == (LedgerAction.REQUEST_ANSWERED, Actor.GUARDIAN)


async def answered_request(office: Office, lab: DocumentLab) -> tuple[RequestRow, ...]:
    """File a request, and have the operator refuse it."""
    await office.ask(ProveHolder(Right.REQUEST, PIN))
    await office.ask(FileRequest(RequestKind.COPY))
    [request] = await lab.requests.listed()
    await lab.answers.take(lab.operator.answer(1, 1, request.epoch, "refused"))
    listed = await office.ask(ListRequests())
    assert isinstance(listed, tuple)
    return listed


async def test_an_answer_is_read_in_the_displays_language(office: Office, lab: DocumentLab) -> None:
    [row] = await answered_request(office, lab)
    answer = AnswerRow(1, RequestState.REFUSED, ("It is done.",), "2026-03-01", read=False)
    assert (row.state, row.answer, row.objected) == (RequestState.REFUSED, answer, False)
    office.language = "zh"
    listed = await office.ask(MarkAnswerRead(1))
    assert isinstance(listed, tuple)
    answer = AnswerRow(1, RequestState.REFUSED, ("已办理。",), "2026-03-01", read=True)
    assert listed[0].answer == answer


async def test_whoever_objects_sees_that_the_request_waits_again(office: Office, lab: DocumentLab) -> None:
    await answered_request(office, lab)
    await lab.guardian_pin.set(GUARDIANS_PIN)
    await office.ask(ProveHolder(Right.REQUEST, GUARDIANS_PIN, PinSlot.GUARDIAN))
    listed = await office.ask(ObjectToAnswer(1))
    assert isinstance(listed, tuple)
    [row] = listed
    assert (row.state, row.objected, row.due) == (RequestState.OPEN, True, "6 Mar 2026")
    entry = (await lab.consents.entries())[-1]
    assert (entry.action, entry.actor) == (LedgerAction.OBJECTION, Actor.GUARDIAN)


async def test_days_are_left_out_until_the_clock_is_right_and_are_there_when_it_is_looked_at_next(
    office: Office, lab: DocumentLab
) -> None:
    lab.synced = False
    await office.ask(ProveHolder(Right.REQUEST, PIN))
    assert await office.ask(FileRequest(RequestKind.COPY)) == RequestFiled(1, "")
    listed = await office.ask(ListRequests())
    assert isinstance(listed, tuple)
    assert (listed[0].filed, listed[0].due) == ("", "")
    lab.synced = True
    listed = await office.ask(ListRequests())
    assert isinstance(listed, tuple)
    assert (listed[0].filed, listed[0].due) == ("1 Mar", "6 Mar 2026")


@pytest.mark.parametrize("actor", [Actor.HOLDER, Actor.GUARDIAN])
async def test_overruling_the_phone_stands_in_the_ledger(office: Office, lab: DocumentLab, actor: Actor) -> None:
    await office.ask(NoteOverride(Decision.BLOCKED, actor))
    [entry] = await lab.consents.entries()
    assert (entry.action, entry.about, entry.actor) == (LedgerAction.OVERRIDE, "blocked", actor)


async def test_words_are_drawn_for_a_copy_and_stand_in_no_log(office: Office) -> None:
    answer = await office.ask(DrawPassphrase())
    assert isinstance(answer, str)
    assert answer not in repr(Answered(DrawPassphrase(), answer))
