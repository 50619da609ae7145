"""Keeps what the process says that opens a copy; the same copy once more changes nothing."""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from pydantic import ValidationError

from contract.consent import Purpose
from firmware.base.errors import HandsetError, PictureError, StorageError
from firmware.base.words import Text, Word, counted, word
from firmware.control.open_files import sealed
from firmware.phone.call import CallerId, CallId, TextMessage
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingId
from firmware.phone.text_entry import MAX_WRITTEN
from firmware.services.import_gate import ConsentReader, ImportGate
from firmware.services.photos import read_picture_bytes
from firmware.services.restore.lines import (
    LINES,
    MAX_LINE_BYTES,
    WORDS,
    ContactsLine,
    Failure,
    Line,
    MessagesLine,
    PictureLine,
    ProgressLine,
    RecordingLine,
    RestoredMessage,
    SettingsLine,
    SoundEndLine,
    SoundLine,
)
from firmware.store.contact_merge import MergeCount
from firmware.store.contacts import StoredContacts
from firmware.store.errors import ErasedMeanwhileError, StoreFullError
from firmware.store.messages import StoredMessages
from firmware.store.pictures import StoredPictures
from firmware.store.preferences import StoredPreferences
from firmware.store.recording_files import RecordingState, RestoredFile, StoredRecording
from firmware.store.recordings import StoredRecordings

_log = logging.getLogger(__name__)

_LETTERS: Final = 4
_MOST_RULES: Final = 200
_READ: Final = ("-I", "-m", "firmware.services.restore")

_FAILURES: Final[Mapping[int, Word]] = {
    Failure.WRONG_WORDS: word("These are not the words of this copy. Nothing was changed."),
    Failure.NOT_A_COPY: word("This is no copy of a phone, or its two files do not belong together."),
    Failure.DAMAGED: word("The copy is damaged. Take another one."),
    Failure.TOO_NEW: word("A newer phone has made this copy. Have this phone updated first."),
}
_CUT_OFF: Final = word("The copy could not be read to its end. Bring it back once more.")

Progress = Callable[[int], None]


def as_drawn(typed: str) -> str:
    """Return the words that were drawn, of which somebody typed four letters each at least; else what was typed.

    No two of the list begin with the same four, and neither capitals nor more spaces make others of them.
    """
    from mnemonic import Mnemonic  # noqa: PLC0415 - 0.5 MB, for a copy only

    parts = typed.lower().split()
    short = {drawn[:_LETTERS]: drawn for drawn in Mnemonic("english").wordlist}
    words = [short.get(part[:_LETTERS], "") for part in parts]
    are_meant = all(drawn.startswith(part) for drawn, part in zip(words, parts, strict=True))
    return " ".join(words) if len(words) == WORDS and are_meant else typed


class RestoreError(HandsetError):
    """A copy does not come back.

    Attributes:
        words: why, for the person.
    """

    def __init__(self, words: Word) -> None:
        super().__init__(words.text)
        self.words = words


@dataclass(frozen=True, slots=True)
class RestoreParts:
    """Where what a copy holds is kept.

    Attributes:
        erasures: rises with whatever is erased, which must not come back by a copy that is being read.
        reload: tells the phone what the store holds now.
    """

    contacts: StoredContacts
    messages: StoredMessages
    preferences: StoredPreferences
    pictures: StoredPictures
    recordings: StoredRecordings
    consents: ConsentReader
    gate: ImportGate
    erasures: Callable[[], int]
    reload: Callable[[], None]


@dataclass(slots=True)
class Restored:
    """What has come back so far.

    Attributes:
        settings: the holder's settings came, too.
        left_out: what is not as it may be kept, or has no room.
        unasked: recordings that wait for the holder's yes to recordings.
    """

    contacts: MergeCount = field(default_factory=MergeCount)
    messages: int = 0
    pictures: int = 0
    recordings: int = 0
    settings: bool = False
    left_out: int = 0
    unasked: int = 0

    def words(self) -> Text:
        """Say it in a few sentences."""
        added = self.contacts.added + self.contacts.completed
        parts: list[Text] = [
            word("The copy is back."),
            counted("{count} contact.", "{count} contacts.", added) if added else "",
            counted("{count} message.", "{count} messages.", self.messages) if self.messages else "",
            counted("{count} picture.", "{count} pictures.", self.pictures) if self.pictures else "",
            counted("{count} recording.", "{count} recordings.", self.recordings) if self.recordings else "",
            word("Your settings.") if self.settings else "",
            word("Recordings come back once you agree to recordings.") if self.unasked else "",
            counted("{count} was left out.", "{count} were left out.", self.left_out + self.contacts.refused)
            if self.left_out + self.contacts.refused
            else "",
        ]
        said = [part for part in parts if part]
        together: Text = said[0]
        for part in said[1:]:
            together = word("{first} {second}", first=together, second=part)
        return together


class Restorer:
    """Brings one copy back at a time."""

    def __init__(self, parts: RestoreParts) -> None:
        """`parts` are where it all is kept."""
        self._parts = parts
        self._one_at_a_time = asyncio.Lock()

    async def restore(self, copy: BinaryIO, key: bytes, passphrase: str, progress: Progress) -> Restored:
        """Keep what a copy holds and is not here yet; consents are never in it.

        Args:
            copy: a plain file; nothing here looks into it.
            key: the file beside it; empty where anybody can read the copy.
            passphrase: the words that open the key.
            progress: is told how far it has come, in per cent.

        Raises:
            RestoreError: the words are others, or it is no copy, or it is damaged.
            NotGrantedError: the holder has not agreed to imports.
            ErasedMeanwhileError: something was erased meanwhile, so no more is added.
            StorageError: the store cannot take it.
        """
        async with self._one_at_a_time:
            await self._parts.gate.require_consent()
            keeping = _Keeping(self._parts)
            try:
                await self._read(copy, key, passphrase, keeping, progress)
            finally:
                keeping.close()
                self._parts.reload()
            return keeping.restored

    async def _read(self, copy: BinaryIO, key: bytes, passphrase: str, keeping: "_Keeping", progress: Progress) -> None:
        with sealed(key) as key_file:
            files = [copy, key_file] if key else [copy]
            descriptors = [file.fileno() for file in files]
            child = await asyncio.create_subprocess_exec(
                sys.executable, *_READ, *map(str, descriptors),
                stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=descriptors, env={}, cwd="/", limit=MAX_LINE_BYTES,
            )  # fmt: skip
        begun = False
        try:
            if child.stdin is not None:
                words = await asyncio.to_thread(as_drawn, passphrase)
                child.stdin.write(words.replace("\n", " ").encode() + b"\n")
                child.stdin.close()
            async for line in _lines(child):
                begun = True
                if isinstance(line, ProgressLine):
                    keeping.restored.left_out += line.left_out
                    progress(line.percent)
                else:
                    await keeping.keep(line)
            await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                # Its end is not heard of before all is read that it has said.
                await child.communicate()
        if child.returncode:
            raise RestoreError(_CUT_OFF if begun else _FAILURES.get(child.returncode, _CUT_OFF))


async def _lines(child: Process) -> AsyncIterator[Line]:
    try:
        while child.stdout is not None and (said := await child.stdout.readline()):
            yield LINES.validate_json(said)
    except (ValidationError, ValueError):
        # Without its words: they would quote the copy.
        raise StorageError("What reads the copy went wrong, so no more of it is read.") from None


class _Keeping:
    """Keeps one line after another."""

    def __init__(self, parts: RestoreParts) -> None:
        self._parts = parts
        self._since, self._erasures = parts.contacts.erasures, parts.erasures()
        self._wanting: dict[str, list[int]] = {}
        self._recording: RecordingLine | None = None
        self._file: RestoredFile | None = None
        self.restored = Restored()

    def close(self) -> None:
        """Let nothing be left of a recording that did not come whole."""
        if self._file is not None:
            self._file.discard()

    async def keep(self, line: Line) -> None:
        """Keep what a line says; each thing is kept whole or not at all."""
        if self._parts.erasures() != self._erasures:
            raise ErasedMeanwhileError("Something was erased while a copy came back, so no more of it is kept.")
        await self._parts.gate.require_consent()
        match line:
            case ContactsLine():
                await self._keep_contacts(line)
            case MessagesLine():
                self.restored.messages += await self._parts.messages.restore([_message(each) for each in line.messages])
            case SettingsLine():
                await self._keep_settings(line.preferences)
            case PictureLine():
                await self._keep_picture(line)
            case RecordingLine():
                await self._begin_recording(line)
            case SoundLine() if self._file is not None:
                await self._add_sound(line, self._file)
            case SoundEndLine() if self._file is not None and self._recording is not None:
                await self._end_recording(self._recording, self._file)

    async def _keep_contacts(self, line: ContactsLine) -> None:
        cards = [
            replace(each.card, contact=replace(each.card.contact, ring=each.ring, blocked=each.blocked))
            for each in line.contacts
        ]
        merged = await self._parts.contacts.merge_cards(cards, since=self._since)
        self.restored.contacts += merged.count
        for each, contact_id in zip(line.contacts, merged.wanting, strict=True):
            if each.picture and contact_id:
                self._wanting.setdefault(each.picture, []).append(contact_id)

    async def _keep_settings(self, brought: Preferences) -> None:
        here = await self._parts.preferences.load() or Preferences()
        if (both := joined(here, brought)) != here:
            await self._parts.preferences.save(both)
            self.restored.settings = True

    async def _keep_picture(self, line: PictureLine) -> None:
        wanting = self._wanting.pop(line.picture, [])
        if line.of_contact and not wanting:
            return
        pictures = self._parts.pictures
        try:
            pixels = await asyncio.to_thread(read_picture_bytes, line.content)
            if line.of_contact:
                for contact_id in wanting:
                    self.restored.pictures += await pictures.add_photo(contact_id, pixels)
            else:
                self.restored.pictures += await pictures.restore(
                    line.picture, line.name, pixels, wanting, since=self._since
                )
        except ErasedMeanwhileError:
            raise
        except (PictureError, StorageError) as error:
            _log.warning("A picture of a copy was not kept: %s", error)
            self.restored.left_out += 1

    async def _begin_recording(self, line: RecordingLine) -> None:
        self._recording, self._file = line, None
        if not (await self._parts.consents.state()).granted(Purpose.RECORDING):
            self.restored.unasked += 1
            return
        try:
            self._file = await self._parts.recordings.begin_restoring(RecordingId(line.recording_id))
        except StoreFullError:
            self.restored.left_out += 1

    async def _add_sound(self, line: SoundLine, file: RestoredFile) -> None:
        try:
            await asyncio.to_thread(file.add, line.samples, line.sound)
        except StoreFullError:
            self._file = None
            self.restored.left_out += 1
            file.discard()

    async def _end_recording(self, line: RecordingLine, file: RestoredFile) -> None:
        self._recording = self._file = None
        try:
            await self._parts.recordings.end_restoring(_recording(line), file)
            self.restored.recordings += 1
        except StoreFullError:
            self.restored.left_out += 1
        finally:
            file.discard()


def joined(here: Preferences, brought: Preferences) -> Preferences:
    """Return what the holder had set elsewhere, without losing what is set here: lists hold both.

    The language stays: whoever brings a copy back reads the display.
    """
    return replace(
        brought,
        language=here.language or brought.language,
        blocked=_both(here.blocked, brought.blocked),
        allowed=_both(here.allowed, brought.allowed),
        speed_dials=tuple(sorted((dict(brought.speed_dials) | dict(here.speed_dials)).items())),
        written=tuple((dict(brought.written) | dict(here.written)).items())[-MAX_WRITTEN:],
    )


def _both(here: Sequence[str], brought: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*here, *brought)))[:_MOST_RULES]


def _message(line: RestoredMessage) -> TextMessage:
    return TextMessage(
        line.message_id,
        line.direction,
        CallerId(line.number, line.display_name),
        line.text,
        line.at,
        read=line.read,
        delivered=line.delivered,
    )


def _recording(line: RecordingLine) -> StoredRecording:
    return StoredRecording(
        recording_id=RecordingId(line.recording_id),
        call_id=CallId(line.call_id),
        number=line.number,
        name=line.name,
        sound_format=line.sound_format,
        began_at=line.began_at,
        clock_synced=line.clock_synced,
        state=RecordingState.COMPLETE if line.is_complete else RecordingState.INCOMPLETE,
        duration_s=line.duration_s,
        lost_s=line.lost_s,
        size_bytes=0,
        kept=line.kept,
        kept_until=line.kept_until,
    )
