"""A copy of everything that the handset holds about its holder, for whoever the holder gives it to.

One archive (tar): a file for each stretch of each table as JSON, contacts as vCards too, recordings as files that any
player takes, pictures as PNG, receipts as JSON-LD, and at its end a manifest with the SHA-256 of each file. It is made
and encrypted as a stream, so that however much there is neither much memory is taken nor anything of it written in the
clear: a copy that anybody can read is one on the stick only.
"""

import asyncio
import hashlib
import io
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from PIL import Image

from firmware.base.errors import HandsetError, StorageError
from firmware.phone.my_data import DataCategory
from firmware.privacy.receipts import Issuer, receipts
from firmware.services.exports import Export, Exports
from firmware.services.restore.lines import FORMAT, WORDS
from firmware.store.catalogues import StoredCatalogues
from firmware.store.consents import Consents
from firmware.store.contacts import StoredContacts
from firmware.store.my_data import CATEGORY_OF_TABLE, DERIVED, SECRETS, StoredMyData
from firmware.store.pictures import StoredPictures
from firmware.store.recording_files import RecordingState
from firmware.store.recordings import StoredRecordings
from firmware.vcard.lines import CardLine
from firmware.vcard.properties import Card

if TYPE_CHECKING:
    from tarfile import TarFile

_CONTACTS_A_FILE: Final = 500
_RECORDINGS_AT_ONCE: Final = 50
_PREFIX: Final = "wecall-"
_SEAL: Final = ("-I", "-m", "firmware.store.seal")

Progress = Callable[[int], None]


class _Sink(Protocol):
    """What an archive is written into."""

    def write(self, data: bytes, /) -> int: ...


def draw_passphrase() -> str:
    """Draw a passphrase of words that are easy to write down and hard to guess."""
    from mnemonic import Mnemonic  # noqa: PLC0415 - 0.5 MB, for a copy only

    words = Mnemonic("english").wordlist
    return " ".join(secrets.choice(words) for _ in range(WORDS))


@dataclass(frozen=True, slots=True)
class Sources:
    """What a copy is made of.

    Attributes:
        account: what the installer has set about the line, which is in no table.
    """

    my_data: StoredMyData
    contacts: StoredContacts
    recordings: StoredRecordings
    pictures: StoredPictures
    consents: Consents
    catalogues: StoredCatalogues
    issuer: Issuer
    account: Mapping[str, Any]
    synced: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of the archive: its bytes come in parts, and are as many as `size_bytes` says."""

    name: str
    category: DataCategory
    size_bytes: int
    parts: Iterator[bytes] = field(repr=False)

    @classmethod
    def of(cls, name: str, category: DataCategory, content: bytes) -> "_Member":
        return cls(name, category, len(content), iter((content,)))


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """One file that the archive goes without, for what it is made of is gone or damaged."""

    name: str


class _HashedParts(io.RawIOBase):
    """Lets the archive read parts, and knows what it has read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._parts = parts
        self._left = b""
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while len(self._left) < size:
            part = next(self._parts, None)
            if part is None:
                break
            self._left += part
        taken, self._left = self._left[:size], self._left[size:]
        self.digest.update(taken)
        return taken


class DataCopy:
    """Writes copies."""

    def __init__(self, sources: Sources, exports: Exports) -> None:
        self._sources = sources
        self._exports = exports
        self._one_at_a_time = asyncio.Lock()

    async def write(self, passphrase: str, progress: Progress) -> Mapping[str, Export]:
        """Write a copy; return its files by their names.

        Args:
            passphrase: what it is encrypted by, empty for not at all.
            progress: is told how far it has come, in per cent.

        Raises:
            StorageError: something cannot be read, or the copy cannot be encrypted.
            OSError: the card cannot be written.
        """
        name = f"{_PREFIX}{time.strftime('%Y%m%d-%H%M%S')}.tar"
        sealed, key = f"{name}.age", f"{name.removesuffix('.tar')}.key.age"
        async with self._one_at_a_time:
            names = (key, sealed) if passphrase else (name,)
            files = {each: await asyncio.to_thread(self._exports.begin) for each in names}
            try:
                if passphrase:
                    await self._write_sealed(files[sealed], files[key], passphrase, progress)
                else:
                    await self._fill(files[name], progress)
                for file in files.values():
                    await asyncio.to_thread(file.finish)
            except BaseException:
                for file in files.values():
                    file.close()
                raise
        return files

    async def _write_sealed(self, sealed: Export, key: Export, passphrase: str, progress: Progress) -> None:
        with tempfile.TemporaryFile() as key_file:
            taken, given = os.pipe()
            with os.fdopen(given, "wb") as pipe:
                with os.fdopen(taken, "rb") as stdin:
                    child = await asyncio.create_subprocess_exec(
                        sys.executable, *_SEAL, str(key_file.fileno()),
                        stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                        pass_fds=(key_file.fileno(),), env={}, cwd="/",
                    )  # fmt: skip
                async with sealed.taking_from(child):
                    await self._feed(pipe, passphrase, progress)
            if child.returncode:
                raise StorageError("A copy of the holder's data could not be encrypted. Is there memory left for it?")
            key_file.seek(0)
            key.write(key_file.read())

    async def _feed(self, pipe: BinaryIO, passphrase: str, progress: Progress) -> None:
        """Hand everything over, which takes as long as the other process takes to write it."""
        await asyncio.to_thread(pipe.write, passphrase.encode() + b"\n")
        await self._fill(pipe, progress)
        # Its end is the end of the copy.
        await asyncio.to_thread(pipe.close)

    async def _fill(self, file: _Sink, progress: Progress) -> None:
        """Write the archive."""
        steps = len(CATEGORY_OF_TABLE) + (await self._sources.recordings.listed(0, 0))[0] + 2
        files: list[dict[str, Any]] = []
        unreadable: list[str] = []
        archive = await asyncio.to_thread(_open_archive, file)
        try:
            async for done, member in self._members():
                if isinstance(member, _Unreadable):
                    unreadable.append(member.name)
                elif member is not None:
                    digest = await asyncio.to_thread(_add, archive, member)
                    files.append(
                        {
                            "name": member.name,
                            "category": member.category.value,
                            "size_bytes": member.size_bytes,
                            "sha256": digest,
                        }
                    )
                progress(min(99, 100 * done // steps))
            manifest = {
                "format": FORMAT,
                "device": self._sources.issuer.device,
                "made_at": time.time(),
                "clock_synced": self._sources.synced(),
                "left_out": {table: sorted(columns) for table, columns in SECRETS.items()},
                "unreadable": unreadable,
                "files": files,
            }
            await asyncio.to_thread(_add, archive, _Member.of("manifest.json", DataCategory.ACCOUNT, _json(manifest)))
        finally:
            # Also where it came to nothing: what is never closed complains of it later.
            with suppress(OSError):
                await asyncio.to_thread(archive.close)

    async def _members(self) -> AsyncIterator[tuple[int, _Member | _Unreadable | None]]:
        """Return everything, each thing with how many steps are done; a step that has nothing to say is None."""
        step = 0
        sources = self._sources
        yield step, _Member.of("account/line.json", DataCategory.ACCOUNT, _json(sources.account))
        for table, category in CATEGORY_OF_TABLE.items():
            step += 1
            if table in DERIVED:
                continue
            number = 0
            async for rows in sources.my_data.rows(table):
                number += 1
                name = f"{category}/{table}-{number:04}.json"
                yield step, _Member.of(name, category, _json({"table": table, "rows": rows}))
            yield step, None
        async for cards in self._cards():
            yield step, cards
        async for picture in self._pictures():
            yield step, picture
        yield step + 1, await self._receipts()
        async for recording in self._recordings():
            step += 1
            yield step, recording

    async def _cards(self) -> AsyncIterator[_Member]:
        last = number = 0
        while stretch := await self._sources.contacts.cards_after(last, _CONTACTS_A_FILE):
            number += 1
            yield _Member.of(f"contacts/contacts-{number:04}.vcf", DataCategory.CONTACTS, await _vcards(stretch))
            last = stretch[-1].contact.contact_id

    async def _pictures(self) -> AsyncIterator[_Member | _Unreadable]:
        for picture in await self._sources.pictures.names():
            name = f"pictures/{picture}.png"
            try:
                pixels = await self._sources.pictures.read(picture)
            except StorageError:
                # Its file is gone or damaged; where it is the store that fails, what is read from it next fails too.
                yield _Unreadable(name)
                continue
            if pixels is not None:
                png = await asyncio.to_thread(_png, pixels.width_px, pixels.height_px, pixels.rgb)
                yield _Member.of(name, DataCategory.PICTURES, png)

    async def _receipts(self) -> _Member:
        sources = self._sources
        catalogues = await sources.catalogues.by_version()
        entries = await sources.consents.entries()
        made = [receipt for _, receipt in receipts(entries, lambda version: catalogues[version], sources.issuer)]
        return _Member.of("consents/receipts.jsonld", DataCategory.CONSENTS, _json(made))

    async def _recordings(self) -> AsyncIterator[_Member]:
        first = 0
        while True:
            _, stretch = await self._sources.recordings.listed(first, _RECORDINGS_AT_ONCE)
            if not stretch:
                return
            first += len(stretch)
            for recording in stretch:
                if recording.state is RecordingState.RUNNING:
                    continue
                # An archive says how long a file is before the file comes, so it is read twice.
                read = self._sources.recordings.read_ogg
                size_bytes = await asyncio.to_thread(_length, _up_to_damage(await read(recording.recording_id)))
                yield _Member(
                    f"recordings/{recording.recording_id}.{recording.sound_format.value}",
                    DataCategory.RECORDINGS,
                    size_bytes,
                    _up_to_damage(await read(recording.recording_id)),
                )


def _open_archive(file: _Sink) -> "TarFile":
    import tarfile  # noqa: PLC0415 - 0.4 MB, for a copy only

    return tarfile.open(fileobj=cast("BinaryIO", file), mode="w|", format=tarfile.PAX_FORMAT)


def _up_to_damage(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Return as much as can be read: a recording that is damaged is no reason to go without all else."""
    with suppress(HandsetError):
        yield from parts


def _length(parts: Iterator[bytes]) -> int:
    return sum(map(len, parts))


def _add(archive: "TarFile", member: _Member) -> str:
    """Write one file into the archive; return its SHA-256."""
    entry = archive.tarinfo(member.name)
    entry.size = member.size_bytes
    entry.mode = 0o600
    parts = _HashedParts(member.parts)
    archive.addfile(entry, parts)
    return parts.digest.hexdigest()


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _png(width_px: int, height_px: int, rgb: bytes) -> bytes:
    content = io.BytesIO()
    Image.frombytes("RGB", (width_px, height_px), rgb).save(content, "PNG")
    return content.getvalue()


async def _vcards(cards: tuple[Card, ...]) -> bytes:
    """Have the process write them that writes all cards."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "firmware.vcard", "write", "3.0",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={}, cwd="/",
    )  # fmt: skip
    lines = "".join(f"{CardLine.of(card).model_dump_json()}\n" for card in cards)
    written, _ = await child.communicate(lines.encode())
    if child.returncode:
        raise StorageError("The contacts could not be written as cards, so there is no copy.")
    return written
