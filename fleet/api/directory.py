"""What people call handsets: serial, label and place, out of the table that installers use."""

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final

from firmware.installer.columns import read_columns
from firmware.installer.device_table import Column, Row, read_table, refusal
from fleet.names import is_name
from provisioning.errors import ProvisioningError

_log = logging.getLogger(__name__)

_MAX_CHARACTERS: Final = 100
"""Of a label or a place; longer is no name, and may be what stands in another column."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A handset of the table.

    Attributes:
        fleet: None where the table does not say.
        device: its id.
        serial, label, place: "" where nothing stands.
    """

    fleet: str | None
    device: str
    serial: str
    label: str
    place: str


@dataclass(frozen=True, slots=True)
class Entries:
    """What the table said when it could be read last.

    Attributes:
        by_device: each handset by its id.
        read_at: when; None: never.
        is_broken: the table that is there now cannot be used.
    """

    by_device: Mapping[str, Entry]
    read_at: datetime | None
    is_broken: bool


class Directory:
    """Reads the table, and reads it anew once it is another. Of its columns it keeps those that are names."""

    def __init__(self, path: Path | None = None, fleets: Collection[str] = ()) -> None:
        """Set up without reading.

        Args:
            path: the table; None: there is none.
            fleets: those of this collector. Where it is one, a handset whose row names none is of that.
        """
        self._path = path
        self._fleet = next(iter(fleets)) if len(fleets) == 1 else None
        self._entries = Entries({}, None, is_broken=False)
        self._seen: tuple[int, ...] | None = ()
        self._lock = Lock()

    def entries(self) -> Entries:
        """Return what the table says; where it cannot be used, what it said last. The log says why, once."""
        if self._path is None:
            return self._entries
        with self._lock:
            seen = _signature(self._path)
            if seen != self._seen:
                self._seen = seen
                self._entries = self._read(self._path)
            return self._entries

    def places(self) -> Mapping[str, str]:
        """Return the place of each handset that has one."""
        return {device: entry.place for device, entry in self.entries().by_device.items() if entry.place}

    def _read(self, path: Path) -> Entries:
        try:
            by_device = {entry.device: entry for entry in _read(path, self._fleet)}
        except ProvisioningError as error:
            # Not where in which column: of a table without headings that would be somebody's password.
            where = f" Where it is says: wecall bundle mass {path.name} --check" if error.mistakes else ""
            _log.warning("The table of names %s cannot be used, names stay as they were. %s%s", path, error, where)
            return Entries(self._entries.by_device, self._entries.read_at, is_broken=True)
        _log.info("The table of names has %d handsets.", len(by_device))
        return Entries(by_device, datetime.now(UTC), is_broken=False)


def _read(path: Path, fleet: str | None) -> Iterator[Entry]:
    table = read_table(path)
    # Columns that are mistakes in a bundle are none here.
    columns, mistakes = read_columns(table)
    if columns is None:
        raise refusal(mistakes)
    device, label, of_fleet = map(columns.column_of, (("device", "id"), ("accounts", 0, "label"), ("device", "fleet")))
    known: set[str] = set()
    for row in table.rows:
        serial = _cell(path, row, columns.serial).lower()
        entry = Entry(
            _cell(path, row, of_fleet) or fleet,
            _cell(path, row, device) or serial,
            serial,
            _cell(path, row, label),
            _cell(path, row, columns.place),
        )
        if not is_name(entry.device) or not (entry.fleet is None or is_name(entry.fleet)):
            raise ProvisioningError(f"Row {row.number} of {path} names no handset: correct its device id and fleet.")
        if entry.device in known:
            raise ProvisioningError(f"Row {row.number} of {path} has the device id of a row before it: correct one.")
        known.add(entry.device)
        yield entry


def _cell(path: Path, row: Row, column: Column | None) -> str:
    text = "" if column is None else row.cells[column.position]
    if len(text) > _MAX_CHARACTERS or not text.isprintable():
        raise ProvisioningError(
            f"Row {row.number} of {path} has a name that is none: at most {_MAX_CHARACTERS} characters, all printable."
        )
    return text


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
