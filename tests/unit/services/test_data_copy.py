"""A copy of everything: what is in it, that it opens with age, and what a copy that is cut off leaves."""

import asyncio
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyrage import decrypt_io, passphrase, x25519

from contract.calls import CallDirection
from contract.consent import Actor, Channel, Purpose, RequestKind
from firmware.base.errors import MediaError, StorageError
from firmware.phone.call import CallerId, CallId, TextMessage
from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.my_data import DataCategory
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingId
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services import data_copy
from firmware.services.data_copy import DataCopy, draw_passphrase
from firmware.services.exports import Export, Exports
from firmware.store.database import Database
from firmware.store.my_data import CATEGORY_OF_TABLE, DERIVED, SECRETS
from firmware.vcard.properties import Card, CardParameter, CardProperty
from tests.lab.copy_sources import sources_of
from tests.lab.store import StoreLab

SECRET = "correct horse battery staple"
RGB = bytes(range(48))
# The niceness of the process that encrypts has it wait for whatever else this computer does.
SEALED_PROMPTLY = "from firmware.store.seal import __main__ as seal; seal._NICENESS = 0; seal.main()"
# What age makes expensive for whoever guesses takes seconds here too.
SEALED_BY_NO_PASSPHRASE = f"""
from types import SimpleNamespace
from firmware.store.seal import __main__ as seal
seal.passphrase = SimpleNamespace(encrypt=lambda key, _passphrase: key)
{SEALED_PROMPTLY}
"""


async def filled(folder: Path) -> StoreLab:
    """Return a store with something of each kind in it."""
    lab = StoreLab(folder)
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.RECORDING)
    await lab.add_contact("张伟", ["+8613800138000", "1001"])
    anna = Contact(0, "Anna Bell", (ContactNumber("+442079460000"),))
    mail = CardProperty(
        name="EMAIL", value="anna@example.com", parameters=(CardParameter(name="TYPE", values=("HOME",)),)
    )
    await lab.contacts.merge_cards([Card(anna, (mail,))])
    for _ in range(3):
        await lab.make_call()
    batch = await lab.outbox.next_batch(9)
    await lab.outbox.hand_over([message.key for message in batch])
    await lab.messages.keep(
        TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1001", "Ann"), "中午", delivered=True)
    )
    await lab.preferences.save(Preferences())
    await lab.pin.set("4711")
    await lab.pictures.add("cat", Pixels(4, 4, RGB))
    await lab.requests.file(RequestKind.ACCESS, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    await record(lab)
    return lab


@pytest.fixture
async def lab(tmp_path: Path, quick_pins: None) -> AsyncIterator[StoreLab]:
    lab = await filled(tmp_path / "state")
    yield lab
    await lab.stop()


async def record(lab: StoreLab) -> RecordingId:
    recording_id, writer = await lab.recordings.begin(CallId("c" * 32), "+861012345678", "Anna", SoundFormat.FLAC)
    writer.write(b"head", 0)
    writer.write(b"a second of sound", SOUND_RATE_HZ)
    writer.finish()
    await lab.recordings.end(recording_id, complete=True, lost_s=0)
    return recording_id


@pytest.fixture(autouse=True)
def _cheap_sealing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_copy, "_SEAL", ("-I", "-c", SEALED_BY_NO_PASSPHRASE))


def copy_of(lab: StoreLab, folder: Path) -> DataCopy:
    lab.recordings._joined = lambda _format, chunks: chunks
    sources = sources_of(lab, {"device": "handset-7"})
    return DataCopy(sources, Exports(folder))


def nothing(_percent: int) -> None: ...


def opened(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]


def content_of(file: Export) -> bytes:
    content = bytearray()
    while part := file.read(len(content), 1 << 20):
        content += part
    return bytes(content)


async def plain_copy(lab: StoreLab, folder: Path) -> dict[str, bytes]:
    """Make a copy that anybody can read, and open it."""
    [file] = (await copy_of(lab, folder).write("", nothing)).values()
    return opened(content_of(file))


def decrypted(files: Mapping[str, bytes]) -> bytes:
    """Do what `age -d -i KEY COPY` does."""
    key, sealed = files.values()
    identity = x25519.Identity.from_str(passphrase.decrypt(key, SECRET).decode().strip())
    content = io.BytesIO()
    decrypt_io(io.BytesIO(sealed), content, [identity])
    return content.getvalue()


async def kept(lab: StoreLab, table: str) -> int:
    def count(database: Database) -> int:
        return int(database.query(f"SELECT count(*) FROM {table}")[0][0])

    return await lab.store.run(count)


@dataclass(frozen=True)
class Sealed:
    """The files of a copy that the real age has sealed, and how many rows of each table there are."""

    files: dict[str, bytes]
    rows: dict[str, int]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    async def make(folder: Path) -> Sealed:
        lab = await filled(folder / "state")
        files = await copy_of(lab, folder).write(SECRET, nothing)
        rows = {table: await kept(lab, table) for table in CATEGORY_OF_TABLE if table not in DERIVED}
        await lab.stop()
        return Sealed({name: content_of(file) for name, file in files.items()}, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_copy, "_SEAL", ("-I", "-c", SEALED_PROMPTLY))
        return asyncio.run(make(tmp_path_factory.mktemp("sealed")))


def test_the_real_age_opens_a_copy_and_everything_of_the_store_is_in_it(sealed: Sealed) -> None:
    files = opened(decrypted(sealed.files))
    rows: dict[str, list[dict[str, Any]]] = {}
    for name, content in files.items():
        if name.endswith(".json") and name not in {"manifest.json", "account/line.json"}:
            part = json.loads(content)
            rows.setdefault(part["table"], []).extend(part["rows"])
            assert name.startswith(f"{CATEGORY_OF_TABLE[part['table']]}/")
    for table, count in sealed.rows.items():
        assert len(rows.get(table, [])) == count, table
        assert all(SECRETS.get(table, frozenset()).isdisjoint(row) for row in rows.get(table, []))
    assert {row["name"] for row in rows["contacts"]} == {"张伟", "Anna Bell"}
    assert rows["messages"][0]["text"] == "中午"
    cards = files["contacts/contacts-0001.vcf"].decode()
    assert "张伟" in cards
    assert "+442079460000" in cards
    assert "\r\nEMAIL;TYPE=HOME:anna@example.com\r\n" in cards
    assert "anna@example.com" in {row["name"]: row["properties"] for row in rows["contacts"]}["Anna Bell"]
    [recording] = [content for name, content in files.items() if name.startswith("recordings/") and "json" not in name]
    assert recording == b"heada second of sound"
    [picture] = [content for name, content in files.items() if name.endswith(".png")]
    assert Image.open(io.BytesIO(picture)).tobytes() == RGB
    assert len(json.loads(files["consents/receipts.jsonld"])) == 2


async def test_the_manifest_names_each_file_and_its_hash(lab: StoreLab, tmp_path: Path) -> None:
    files = await plain_copy(lab, tmp_path)
    manifest = json.loads(files.pop("manifest.json"))
    assert {each["name"]: each["sha256"] for each in manifest["files"]} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert {each["category"] for each in manifest["files"]} == {
        str(category) for category in DataCategory if category not in {DataCategory.POLICIES, DataCategory.NOTICES}
    }
    assert manifest["left_out"]["pins"] == ["code"]
    assert manifest["unreadable"] == []


def test_no_word_of_an_encrypted_copy_can_be_read(sealed: Sealed) -> None:
    [key_name, name] = sealed.files
    assert (key_name.endswith(".key.age"), name.endswith(".tar.age")) == (True, True)
    key, content = sealed.files.values()
    assert key.startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert content.startswith(b"age-encryption.org/v1\n-> X25519 ")
    # None so short that it would stand by chance in some of 50 kB.
    for canary in (b"Anna Bell", "张伟".encode(), b"+8613800138000", b"+442079460000", b"manifest", b"second of sound"):
        assert canary not in content


async def test_a_copy_that_fails_leaves_nothing_and_the_next_one_is_whole(
    lab: StoreLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of(lab, tmp_path / "state")
    before = sorted(path.name for path in (tmp_path / "state").iterdir())
    with monkeypatch.context() as patch:

        async def fail(_copy: DataCopy) -> None:
            raise StorageError("the card is damaged")

        patch.setattr(DataCopy, "_receipts", fail)
        with pytest.raises(StorageError):
            await copy.write(SECRET, nothing)
    assert "manifest.json" in await plain_copy(lab, tmp_path / "state")
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == before


async def test_of_a_recording_that_is_damaged_the_copy_holds_what_comes_before(lab: StoreLab, tmp_path: Path) -> None:
    copy = copy_of(lab, tmp_path)

    def damaged(_format: SoundFormat, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield next(chunks)
        raise MediaError("A recording holds what is no sound.")

    lab.recordings._joined = damaged
    [file] = (await copy.write("", nothing)).values()
    [sound] = [content for name, content in opened(content_of(file)).items() if name.endswith(".flac")]
    assert sound == b"head"


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"no picture")], ids=["gone", "damaged"])
async def test_a_picture_that_cannot_be_read_is_left_out_and_the_manifest_says_so(
    lab: StoreLab, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    [lost] = await lab.pictures.list()
    kept = await lab.pictures.add("dog", Pixels(4, 4, RGB))
    damage(lab.path.parent / "pictures" / lost.picture)
    files = await plain_copy(lab, tmp_path)
    assert json.loads(files["manifest.json"])["unreadable"] == [f"pictures/{lost.picture}.png"]
    assert [name for name in files if name.endswith(".png")] == [f"pictures/{kept.picture}.png"]
    assert "consents/receipts.jsonld" in files


async def test_two_copies_at_once_by_the_menu_and_by_the_command_line_do_each_other_no_harm(
    lab: StoreLab, tmp_path: Path
) -> None:
    by_menu, by_command = copy_of(lab, tmp_path), copy_of(lab, tmp_path)
    for files in await asyncio.gather(by_menu.write("", nothing), by_command.write("", nothing)):
        [file] = files.values()
        assert "manifest.json" in opened(content_of(file))


async def test_progress_rises_and_is_told(lab: StoreLab, tmp_path: Path) -> None:
    told: list[int] = []
    await copy_of(lab, tmp_path).write("", told.append)
    assert told == sorted(told)
    assert told[-1] > 90


def test_passphrases_have_seven_words_and_are_never_the_same() -> None:
    drawn = {draw_passphrase() for _ in range(100)}
    assert len(drawn) == 100
    assert all(len(words.split()) == 7 for words in drawn)
