"""The passwords that have left a table, and codes, kept beside it: sealed to whoever has the key that signs.

A line of JSON for each handset. It is on the disk, and was opened once, before a cell of the table is emptied. A line
stays when its row goes: nothing here is deleted but by hand.
"""

import base64
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field

from firmware.installer.columns import Columns
from firmware.installer.device_table import DeviceTable, Row, rewrite_table
from firmware.installer.json_lines import read_lines, write_lines
from provisioning.errors import ProvisioningError
from provisioning.manifest import Serial
from provisioning.remarks import KeyPath
from provisioning.sealing import seal_to_device, unseal_with_key
from provisioning.section import Section
from provisioning.trust import key_id

SEALED_SUFFIX: Final = ".sealed"
_LABEL: Final = b"WeCall Handset, secrets of a table, 1\0"
_KEY_BYTES: Final = 32
_CODE: Final = "code"
"""What the code is called where it is sealed; no setting is called so."""
_NOT_OPENED: Final = "sealed-and-not-opened"
"""Stands for a password where the key is not at hand; whatever takes passwords takes it."""


@dataclass(frozen=True, slots=True)
class TableKey:
    """What seals the secrets of a table.

    Attributes:
        signer: the id of the key that it follows from.
        private: X25519. It follows from the key that signs, so that there is no second one to be kept.
        repeat: 32 bytes, by which the same secrets are sealed to a code in the same bytes, and inputs are compared.
    """

    signer: str
    private: X25519PrivateKey = field(repr=False)
    repeat: bytes = field(repr=False)

    @classmethod
    def of(cls, signer: Ed25519PrivateKey) -> Self:
        """Derive it from the key that signs (RFC 5869)."""
        derived = HKDF(SHA256(), 2 * _KEY_BYTES, salt=None, info=_LABEL).derive(signer.private_bytes_raw())
        private = X25519PrivateKey.from_private_bytes(derived[:_KEY_BYTES])
        return cls(key_id(signer.public_key().public_bytes_raw()), private, derived[_KEY_BYTES:])


@dataclass(frozen=True, slots=True)
class Kept:
    """What is sealed for one handset.

    Attributes:
        account: the user name in its row, by which the passwords are found again once another handset is in its place.
        values: the passwords, by their settings.
        code: what its bundles are sealed to; "" where it never needed one.
    """

    account: str
    values: Mapping[KeyPath, str] = field(repr=False)
    code: str = field(default="", repr=False)


class _Line(Section):
    """What is kept for one handset.

    Attributes:
        serial: the handset's.
        account: see `Kept`.
        settings: what is sealed, such as "accounts.0.password".
        key: the id of the key that signs.
        sealed: the values and the code, in base64.
    """

    serial: Serial
    account: str
    settings: tuple[str, ...]
    key: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    sealed: str


class SealedSecrets:
    """The secrets of one table."""

    def __init__(self, table: Path) -> None:
        """Set up.

        Args:
            table: the file, such as devices.csv; the secrets are beside it.
        """
        self.path = table.with_name(f"{table.name}{SEALED_SUFFIX}")
        self._lines: dict[str, _Line] = {}
        self._opened: dict[str, Kept] = {}

    def read(self) -> None:
        """Read which secrets there are.

        Raises:
            ProvisioningError: the file cannot be read.
        """
        remedy = (
            "Put a copy of the file back; without one delete that line, and type the passwords of its handset into the "
            "table once more."
        )
        for line in read_lines(self.path, _Line, remedy):
            self._lines[line.serial] = line

    def open(self, key: TableKey) -> None:
        """Open them.

        Raises:
            ProvisioningError: they were sealed with another key, or are damaged.
        """
        for line in self._lines.values():
            if line.key != key.signer:
                raise ProvisioningError(
                    f"The passwords in {self.path} are sealed with the key {line.key}, and this is {key.signer}. Put "
                    "them back into the table with that one (wecall bundle unseal), delete the file, and use this one."
                )
            self._opened[line.serial] = self._open(line, key)

    def of(self, serial: str, account: str, present: Collection[str]) -> Mapping[KeyPath, str]:
        """Return the secrets of a row by their settings; what stands for them until they are opened.

        Args:
            serial: of the handset.
            account: its user name. Where nothing is sealed for the serial, what was sealed for the account counts, if
                the handset that it was sealed for is in the table no more.
            present: all serials of the table.
        """
        line = self._lines.get(serial)
        if line is None and account:
            replaced = [each for each in self._lines.values() if each.account == account and each.serial not in present]
            line = replaced[0] if len(replaced) == 1 else None
        if line is None:
            return {}
        opened = self._opened.get(line.serial)
        return opened.values if opened else {_path(name): _NOT_OPENED for name in line.settings}

    def code_of(self, serial: str) -> str:
        """Return the code of a handset, once it was opened; "" where it has none."""
        return self._opened[serial].code if serial in self._opened else ""

    def keep_codes(self, codes: Mapping[str, str], key: TableKey) -> None:
        """Seal codes, by serials, as `keep` does."""
        self.keep(
            {serial: replace(self._opened.get(serial) or Kept("", {}), code=code) for serial, code in codes.items()},
            key,
        )

    def keep(self, rows: Mapping[str, Kept], key: TableKey) -> None:
        """Seal what is new; it is on the disk, and opens, when this returns.

        Args:
            rows: by serial, all that is kept for the handset.
            key: seals.

        Raises:
            ProvisioningError: something is no secret, or the file does not hold what was written.
            OSError: the disk is full, read-only or broken; what was sealed before stands.
        """
        changed = {
            serial: kept
            for serial, kept in rows.items()
            if (kept.values or kept.code) and kept != self._opened.get(serial)
        }
        if not changed:
            return
        new = {serial: self._seal(serial, kept, key) for serial, kept in changed.items()}
        write_lines(self.path, (self._lines | new).values())
        self.read()
        self.open(key)
        if any(self._opened.get(serial) != kept for serial, kept in changed.items()):
            raise ProvisioningError(f"{self.path} does not hold what was written to it. Is the disk broken?")

    @staticmethod
    def _seal(serial: str, kept: Kept, key: TableKey) -> _Line:
        named = {_name(path): value for path, value in kept.values.items()} | ({_CODE: kept.code} if kept.code else {})
        sealed = seal_to_device(named, key.private.public_key().public_bytes_raw(), serial=serial)
        return _Line(
            serial=serial,
            account=kept.account,
            settings=tuple(".".join(map(str, path)) for path in kept.values),
            key=key.signer,
            sealed=base64.b64encode(sealed).decode("ascii"),
        )

    def _open(self, line: _Line, key: TableKey) -> Kept:
        try:
            named = unseal_with_key(base64.b64decode(line.sealed), key.private, serial=line.serial)
            values = {path: named[_name(path)] for path in map(_path, line.settings)}
            return Kept(line.account, values, named.get(_CODE, ""))
        except (ProvisioningError, ValueError, KeyError):
            raise ProvisioningError(
                f"The passwords of {line.serial} in {self.path} do not open: the file is damaged. Put a copy of it "
                "back; without one delete that line, and type the passwords into the table once more."
            ) from None


def _path(name: str) -> KeyPath:
    return tuple(int(part) if part.isdigit() else part for part in name.split("."))


def _name(path: KeyPath) -> str:
    """Return what a setting is called where it is sealed."""
    return "-".join(map(str, path)).replace("_", "-")


def seal_table(table: DeviceTable, columns: Columns, sealed: SealedSecrets, key: TableKey) -> int:
    """Seal the passwords of a table, then empty their cells.

    Returns:
        How many left it.

    Raises:
        ProvisioningError: something is no secret, or somebody has changed the table meanwhile.
        OSError: something cannot be written. Each password is in one place at least.
    """
    in_clear = {row: columns.secrets_in(row) for row in table.rows}
    known = dict(_known(table, columns, sealed))
    rows = {
        (serial := columns.serial_in(row)): Kept(
            columns.account_in(row), {**known[row], **found}, sealed.code_of(serial)
        )
        for row, found in in_clear.items()
    }
    sealed.keep(rows, key)
    cells = {
        (row.number, column.position): ""
        for row, found in in_clear.items()
        for column, setting in columns.settings
        if setting.path in found
    }
    if cells:
        rewrite_table(table, cells)
    return len(cells)


def unseal_table(table: DeviceTable, columns: Columns, sealed: SealedSecrets) -> int:
    """Put the passwords that were opened back into the cells that are empty.

    Returns:
        How many.

    Raises:
        ProvisioningError: somebody has changed the table meanwhile.
        OSError: it cannot be written.
    """
    cells: dict[tuple[int, int], str] = {}
    added: dict[KeyPath, int] = {}
    for row, values in _known(table, columns, sealed):
        for path, value in values.items():
            column = columns.column_of(path)
            if column is None:
                # Somebody has deleted a column that was empty.
                position = added.setdefault(path, len(row.cells) + len(added))
                cells[1, position] = ".".join(map(str, path))
                cells[row.number, position] = value
            elif not row.cells[column.position]:
                cells[row.number, column.position] = value
    if cells:
        rewrite_table(table, cells)
    return len(cells) - len(added)


def _known(table: DeviceTable, columns: Columns, sealed: SealedSecrets) -> Iterator[tuple[Row, Mapping[KeyPath, str]]]:
    present = frozenset(map(columns.serial_in, table.rows))
    for row in table.rows:
        yield row, sealed.of(columns.serial_in(row), columns.account_in(row), present)
