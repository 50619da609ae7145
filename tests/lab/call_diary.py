"""What a handset is made to do, written down outside of it before it does it: by this a fleet's database is judged."""

import json
import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

Key = tuple[int, int]
"""Epoch and number of a record."""


class Deed(StrEnum):
    """One line of a diary. What ends in "ing" comes next; it is done once the same stands there as past."""

    STARTED = "started"
    GRANTING = "granting"
    GRANTED = "granted"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"
    CALLING = "calling"
    CALLED = "called"
    ENDED = "ended"
    DELETING = "deleting"
    DELETED = "deleted"
    CANCELLING = "cancelling"
    KEPT = "kept"
    """Of calls: a collector says that it has their records."""
    CONFIRMED = "confirmed"
    """Of records: a collector says that it has erased them."""
    GONE = "gone"
    """A collector says that it has erased whatever this handset ever sent."""
    QUIET = "quiet"
    """Nothing waits to be sent, and nothing will be done any more; with how many entries the ledger has then."""


class Fate(StrEnum):
    """Whether a call's record is to be in the database."""

    FORBIDDEN = "begun outside consent"
    OPTIONAL = "killed while it was being written down, or being taken back"
    OWED = "owed"
    TAKEN_BACK = "taken back"


_UNDER_WAY: Final = frozenset({Deed.GRANTING, Deed.WITHDRAWING, Deed.DELETING, Deed.CANCELLING})
_DONE: Final = frozenset({Deed.GRANTED, Deed.WITHDRAWN, Deed.DELETED, Deed.GONE})
_MOVES_ALL: Final = {
    Deed.WITHDRAWING: Fate.OPTIONAL,
    Deed.CANCELLING: Fate.OPTIONAL,
    Deed.WITHDRAWN: Fate.TAKEN_BACK,
    Deed.GONE: Fate.TAKEN_BACK,
}


class Diary:
    """Lines that outlive whoever writes them and is killed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, deed: Deed, about: Iterable[Any] = ()) -> None:
        os.write(self._file, json.dumps([deed, list(about)]).encode() + b"\n")


class History:
    """What a diary says so far; `read_on` takes in what has come since.

    Attributes:
        consents: whether the holder agrees to records being sent.
        fates: what is to become of each call's record.
        running: calls that are not over.
        over: calls that are over and not deleted.
        under_way: a deed that was begun and of which nobody knows whether it was done, with what it is about.
        kept: calls of which a collector has confirmed to have the record, whatever became of them since.
        confirmed: records that a collector has confirmed to have erased.
        is_gone: a collector has confirmed that it erased all of this handset.
        is_quiet: nothing comes any more.
        ledger_entries: how many there are, once it is quiet.
        starts: how often the handset has started.
    """

    def __init__(self, path: Path) -> None:
        self.consents = False
        self.fates: dict[str, Fate] = {}
        self.running: list[str] = []
        self.over: list[str] = []
        self.under_way: tuple[Deed, list[Any]] | None = None
        self.kept: set[str] = set()
        self.confirmed: set[Key] = set()
        self.is_gone = False
        self.is_quiet = False
        self.ledger_entries = 0
        self.starts = 0
        self._path = path
        self._read_bytes = 0

    def read_on(self) -> None:
        """Take in what stands in the diary since the last time, as far as its lines are whole."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            written = file.read()
        whole = written[: written.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for line in whole.splitlines():
            deed, about = json.loads(line)
            self.take(Deed(deed), about)

    def take(self, deed: Deed, about: list[Any]) -> None:
        """Take in one line."""
        self.is_quiet = deed is Deed.QUIET
        if deed in _UNDER_WAY:
            self.under_way = (deed, about)
        elif deed in _DONE:
            self.under_way = None
        if deed in _MOVES_ALL:
            self._move(self.fates, _MOVES_ALL[deed])
        match deed:
            case Deed.STARTED:
                self.starts += 1
                self.over += self.running
                self.running = []
            case Deed.GRANTED | Deed.WITHDRAWN:
                self.consents = deed is Deed.GRANTED
            case Deed.GONE:
                self.is_gone = True
            case Deed.QUIET:
                self.ledger_entries = sum(about)
            case Deed.CONFIRMED:
                self.confirmed |= {(epoch, seq) for epoch, seq in about}
            case _:
                self._take_of_calls(deed, about)

    def _take_of_calls(self, deed: Deed, call_ids: list[str]) -> None:
        match deed:
            case Deed.KEPT:
                self.kept.update(call_ids)
            case Deed.CALLING:
                self.fates |= dict.fromkeys(call_ids, Fate.OPTIONAL if self.consents else Fate.FORBIDDEN)
                self.running += call_ids
            case Deed.CALLED:
                self._move(call_ids, Fate.OWED)
            case Deed.ENDED:
                self.running = [call_id for call_id in self.running if call_id not in call_ids]
                self.over += call_ids
            case Deed.DELETING:
                self._move(call_ids, Fate.OPTIONAL)
            case Deed.DELETED:
                self.over = [call_id for call_id in self.over if call_id not in set(call_ids)]
                self._move(call_ids, Fate.TAKEN_BACK)
            case _:
                pass

    def _move(self, call_ids: Iterable[str], fate: Fate) -> None:
        for call_id in call_ids:
            if self.fates[call_id] is not Fate.FORBIDDEN:
                self.fates[call_id] = fate
