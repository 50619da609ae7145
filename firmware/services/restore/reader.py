"""Which files of a copy come back, and what of each: what is not as it may be kept is left out and counted."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

from pydantic import BaseModel, TypeAdapter

from firmware.base.errors import MediaError
from firmware.phone.preferences import Preferences
from firmware.ports.recording import SoundFormat
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services.restore.lines import (
    MAX_PICTURE_BYTES,
    MESSAGES_AT_ONCE,
    ContactsLine,
    MessagesLine,
    PictureLine,
    RecordingLine,
    RestoredContact,
    RestoredMessage,
    SettingsLine,
    SoundEndLine,
    SoundLine,
)
from firmware.vcard.lines import BATCH, NumberLine
from firmware.vcard.properties import read_properties

_TABLE: Final = re.compile(r"\A[a-z]+/([a-z_]+)-[0-9]{4,8}\.json\Z")
_PICTURE: Final = re.compile(r"\Apictures/([0-9a-f]{16})\.png\Z")
_RECORDING: Final = re.compile(r"\Arecordings/([0-9a-f]{16})\.(opus|flac)\Z")
_MAX_TABLE_BYTES: Final = 128 * 1024 * 1024
_MAX_RECORDING_BYTES: Final = 256 * 1024 * 1024
_OGG_HEADER_BYTES: Final = 27
_FRAME_BYTES: Final = 4
"""A sample of both sides."""
_STATES: Final = {"complete": True, "incomplete": False}

Row = dict[str, Any]
_T = TypeVar("_T")


class FileLeftOutError(Exception):
    """A file of the copy is not what it should be; all others come back."""


@dataclass(slots=True)
class CopyReader:
    """Reads the files of one copy, in the order in which a copy has them: tables first.

    Attributes:
        say: takes what was read.
        left_out: how many rows are not as they may be kept.
    """

    say: Callable[[BaseModel], None]
    left_out: int = 0
    _contacts: dict[int, Row] = field(default_factory=dict)
    _numbers: dict[int, list[Row]] = field(default_factory=dict)
    _pictures: dict[str, Row] = field(default_factory=dict)
    _recordings: dict[str, Row] = field(default_factory=dict)

    @property
    def _tables(self) -> Mapping[str, Callable[[list[Row]], None]]:
        """The tables that come back: consents are asked anew, and what a phone did is told where it did it."""
        return {
            "contacts": self._read_contacts,
            "contact_numbers": self._read_numbers,
            "messages": self._read_messages,
            "preferences": self._read_preferences,
            "pictures": self._read_pictures,
            "recordings": self._read_recordings,
        }

    def read(self, name: str, size_bytes: int, sha256: str, content: BinaryIO) -> None:
        """Say what is in a file, if it is of a kind that comes back.

        Raises:
            FileLeftOutError: it is too large, or not what it was when it was looked at first.
        """
        if not name.startswith("contacts/"):
            self._say_contacts()
        if (table := _TABLE.match(name)) and (read := self._tables.get(table[1])) is not None:
            read(_rows(_content(size_bytes, sha256, content, _MAX_TABLE_BYTES), table[1]))
        elif (picture := _PICTURE.match(name)) and picture[1] in self._pictures:
            self._say_picture(self._pictures.pop(picture[1]), _content(size_bytes, sha256, content, MAX_PICTURE_BYTES))
        elif (recording := _RECORDING.match(name)) and recording[1] in self._recordings:
            row = self._recordings.pop(recording[1])
            self._say_recording(row, _content(size_bytes, sha256, content, _MAX_RECORDING_BYTES))

    def finish(self) -> None:
        """Say what waits for another file; pictures and recordings whose files are missing are left out."""
        self._say_contacts()
        self.left_out += len(self._pictures) + len(self._recordings)

    def _read_contacts(self, rows: list[Row]) -> None:
        self._contacts |= {row["contact_id"]: row for row in rows}

    def _read_numbers(self, rows: list[Row]) -> None:
        for row in rows:
            self._numbers.setdefault(row["contact_id"], []).append(row)

    def _say_contacts(self) -> None:
        contacts, self._contacts = self._contacts, {}
        numbers, self._numbers = self._numbers, {}
        made = self._each(contacts.values(), lambda row: _contact(row, numbers.get(row["contact_id"], [])))
        for some in _batches(made, BATCH):
            self.say(ContactsLine(contacts=some))

    def _read_messages(self, rows: list[Row]) -> None:
        for some in _batches(self._each(rows, _message), MESSAGES_AT_ONCE):
            self.say(MessagesLine(messages=some))

    def _read_preferences(self, rows: list[Row]) -> None:
        for line in self._each(rows, _settings):
            self.say(line)

    def _read_pictures(self, rows: list[Row]) -> None:
        self._pictures |= {row["picture"]: row for row in rows}

    def _read_recordings(self, rows: list[Row]) -> None:
        # One that was being made then is not in the copy.
        self._recordings |= {row["recording_id"]: row for row in rows if row.get("state") in tuple(_STATES)}

    def _say_picture(self, row: Row, content: bytes) -> None:
        for line in self._each([row], lambda row: _picture(row, content)):
            self.say(line)

    def _say_recording(self, row: Row, content: bytes) -> None:
        for line in self._each([row], _recording):
            try:
                # All of it is read before any is handed over.
                chunks = _sound(content, line)
            except Exception as error:  # whatever a decoder says of bytes from anywhere
                raise FileLeftOutError from error
            self.say(line)
            for chunk in chunks:
                self.say(chunk)
            self.say(SoundEndLine())

    def _each(self, rows: Iterable[Row], make: Callable[[Row], _T]) -> Iterator[_T]:
        for row in rows:
            try:
                yield make(row)
            except (ValueError, KeyError, TypeError):
                self.left_out += 1


_KEYS: Final[dict[str, tuple[str, type]]] = {
    "contacts": ("contact_id", int),
    "contact_numbers": ("contact_id", int),
    "pictures": ("picture", str),
    "recordings": ("recording_id", str),
}
"""By what a row is found, and of what kind that is."""


def _batches(things: Iterator[_T], size: int) -> Iterator[tuple[_T, ...]]:
    while some := tuple(islice(things, size)):
        yield some


def _content(size_bytes: int, sha256: str, content: BinaryIO, most_bytes: int) -> bytes:
    whole = content.read() if size_bytes <= most_bytes else b""
    if hashlib.sha256(whole).hexdigest() != sha256:
        raise FileLeftOutError
    return whole


def _rows(content: bytes, table: str) -> list[Row]:
    try:
        said = json.loads(content)
        rows = said["rows"]
        key, kind = _KEYS.get(table, ("", object))
        if said["table"] != table or not all(isinstance(row, dict) and isinstance(row.get(key), kind) for row in rows):
            raise FileLeftOutError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FileLeftOutError from None
    return list(rows)


def _contact(row: Row, numbers: list[Row]) -> RestoredContact:
    return RestoredContact(
        name=row["name"],
        numbers=tuple(NumberLine(number=each["number"], kind=each["kind"]) for each in numbers),
        properties=read_properties(row["properties"]),
        ring=row["ring"],
        blocked=row["blocked"],
        picture=row["picture"],
    )


def _message(row: Row) -> RestoredMessage:
    return RestoredMessage(**{name: row[name] for name in RestoredMessage.model_fields})


def _settings(row: Row) -> SettingsLine:
    return SettingsLine(preferences=TypeAdapter(Preferences).validate_json(row["chosen"]))


def _picture(row: Row, content: bytes) -> PictureLine:
    line = PictureLine(picture=row["picture"], name=row["name"], of_contact=row["contact_id"] is not None, content=b"")
    # Its bytes stand for themselves here; from a line they come in base64.
    return line.model_copy(update={"content": content})


def _recording(row: Row) -> RecordingLine:
    names = RecordingLine.model_fields.keys() - {"kind", "is_complete"}
    return RecordingLine(is_complete=_STATES[row["state"]], **{name: row[name] for name in names})


def _opus_chunks(content: bytes, _samples: int) -> Iterator[tuple[int, bytes]]:
    """Take a recording apart into the pages that it was written by; each is decoded once, here."""
    from firmware.voice.audio.opus import OpusDecoder, read_pages  # noqa: PLC0415 - finds the system's libopus

    decoder, head = OpusDecoder(), b""
    for data in _pages(content):
        [page] = read_pages(data)
        if page.granule == 0:
            # The head's pages, which stand at no sample (RFC 7845 section 4), were written as one chunk.
            head += data
            continue
        if head:
            yield 0, head
            head = b""
        yield len(decoder.decode(data)) // _FRAME_BYTES, data


def _pages(content: bytes) -> Iterator[bytes]:
    """Give the pages of Ogg (RFC 3533 section 6): a header whose 27th byte says how many lengths follow, then those."""
    at = 0
    while at < len(content):
        lengths = content[at + _OGG_HEADER_BYTES :][: content[at + _OGG_HEADER_BYTES - 1]]
        end = at + _OGG_HEADER_BYTES + len(lengths) + sum(lengths)
        if content[at : at + 4] != b"OggS" or end > len(content):
            raise MediaError("A recording in a copy holds what is no page of Ogg.")
        yield content[at:end]
        at = end


def _flac_chunks(content: bytes, samples: int) -> Iterator[tuple[int, bytes]]:
    """Take a recording apart into seconds, a stream of its own each."""
    import soundfile  # noqa: PLC0415 - where there is no libopus

    from firmware.voice.audio.flac import FlacEncoder  # noqa: PLC0415

    # A copy's does not say how long it is, which is the last 36 bits of these eight bytes (RFC 9639 section 8.2).
    described = int.from_bytes(content[18:26], "big") >> 36 << 36
    whole = content[:18] + (described | samples).to_bytes(8, "big") + content[26:]
    with soundfile.SoundFile(io.BytesIO(whole)) as flac:
        if (flac.samplerate, flac.channels, flac.format) != (SOUND_RATE_HZ, 2, "FLAC"):
            raise MediaError("A recording in a copy is no FLAC of this firmware's.")
        sound = bytes(flac.buffer_read(dtype="int16"))
    second = _FRAME_BYTES * SOUND_RATE_HZ
    for first in range(0, len(sound), second):
        piece = sound[first : first + second]
        yield len(piece) // _FRAME_BYTES, FlacEncoder().encode(piece)


_CHUNKS: Final[dict[SoundFormat, Callable[[bytes, int], Iterator[tuple[int, bytes]]]]] = {
    SoundFormat.OPUS: _opus_chunks,
    SoundFormat.FLAC: _flac_chunks,
}


def _sound(content: bytes, recording: RecordingLine) -> list[SoundLine]:
    """Return the chunks of a recording, which together last no longer than it says of itself.

    Raises:
        MediaError: they are no sound.
    """
    left, chunks = round(recording.duration_s * SOUND_RATE_HZ), []
    for samples, sound in _CHUNKS[recording.sound_format](content, left):
        line = SoundLine(samples=min(samples, left), sound=b"")
        # Its bytes stand for themselves here; from a line they come in base64.
        chunks.append(line.model_copy(update={"sound": sound}))
        left -= line.samples
    return chunks
