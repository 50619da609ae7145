"""What `wecall import` and `wecall export` do: cards are read and written here, contacts go over the socket."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from firmware.cli.picture_upload import Ask, add_photo
from firmware.control.admin_requests import (
    ContactListRequest,
    ContactMergeRequest,
    ContactNumberPart,
    ContactPart,
    ContactPhotoRequest,
)
from firmware.control.requests import written
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.vcard.properties import Card, CardProperty
from firmware.vcard.reader import Read, read_contacts
from firmware.vcard.writer import Version, card_text

BATCH: Final = 15
"""So many contacts go over the socket at once, fewer where much is kept of their cards."""
_MOST_BYTES: Final = 50_000
"""Of contacts in a line of the socket."""


@dataclass(slots=True)
class Imported:
    """What became of the cards; `broken` are places and what is wrong there.

    Attributes:
        since: how often contacts had been erased on the handset when the first ones came in, None before that.
    """

    added: int = 0
    completed: int = 0
    known: int = 0
    refused: int = 0
    cut: int = 0
    photos_left_out: int = 0
    broken: list[tuple[str, int, str]] = field(default_factory=list)
    since: int | None = None


def import_files(ask: Ask, paths: Sequence[Path], progress: Callable[[int], None]) -> Imported:
    """Add what is on the cards of files; `progress` is told how many bytes have been read of all.

    Raises:
        OSError: a file cannot be read; what was read before it is kept.
    """
    result, before_bytes = Imported(), 0
    for path in paths:
        batch = _Batch(ask, result)
        with path.open("rb") as file:
            for found in read_contacts(file):
                if not isinstance(found, Read):
                    result.broken.append((path.name, found.line, found.mistake.replace("_", " ")))
                    continue
                result.cut += found.cut
                result.photos_left_out += found.photo_left_out
                batch.add(found.card)
                if batch.is_empty:
                    progress(before_bytes + file.tell())
            batch.send()
        before_bytes += path.stat().st_size
        progress(before_bytes)
    return result


class _Batch:
    """Contacts that go over the socket together."""

    def __init__(self, ask: Ask, result: Imported) -> None:
        self._ask = ask
        self._result = result
        self._parts: list[ContactPart] = []
        self._photos: list[bytes] = []
        self._size_bytes = 0

    @property
    def is_empty(self) -> bool:
        return not self._parts

    def add(self, card: Card) -> None:
        """Add a contact, and send what there is where that is enough."""
        numbers = tuple(ContactNumberPart(number=each.number, kind=each.kind) for each in card.contact.numbers)
        part = ContactPart(name=card.contact.name, numbers=numbers, properties=card.properties)
        size_bytes = len(msgspec.json.encode(written(part)))
        if self._size_bytes + size_bytes > _MOST_BYTES:
            self.send()
        self._parts.append(part)
        self._photos.append(card.photo)
        self._size_bytes += size_bytes
        if len(self._parts) == BATCH:
            self.send()

    def send(self) -> None:
        """Send what there is."""
        if not self._parts:
            return
        answer = self._ask(ContactMergeRequest(contacts=tuple(self._parts), since=self._result.since))
        self._result.since = answer["erasures"]
        self._result.added += answer["added"]
        self._result.completed += answer["completed"]
        self._result.known += answer["known"]
        self._result.refused += answer["refused"]
        photos, self._photos, self._parts, self._size_bytes = self._photos, [], [], 0
        had: set[int] = set()
        for photo, contact_id in zip(photos, answer["wanting"], strict=True):
            if photo and contact_id and contact_id not in had:
                had.add(contact_id)
                self._result.photos_left_out += not add_photo(self._ask, photo, contact_id)


def all_contacts(ask: Ask, *, with_properties: bool = False) -> Iterator[tuple[Card, int]]:
    """Yield every contact without its photo, and how many there are in all."""
    after = 0
    asked = ContactListRequest(limit=BATCH, properties=with_properties)
    while (answer := ask(msgspec.structs.replace(asked, after=after)))["contacts"]:
        for raw in answer["contacts"]:
            numbers = tuple(ContactNumber(each["number"], NumberKind(each["kind"])) for each in raw["numbers"])
            after = raw["contact_id"]
            picture = "kept" if raw["has_picture"] else ""
            contact = Contact(after, raw["name"], numbers, blocked=raw["blocked"], picture=picture)
            properties = tuple(CardProperty.model_validate(each) for each in raw["properties"])
            yield Card(contact, properties), answer["total"]


def _with_photo(ask: Ask, card: Card) -> Card:
    if not card.contact.picture:
        return card
    answer = ask(ContactPhotoRequest(contact_id=card.contact.contact_id))
    return replace(card, photo=base64.b64decode(answer["jpeg"]))


def export_file(ask: Ask, path: Path, version: Version, progress: Callable[[int, int], None]) -> int:
    """Write every contact into a file, which only its owner may read; return how many there were.

    What the file held before stands until all contacts have come.

    Raises:
        OSError: the file cannot be written.
    """
    cards = []
    for card, total in all_contacts(ask, with_properties=True):
        cards.append(card_text(_with_photo(ask, card), version))
        progress(len(cards), total)
    with path.open("w", encoding="utf-8", newline="") as file:
        path.chmod(0o600)
        file.writelines(cards)
    return len(cards)
