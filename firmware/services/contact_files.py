"""Contacts in files: every vCard file of a folder is read, and all contacts are written into one to take away."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from firmware.base.errors import StorageError
from firmware.base.words import Text, counted, word
from firmware.phone.events import BlockedContactsLoaded, Event
from firmware.phone.my_data import DataCategory
from firmware.phone.request import Outcome
from firmware.services import exchange
from firmware.services.exports import Export
from firmware.services.folder import Progress
from firmware.services.import_gate import ImportGate
from firmware.services.photos import ContactPhotos
from firmware.store.contact_merge import MergeCount
from firmware.store.contacts import StoredContacts
from firmware.vcard.cards import Mistake
from firmware.vcard.lines import MAX_LINE_BYTES, CardLine, CardsLine
from firmware.vcard.properties import Card, Version

_log = logging.getLogger(__name__)

_MOST_FILES: Final = 100
_PAUSE_S: Final = 0.01
"""After each batch, so that what a call writes into the store need not wait for more than one of them, and so that a
file of broken cards leaves the main thread time for keys."""
_LOOK_S: Final = 0.25
"""How often it is looked at how far a file has been read."""
_EXPORTED_AT_ONCE: Final = 50
EXPORT_NAME: Final = "contacts.vcf"
MOST_MISTAKES: Final = 1000


@dataclass(slots=True)
class Report:
    """What has become of the cards so far.

    Attributes:
        since: what `StoredContacts.erasures` was when it began; it ends when that has changed.
        mistakes: where cards are broken, and what is wrong there: the first `MOST_MISTAKES` of them.
    """

    since: int
    count: MergeCount = field(default_factory=MergeCount)
    cut: int = 0
    photos_left_out: int = 0
    broken: int = 0
    first_broken: tuple[str, int] | None = None
    mistakes: list[tuple[int, Mistake]] = field(default_factory=list)
    unfinished: int = 0

    def words(self) -> Text:
        """Say it in a sentence or a few."""
        count = self.count
        parts = [
            counted("{count} contact added.", "{count} contacts added.", count.added),
            counted("{count} was completed.", "{count} were completed.", count.completed) if count.completed else "",
            counted("{count} was there already.", "{count} were there already.", count.known) if count.known else "",
            counted("{count} was shortened.", "{count} were shortened.", self.cut) if self.cut else "",
            counted("{count} photo was left out.", "{count} photos were left out.", self.photos_left_out)
            if self.photos_left_out
            else "",
            word("There is no room for {count} more.", count=count.refused) if count.refused else "",
            word("A file was too much to read to its end.") if self.unfinished else "",
        ]
        if self.first_broken is not None:
            name, line = self.first_broken
            parts.append(
                word(
                    "Broken cards: {count}, the first in {file}, line {line}.", count=self.broken, file=name, line=line
                )
            )
        said = [part for part in parts if part]
        together: Text = said[0]
        for part in said[1:]:
            together = word("{first} {second}", first=together, second=part)
        return together


class ContactFiles:
    """Imports and exports by a process that reads and writes the cards; see firmware.vcard."""

    def __init__(
        self, contacts: StoredContacts, photos: ContactPhotos, gate: ImportGate, post: Callable[[Event], None]
    ) -> None:
        """Set up.

        Args:
            contacts: the address book.
            photos: where contacts' photos go, and come from.
            gate: says whether contacts may come in.
            post: tells the phone, in the main thread, whom it must not let ring.
        """
        self._contacts = contacts
        self._photos = photos
        self._gate = gate
        self._post = post

    async def import_from(self, folder: Path, progress: Progress) -> Outcome:
        """Add what is on the cards in the files of a folder; the same files once more change nothing.

        Raises:
            NotGrantedError: the holder has not agreed to that; what came in before a withdrawal stays.
            ErasedMeanwhileError: contacts or pictures were erased, so no more of them is added.
            StorageError: something is wrong with the store, or with the process that reads the cards.
        """
        report = Report(self._contacts.erasures)
        await self._gate.require_consent()
        paths = await asyncio.to_thread(_card_files, folder)
        if not paths:
            return Outcome(False, word("There are no contact files (.vcf) in the folder."))
        try:
            await self._import_all(paths, progress, report)
        finally:
            self._post(BlockedContactsLoaded(tuple(await self._contacts.blocked_numbers())))
        return Outcome(not (report.broken or report.unfinished or report.count.refused), report.words())

    async def import_file(self, file: BinaryIO, since: int | None) -> Report:
        """Add what is on the cards in an open file, as above.

        Args:
            file: a plain one; nothing here looks into it.
            since: what the report on another file of the same import said; None where this is the first.
        """
        report = Report(self._contacts.erasures if since is None else since)
        await self._gate.require_consent()
        try:
            await self._import(file, "", report)
        finally:
            self._post(BlockedContactsLoaded(tuple(await self._contacts.blocked_numbers())))
        return report

    async def _import_all(self, paths: list[tuple[Path, int]], progress: Progress, report: Report) -> None:
        total_bytes = max(1, sum(size for _, size in paths))
        done_bytes = 0
        for path, size in paths:
            # Without following a link out of the folder, and without waiting where it is a pipe.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                watch = asyncio.create_task(_watch(file, lambda at: progress(99 * at // total_bytes), done_bytes))
                try:
                    await self._import(file, path.name, report)
                finally:
                    watch.cancel()
            done_bytes += size

    async def _import(self, file: BinaryIO, name: str, report: Report) -> None:
        child = await _start("read", stdin=file, stdout=asyncio.subprocess.PIPE)
        try:
            async for message in _messages(child):
                if message.broken:
                    report.broken += len(message.broken)
                    report.first_broken = report.first_broken or (name, message.broken[0][0])
                    report.mistakes += message.broken[: MOST_MISTAKES - len(report.mistakes)]
                if message.cards:
                    await self._keep(message, report)
                await asyncio.sleep(_PAUSE_S)
        finally:
            await _end(child)
        report.unfinished += bool(child.returncode)

    async def _keep(self, message: CardsLine, report: Report) -> None:
        await self._gate.require_consent()
        cards = [line.card for line in message.cards]
        report.cut += message.cut
        report.photos_left_out += message.photos_left_out
        merged = await self._contacts.merge_cards(cards, since=report.since)
        report.count += merged.count
        for card, contact_id in zip(cards, merged.wanting, strict=True):
            if card.photo and contact_id:
                await self._gate.require_consent()
                report.photos_left_out += not await self._photos.keep(contact_id, card.photo)

    async def export(self, file: Export, progress: Progress, version: Version = "3.0") -> int:
        """Write all contacts into a file; return how many there were.

        Raises:
            StorageError: the process that writes cards came to nothing.
            OSError: the card is full or fails.
        """
        total = await self._contacts.count()
        child = await _start("write", version, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        written = 0
        async with file.taking_from(child):
            async for card in self._all():
                written += 1
                await _hand_over(child, card)
                progress(99 * written // max(1, total))
            if child.stdin is not None:
                child.stdin.close()
        if child.returncode:
            raise StorageError("The contacts could not be written as cards. Is there memory left for it?")
        await asyncio.to_thread(file.finish)
        return written

    async def _all(self) -> AsyncIterator[Card]:
        last = 0
        while stretch := await self._contacts.cards_after(last, _EXPORTED_AT_ONCE):
            for card in stretch:
                yield replace(card, photo=await self._photos.jpeg(card.contact.picture))
            last = stretch[-1].contact.contact_id


def _card_files(folder: Path) -> list[tuple[Path, int]]:
    files = [path for path in exchange.files_of(folder, DataCategory.CONTACTS) if path.is_file()]
    return [(path, path.stat().st_size) for path in files[:_MOST_FILES]]


async def _start(*what: str, stdin: Any, stdout: Any) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "firmware.vcard", *what,
        stdin=stdin, stdout=stdout, stderr=asyncio.subprocess.DEVNULL, env={}, cwd="/", limit=MAX_LINE_BYTES,
    )  # fmt: skip


async def _watch(file: BinaryIO, progress: Callable[[int], None], before_bytes: int) -> None:
    """Tell how far the process has come with a file, which shares this one's place in it."""
    with suppress(OSError):
        while True:
            await asyncio.sleep(_LOOK_S)
            progress(before_bytes + os.lseek(file.fileno(), 0, os.SEEK_CUR))


async def _messages(child: asyncio.subprocess.Process) -> AsyncIterator[CardsLine]:
    """Yield what the process says, which a card may have taken over.

    Raises:
        StorageError: it says what it never would.
    """
    if child.stdout is None:
        return
    try:
        while line := await child.stdout.readline():
            yield CardsLine.model_validate_json(line)
    except (ValidationError, ValueError) as error:
        # Without its words: they would quote the card.
        raise StorageError("What reads the contact files went wrong, so no more of them is read.") from error


async def _hand_over(child: asyncio.subprocess.Process, card: Card) -> None:
    if child.stdin is None:
        return
    child.stdin.write(CardLine.of(card).model_dump_json().encode() + b"\n")
    with suppress(ConnectionError):
        await child.stdin.drain()


async def _end(child: asyncio.subprocess.Process) -> None:
    """Let nothing of it be left, whatever made this end."""
    if child.returncode is None:
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await child.wait()
    if child.returncode is None:
        child.kill()
        # Its end is not heard of before all is read that it has said.
        await child.communicate()
