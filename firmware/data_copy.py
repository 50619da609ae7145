"""A copy of everything that the handset holds about its holder, for whoever the holder gives it to.

One archive (tar): a file for each stretch of each table as JSON, contacts as vCards too, recordings as files that any
player takes, pictures as PNG, receipts as JSON-LD, and at its end a manifest with the SHA-256 of each file. It is made
and encrypted as a stream, so that however much there is neither much memory is taken nor anything of it written in the
clear, unless the holder wants a copy that anybody can read.
"""

import asyncio
import fcntl
import hashlib
import io
import json
import os
import secrets
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from mnemonic import Mnemonic
from PIL import Image

from firmware.durable import sync_folder
from firmware.errors import HandsetError, StorageError
from firmware.phone.contact import Contact
from firmware.phone.my_data import DataCategory
from firmware.privacy.receipts import Issuer, receipts
from firmware.storage.catalogues import StoredCatalogues
from firmware.storage.consents import Consents
from firmware.storage.contacts import StoredContacts
from firmware.storage.my_data import CATEGORY_OF_TABLE, DERIVED, SECRETS, StoredMyData
from firmware.storage.pictures import StoredPictures
from firmware.storage.recording_rows import RecordingState
from firmware.storage.recordings import StoredRecordings

FORMAT: Final = 1
_WORDS: Final = 7
"""Of 2048 each: 77 bits, whose guesses age makes expensive."""
_CONTACTS_A_FILE: Final = 500
_RECORDINGS_AT_ONCE: Final = 50
_PREFIX: Final = "wecall-"
_SEAL: Final = ("-I", "-m", "firmware.seal")

Progress = Callable[[int], None]


def draw_passphrase() -> str:
    """Draw a passphrase of words that are easy to write down and hard to guess."""
    words = Mnemonic("english").wordlist
    return " ".join(secrets.choice(words) for _ in range(_WORDS))


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
    """Writes copies into a folder."""

    def __init__(self, sources: Sources, folder: Path) -> None:
        self._sources = sources
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()

    async def write(self, passphrase: str, progress: Progress) -> tuple[str, ...]:
        """Write a copy; return the names of its files, which are there whole or not at all.

        Args:
            passphrase: what it is encrypted by, empty for not at all.
            progress: is told how far it has come, in per cent.

        Raises:
            StorageError: something cannot be read, or the copy cannot be encrypted.
            OSError: the folder cannot be written.
        """
        async with self._one_at_a_time:
            await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
            with _alone_in(self._folder):
                return await self._write(passphrase, progress)

    async def _write(self, passphrase: str, progress: Progress) -> tuple[str, ...]:
        await asyncio.to_thread(sweep_drafts, self._folder)
        name = f"{_PREFIX}{time.strftime('%Y%m%d-%H%M%S')}.tar"
        try:
            return await (
                self._write_sealed(name, passphrase, progress) if passphrase else self._write_plain(name, progress)
            )
        finally:
            await asyncio.to_thread(sweep_drafts, self._folder)

    async def _write_plain(self, name: str, progress: Progress) -> tuple[str, ...]:
        with _create(self._draft(name)) as file:
            await self._fill(file, progress)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        return await asyncio.to_thread(self._publish, name)

    async def _write_sealed(self, name: str, passphrase: str, progress: Progress) -> tuple[str, ...]:
        sealed, key = f"{name}.age", f"{name.removesuffix('.tar')}.key.age"
        with _create(self._draft(sealed)) as file, _create(self._draft(key)) as key_file:
            taken, given = os.pipe()
            with os.fdopen(given, "wb") as pipe:
                with os.fdopen(taken, "rb") as stdin:
                    child = await asyncio.create_subprocess_exec(
                        sys.executable, *_SEAL, str(key_file.fileno()),
                        stdin=stdin, stdout=file, stderr=asyncio.subprocess.DEVNULL,
                        pass_fds=(key_file.fileno(),), env={}, cwd="/",
                    )  # fmt: skip
                try:
                    await self._feed(pipe, passphrase, progress)
                    await child.wait()
                finally:
                    if child.returncode is None:
                        child.kill()
                        await child.wait()
            if child.returncode:
                raise StorageError("A copy of the holder's data could not be encrypted. Is there memory left for it?")
            await asyncio.to_thread(os.fsync, file.fileno())
        return await asyncio.to_thread(self._publish, key, sealed)

    async def _feed(self, pipe: BinaryIO, passphrase: str, progress: Progress) -> None:
        """Hand everything over, which takes as long as the other process takes to write it."""
        await asyncio.to_thread(pipe.write, passphrase.encode() + b"\n")
        await self._fill(pipe, progress)
        # Its end is the end of the copy.
        await asyncio.to_thread(pipe.close)

    async def _fill(self, file: BinaryIO, progress: Progress) -> None:
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
        while stretch := await self._sources.contacts.after(last, _CONTACTS_A_FILE):
            number += 1
            yield _Member.of(f"contacts/contacts-{number:04}.vcf", DataCategory.CONTACTS, await _vcards(stretch))
            last = stretch[-1].contact_id

    async def _pictures(self) -> AsyncIterator[_Member | _Unreadable]:
        for kept in await self._sources.pictures.list():
            name = f"pictures/{kept.picture}.png"
            try:
                pixels = await self._sources.pictures.read(kept.picture)
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

    def _draft(self, name: str) -> Path:
        return self._folder / f".{name}.new"

    def _publish(self, *names: str) -> tuple[str, ...]:
        for name in names:
            self._draft(name).replace(self._folder / name)
        sync_folder(self._folder)
        return names


def sweep_drafts(folder: Path) -> None:
    """Delete what a copy that was cut off has left behind, which anybody may be able to read."""
    with suppress(OSError):
        for path in list(folder.glob(f".{_PREFIX}*.new")):
            path.unlink(missing_ok=True)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others from a folder: whoever sweeps it would delete what another copy has written so far.

    Raises:
        StorageError: another copy is being written there.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError("Another copy of the holder's data is being written. Wait until it is done.") from error
        yield
    finally:
        os.close(descriptor)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb")


def _open_archive(file: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)


def _up_to_damage(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Return as much as can be read: a recording that is damaged is no reason to go without all else."""
    with suppress(HandsetError):
        yield from parts


def _length(parts: Iterator[bytes]) -> int:
    return sum(map(len, parts))


def _add(archive: tarfile.TarFile, member: _Member) -> str:
    """Write one file into the archive; return its SHA-256."""
    entry = tarfile.TarInfo(member.name)
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


async def _vcards(contacts: tuple[Contact, ...]) -> bytes:
    """Have the process write them that writes all cards."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "firmware.vcard", "write",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={}, cwd="/",
    )  # fmt: skip
    lines = "".join(
        json.dumps({"name": each.name, "numbers": [(number.number, number.kind) for number in each.numbers]}) + "\n"
        for each in contacts
    )
    cards, _ = await child.communicate(lines.encode())
    if child.returncode:
        raise StorageError("The contacts could not be written as cards, so there is no copy.")
    return cards
