"""A copy of one's own comes back: on another phone, twice, after a cut, and never by other words."""

import asyncio
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pydantic import ValidationError

from contract.calls import CallDirection
from contract.consent import Actor, Channel, Purpose
from firmware.base.errors import NotGrantedError
from firmware.phone.call import CallerId, CallId, TextMessage
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.phone.my_data import DataCategory
from firmware.phone.preferences import Preferences
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.data_copy import DataCopy
from firmware.services.exports import Export, Exports
from firmware.services.import_gate import ImportGate
from firmware.services.restore import restorer as restorer_module
from firmware.services.restore.lines import Failure, SettingsLine
from firmware.services.restore.restorer import _FAILURES, Restored, RestoreError, RestoreParts, Restorer, joined
from firmware.store.errors import ErasedMeanwhileError
from firmware.voice.audio.sound_format import best_format, make_decoder, make_encoder
from tests.lab.copy_sources import sources_of
from tests.lab.store import StoreLab

WORDS = "correct horse battery staple"
RGB = bytes(range(48))
TONE = bytes(range(256)) * (4 * SOUND_RATE_HZ // 256)
SETTINGS = Preferences(speed_dials=(("2", "1001"),), blocked=("+8613900139000",), large_text=True, language="zh")


async def begin_old(folder: Path) -> StoreLab:
    """Start the phone that the copy is of."""
    lab = StoreLab(folder)
    await lab.start()
    await lab.consents.grant(Purpose.RECORDING)
    number = ContactNumber("+8613800138000", NumberKind.MOBILE)
    photo = await lab.pictures.add("张伟", Pixels(4, 4, RGB))
    await lab.contacts.save(Contact(0, "张伟", (number,), ring="priority", picture=photo.picture))
    await lab.contacts.save(Contact(0, "Nuisance", (ContactNumber("+442079460000"),), blocked=True))
    anna = await lab.add_contact("Anna", ["1001"])
    del anna
    found = await lab.contacts.after(0, 10)
    await lab.pictures.add_photo(next(each.contact_id for each in found if each.name == "Anna"), Pixels(4, 4, RGB))
    await lab.messages.keep(
        TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1001", "Ann"), "中午", 1_772_000_000.0, read=True)
    )
    await lab.preferences.save(SETTINGS)
    await record(lab, best_format() or SoundFormat.FLAC)
    await lab.make_call()
    return lab


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[StoreLab]:
    lab = await begin_old(tmp_path / "old")
    yield lab
    await lab.stop()


@dataclass(frozen=True)
class Copy:
    """A copy, and what the phone that it is of shows."""

    files: list[bytes]
    shown: Any

    @property
    def archive(self) -> bytes:
        return self.files[-1]


def make_copy(folder: Path, words: str = "") -> Copy:
    async def make() -> Copy:
        lab = await begin_old(folder)
        made = Copy(await copied(lab, folder, words), await everything(lab))
        await lab.stop()
        return made

    return asyncio.run(make())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy in which nothing is sealed, for whoever does nothing to the phone that it is of."""
    return make_copy(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def sealed_copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return make_copy(tmp_path_factory.mktemp("sealed"), WORDS)


async def record(lab: StoreLab, sound_format: SoundFormat) -> None:
    encoder = make_encoder(sound_format, 30_000)
    recording_id, writer = await lab.recordings.begin(CallId("c" * 32), "1001", "Anna", sound_format)
    writer.write(encoder.head(), 0)
    writer.write(encoder.encode(TONE), SOUND_RATE_HZ)
    writer.write(encoder.encode(TONE[: len(TONE) // 2], is_last=True), SOUND_RATE_HZ // 2)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    await lab.recordings.keep(recording_id, keep=True)


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[StoreLab]:
    """The phone in its place, whose holder has agreed to imports and recordings."""
    (tmp_path / "new").mkdir()
    lab = StoreLab(tmp_path / "new", bytes(reversed(range(32))))
    await lab.start()
    for purpose in (Purpose.CONTACT_IMPORT, Purpose.RECORDING):
        await lab.consents.grant(purpose)
    yield lab
    await lab.stop()


async def copied(lab: StoreLab, folder: Path, words: str = "") -> list[bytes]:
    """Return the files of a copy: the key, where there are words, and the archive."""
    sources = sources_of(lab, {"device": "handset-7"})
    files = await DataCopy(sources, Exports(folder)).write(words, lambda _percent: None)
    return [content_of(file) for file in files.values()]


def content_of(file: Export) -> bytes:
    content = bytearray()
    while part := file.read(len(content), 1 << 20):
        content += part
    return bytes(content)


@dataclass
class Bench:
    """Brings copies back into a store."""

    lab: StoreLab
    reloads: int = 0
    erasures: int = 0
    percents: list[int] = field(default_factory=list)

    def restorer(self) -> Restorer:
        lab = self.lab

        def reload() -> None:
            self.reloads += 1

        gate = ImportGate(lambda: lab.consents)
        return Restorer(
            RestoreParts(
                lab.contacts,
                lab.messages,
                lab.preferences,
                lab.pictures,
                lab.recordings,
                lab.consents,
                gate,
                lambda: self.erasures,
                reload,
            )
        )

    async def bring(self, archive: bytes, key: bytes = b"", words: str = "") -> Restored:
        with file_of(archive) as file:
            return await self.restorer().restore(file, key, words, self.percents.append)


def file_of(content: bytes) -> BinaryIO:
    file = os.fdopen(os.memfd_create("copy"), "w+b")
    file.write(content)
    file.flush()
    return file


async def everything(lab: StoreLab) -> Any:
    """Return what is kept that came by a copy, as the phone shows it."""
    contacts = [
        (each.name, each.numbers, each.ring, each.blocked, bool(each.picture))
        for each in await lab.contacts.after(0, 100)
    ]
    _, recordings = await lab.recordings.listed(0, 100)
    sounds = []
    for each in recordings:
        reader, decoder = await lab.recordings.open(each.recording_id), make_decoder(each.sound_format)
        assert reader is not None
        sounds.append((each.recording_id, each.number, each.duration_s, each.state, each.kept,
                       b"".join(decoder.decode(chunk.sound) for chunk in reader)))  # fmt: skip
    pictures = [(each.name, (await lab.pictures.read(each.picture))) for each in await lab.pictures.list()]
    return contacts, await lab.messages.newest(100), sounds, pictures, await lab.preferences.load()


@pytest.mark.feature("own copy")
async def test_everything_of_the_holders_comes_back_on_another_phone_by_the_words(
    sealed_copy: Copy, new: StoreLab
) -> None:
    key, archive = sealed_copy.files
    before = len(await new.consents.entries())
    bench = Bench(new)
    restored = await bench.bring(archive, key, WORDS)
    assert await everything(new) == sealed_copy.shown
    assert (restored.contacts.added, restored.messages, restored.recordings, restored.pictures) == (3, 1, 1, 2)
    assert (restored.settings, restored.left_out, restored.unasked) == (True, 0, 0)
    assert len(await new.consents.entries()) == before, "no consent comes back, and none goes"
    assert bench.percents == sorted(bench.percents)
    assert bench.reloads == 1


async def test_other_words_change_nothing(sealed_copy: Copy, new: StoreLab) -> None:
    key, archive = sealed_copy.files
    nothing = await everything(new)
    with pytest.raises(RestoreError, match="not the words"):
        await Bench(new).bring(archive, key, "correct horse battery stable")
    assert await everything(new) == nothing


async def test_the_same_copy_twice_is_as_good_as_once(old: StoreLab, new: StoreLab, tmp_path: Path) -> None:
    [archive] = await copied(old, tmp_path)
    await Bench(new).bring(archive)
    once = await everything(new)
    again = await Bench(new).bring(archive)
    assert await everything(new) == once
    assert again == Restored(contacts=replace(again.contacts, known=3))
    # On the phone that it is of there is nothing to bring back either.
    await old.consents.grant(Purpose.CONTACT_IMPORT)
    there = await everything(old)
    await Bench(old).bring(archive)
    assert await everything(old) == there


async def test_what_is_here_stays(copy: Copy, new: StoreLab) -> None:
    await new.preferences.save(Preferences(speed_dials=(("2", "555"), ("3", "556")), blocked=("557",), language="en"))
    await new.add_contact("Mary", ["558"])
    await Bench(new).bring(copy.archive)
    assert await new.preferences.load() == replace(
        SETTINGS, speed_dials=(("2", "555"), ("3", "556")), blocked=("557", "+8613900139000"), language="en"
    )
    assert {each.name for each in await new.contacts.after(0, 100)} == {"Mary", "Anna", "Nuisance", "张伟"}


async def test_recordings_come_back_in_their_order_behind_those_that_are_here(
    old: StoreLab, new: StoreLab, tmp_path: Path
) -> None:
    await record(old, SoundFormat.FLAC)
    await record(new, SoundFormat.FLAC)
    [archive] = await copied(old, tmp_path)
    _, here = await new.recordings.listed(0, 9)
    _, there = await old.recordings.listed(0, 9)
    await Bench(new).bring(archive)
    _, both = await new.recordings.listed(0, 9)
    assert [each.recording_id for each in both] == [each.recording_id for each in (*here, *there)]


async def test_lists_that_are_full_keep_what_is_here() -> None:
    here = Preferences(blocked=tuple(map(str, range(1000, 1200))))
    assert joined(here, Preferences(blocked=("7",))).blocked == here.blocked
    learned = Preferences(written=tuple((str(number), "张") for number in range(1000, 1200)))
    assert joined(learned, Preferences(written=(("94", "王"), ("1000", "黄")))).written == learned.written


async def test_settings_that_hold_more_than_a_phone_learns_are_left_out() -> None:
    learned = Preferences(written=tuple((str(number), "张") for number in range(1000, 1200)))
    assert SettingsLine(preferences=learned).preferences == learned
    for written in ((*learned.written, ("94", "王")), (("94", "王" * 9),), (("wang", "王"),)):
        with pytest.raises(ValidationError):
            SettingsLine(preferences=Preferences(written=written))


async def test_a_recording_that_there_is_no_room_for_is_left_out_and_nothing_of_it_stays(
    copy: Copy, new: StoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new.recordings, "_free_bytes", lambda: new.recordings.limits.reserve_bytes + 100)
    restored = await Bench(new).bring(copy.archive)
    assert (restored.recordings, restored.left_out, restored.messages) == (0, 1, 1)
    assert await new.recordings.listed(0, 100) == (0, ())
    assert list(new.recordings._folder.iterdir()) == []


async def test_without_a_yes_to_imports_nothing_comes_back_and_without_one_to_recordings_none_of_them(
    copy: Copy, new: StoreLab
) -> None:
    await new.consents.withdraw(Purpose.RECORDING)
    restored = await Bench(new).bring(copy.archive)
    assert (restored.recordings, restored.unasked) == (0, 1)
    await new.consents.grant(Purpose.RECORDING)
    assert (await Bench(new).bring(copy.archive)).recordings == 1
    await new.consents.withdraw(Purpose.CONTACT_IMPORT)
    with pytest.raises(NotGrantedError):
        await Bench(new).bring(copy.archive)


@pytest.fixture(scope="module")
def read_before(copy: Copy) -> tuple[str, ...]:
    """What has a process say all that the one says that reads the copy, in a hundredth of its time."""
    with file_of(copy.archive) as file:
        read = subprocess.run(
            [sys.executable, *restorer_module._READ, str(file.fileno())],
            input=b"\n", capture_output=True, check=True, pass_fds=[file.fileno()],
        )  # fmt: skip
    return ("-I", "-S", "-c", f"import sys; sys.stdout.buffer.write({read.stdout!r})")


@pytest.mark.parametrize("steps", range(1, 11))
async def test_wherever_it_is_cut_off_the_next_time_brings_the_same(
    copy: Copy, new: StoreLab, read_before: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    left = steps

    def cut() -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(restorer_module, "_READ", read_before)
    bench = Bench(new)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bench, "erasures", property(lambda _bench: cut()), raising=False)
        with pytest.raises(KeyboardInterrupt):
            await bench.bring(copy.archive)
    await new.stop()
    new.make_parts()
    await new.start()
    await new.pictures.sweep()
    assert await new.recordings.sweep() == ()
    await Bench(new).bring(copy.archive)
    assert await everything(new) == copy.shown


async def test_what_is_erased_while_a_copy_comes_back_stays_erased(copy: Copy, new: StoreLab) -> None:
    bench = Bench(new)

    class Erasing(list[int]):
        def append(self, _percent: int) -> None:
            bench.erasures += 1

    bench.percents = Erasing()
    with pytest.raises(ErasedMeanwhileError):
        await bench.bring(copy.archive)


def rewritten(archive: bytes, change: Callable[[str, bytes], bytes], *, honest: bool = True) -> bytes:
    """Return a copy with other files; `honest` has its manifest say what they are."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as before:
        files = {entry.name: before.extractfile(entry).read() for entry in before}  # type: ignore[union-attr]
    files = {name: change(name, content) for name, content in files.items()}
    if honest:
        manifest = json.loads(files.pop("manifest.json"))
        manifest["files"] = [
            {"name": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        ]
        files["manifest.json"] = json.dumps(manifest).encode()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as after:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            after.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def changed_byte(name: str, content: bytes) -> bytes:
    return content.replace(b"Nuisance", b"Nuisancf") if name.startswith("contacts/") else content


def of_the_future(name: str, content: bytes) -> bytes:
    return content.replace(b'"format": 1', b'"format": 2') if name == "manifest.json" else content


@pytest.mark.parametrize(
    ("spoil", "failure"),
    [
        (lambda archive: archive[: len(archive) // 2], Failure.DAMAGED),
        (lambda archive: rewritten(archive, changed_byte, honest=False), Failure.DAMAGED),
        (lambda archive: rewritten(archive, of_the_future), Failure.TOO_NEW),
        (lambda _archive: b"", Failure.NOT_A_COPY),
        (lambda _archive: b"\xff" * 100_000, Failure.NOT_A_COPY),
    ],
    ids=["cut", "changed", "newer", "empty", "noise"],
)
async def test_what_is_no_whole_copy_changes_nothing_and_is_said_in_a_sentence(
    copy: Copy, new: StoreLab, spoil: Callable[[bytes], bytes], failure: Failure
) -> None:
    nothing = await everything(new)
    with pytest.raises(RestoreError) as caught:
        await Bench(new).bring(spoil(copy.archive))
    assert caught.value.words == _FAILURES[failure]
    assert await everything(new) == nothing


async def test_a_link_in_a_copy_makes_it_none(new: StoreLab) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo("contacts/contacts-0001.json")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(RestoreError) as caught:
        await Bench(new).bring(made.getvalue())
    assert caught.value.words == _FAILURES[Failure.NOT_A_COPY]


BAD: dict[str, Any] = {
    "preferences": {"chosen": json.dumps({"forward_always": "1" * 200})},
    "messages": {"message_id": "../../etc/passwd"},
    "contacts": {"ring": "../ring"},
    "pictures": {"picture": "../../../store.db"},
    "recordings": {"recording_id": "../../../store.db", "duration_s": -1},
}


@pytest.mark.parametrize("table", sorted(BAD))
async def test_rows_that_are_not_as_they_may_be_kept_are_left_out_and_all_others_come_back(
    copy: Copy, new: StoreLab, table: str
) -> None:
    def spoil(name: str, content: bytes) -> bytes:
        if f"/{table}-" not in name or not name.endswith(".json"):
            return content
        said = json.loads(content)
        said["rows"][0] |= BAD[table]
        return json.dumps(said).encode()

    restored = await Bench(new).bring(rewritten(copy.archive, spoil))
    assert restored.left_out == 1
    assert len(await new.contacts.after(0, 100)) == (2 if table == "contacts" else 3)
    assert {path.name for path in (new.path.parent / "pictures").iterdir()} == set(await new.pictures.names())


async def test_sound_that_is_none_is_left_out(copy: Copy, new: StoreLab) -> None:

    def spoil(name: str, content: bytes) -> bytes:
        return content[:200] + b"noise" * 100 if name.startswith("recordings/") and ".json" not in name else content

    restored = await Bench(new).bring(rewritten(copy.archive, spoil))
    assert (restored.recordings, restored.left_out) == (0, 1)
    assert await new.recordings.listed(0, 9) == (0, ())


async def test_sound_in_flac_comes_back_as_it_was(old: StoreLab, new: StoreLab, tmp_path: Path) -> None:
    await old.erasure.erase([DataCategory.RECORDINGS], actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await record(old, SoundFormat.FLAC)
    [archive] = await copied(old, tmp_path)
    assert (await Bench(new).bring(archive)).recordings == 1
    assert await everything(new) == await everything(old)


async def test_one_copy_comes_back_at_a_time(copy: Copy, new: StoreLab) -> None:
    restorer = Bench(new).restorer()
    with file_of(copy.archive) as one, file_of(copy.archive) as two:
        await asyncio.gather(*(restorer.restore(each, b"", "", lambda _: None) for each in (one, two)))
    assert await everything(new) == copy.shown
