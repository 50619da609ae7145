"""What `wecall import` and `wecall export` do: cards are read and written here, contacts go over the socket."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from firmware.control.requests import ContactListRequest, ContactMergeRequest, ContactNumberPart, ContactPart, Request
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.vcard.reader import Read, read_contacts
from firmware.vcard.writer import Version, card_text

BATCH: Final = 15
"""So many contacts fit a line of the socket, whatever they hold."""

Ask = Callable[[Request], Mapping[str, Any]]


@dataclass(slots=True)
class Imported:
    """What became of the cards; `broken` are places and what is wrong there."""

    added: int = 0
    completed: int = 0
    known: int = 0
    refused: int = 0
    cut: int = 0
    broken: list[tuple[str, int, str]] = field(default_factory=list)


def import_files(ask: Ask, paths: Sequence[Path], progress: Callable[[int], None]) -> Imported:
    """Add what is on the cards of files; `progress` is told how many bytes have been read of all.

    Raises:
        OSError: a file cannot be read; what was read before it is kept.
    """
    result, before_bytes = Imported(), 0
    for path in paths:
        batch: list[Contact] = []
        with path.open("rb") as file:
            for found in read_contacts(file):
                if not isinstance(found, Read):
                    result.broken.append((path.name, found.line, found.mistake.replace("_", " ")))
                    continue
                result.cut += found.cut
                batch.append(found.contact)
                if len(batch) == BATCH:
                    _merge(ask, batch, result)
                    batch.clear()
                    progress(before_bytes + file.tell())
            _merge(ask, batch, result)
        before_bytes += path.stat().st_size
        progress(before_bytes)
    return result


def _merge(ask: Ask, batch: Sequence[Contact], result: Imported) -> None:
    if not batch:
        return
    parts = tuple(
        ContactPart(
            name=contact.name,
            numbers=tuple(ContactNumberPart(number=number.number, kind=number.kind) for number in contact.numbers),
        )
        for contact in batch
    )
    answer = ask(ContactMergeRequest(contacts=parts))
    result.added += answer["added"]
    result.completed += answer["completed"]
    result.known += answer["known"]
    result.refused += answer["refused"]


def all_contacts(ask: Ask) -> Iterator[tuple[Contact, int]]:
    """Yield every contact, and how many there are in all."""
    after = 0
    while (answer := ask(ContactListRequest(after=after, limit=BATCH)))["contacts"]:
        for raw in answer["contacts"]:
            numbers = tuple(ContactNumber(each["number"], NumberKind(each["kind"])) for each in raw["numbers"])
            after = raw["contact_id"]
            yield Contact(after, raw["name"], numbers, blocked=raw["blocked"]), answer["total"]


def export_file(ask: Ask, path: Path, version: Version, progress: Callable[[int, int], None]) -> int:
    """Write every contact into a file, which only its owner may read; return how many there were.

    What the file held before stands until all contacts have come.

    Raises:
        OSError: the file cannot be written.
    """
    cards = []
    for contact, total in all_contacts(ask):
        cards.append(card_text(contact, version))
        progress(len(cards), total)
    with path.open("w", encoding="utf-8", newline="") as file:
        path.chmod(0o600)
        file.writelines(cards)
    return len(cards)
