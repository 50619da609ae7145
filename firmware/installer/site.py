"""A site: a folder that all its handsets have in common, and a table of what differs from one to the next."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from pydantic import TypeAdapter, ValidationError

from firmware.configuration.contradictions import contradictions
from firmware.configuration.files import fill_in, missing_files, wanted_secrets
from firmware.configuration.inspection import inspect_configuration
from firmware.installer.bundle_folder import CONFIGURATION, SECRETS, BundleFolder
from firmware.installer.check_command import line_of
from firmware.installer.columns import Columns
from firmware.installer.configuration_text import change_text, changed
from firmware.installer.credentials import secrets_in
from firmware.installer.device_table import CellMistake, Column, DeviceTable, Row, refusal, spreadsheet_damage, told
from firmware.installer.folder_check import check_folder
from firmware.installer.labels import Label
from firmware.installer.sealed_secrets import SealedSecrets
from provisioning.authority import common_name
from provisioning.errors import ProvisioningError
from provisioning.examination import examine
from provisioning.manifest import Serial
from provisioning.places import Places
from provisioning.remarks import KeyPath, Remark, Severity, counted
from provisioning.risks import NO_COUNTRY
from provisioning.schema import Configuration

BROKER_CERTIFICATE: Final = "certificates/broker.pem"
"""Where a handset's own certificate stands in its bundle."""

_SERIAL: Final = TypeAdapter[str](Serial)
_DEVICE_ID: Final[KeyPath] = ("device", "id")
_PASSWORD: Final[KeyPath] = ("accounts", 0, "password")

_KindOfError = tuple[tuple[str, tuple[int | str, ...], str], ...]


@dataclass(frozen=True, slots=True)
class Handset:
    """A row of the table, whose configuration has no mistakes.

    Attributes:
        row: where it stands.
        serial: the hardware's own number.
        place: where it goes; may be "".
        settings: what is its own.
        configuration: all that it gets.
        secrets: its passwords, by the names that they are sealed with.
        in_clear: where passwords would stand in its configuration.
    """

    row: Row = field(repr=False)
    serial: str
    place: str
    settings: tuple[tuple[KeyPath, Any], ...] = field(repr=False)
    configuration: Configuration = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    in_clear: tuple[KeyPath, ...] = field(repr=False)

    @property
    def device(self) -> str:
        """The device id."""
        return self.configuration.device.id

    def label(self, code: str) -> Label:
        """Return what is stuck on it."""
        account = self.configuration.accounts[0]
        return Label(
            name=account.label or account.display_name or self.place or account.username,
            number=account.username,
            place=self.place,
            device=self.device,
            serial=self.serial,
            code=code,
        )


@dataclass(frozen=True, slots=True)
class Site:
    """A table without mistakes.

    Attributes:
        handsets: in its order.
        warnings: what may be meant so, and may be not.
    """

    handsets: tuple[Handset, ...]
    warnings: tuple[str, ...]


def read_site(source: BundleFolder, table: DeviceTable, columns: Columns, sealed: SealedSecrets) -> Site:
    """Put folder and table together; of passwords those in the table count, then those sealed, then the folder's.

    Raises:
        ProvisioningError: with every mistake of both.
    """
    reader = _Reader(source.configuration_text(), source.secrets(), sealed, table, columns)
    handsets = tuple(reader.handsets())
    if reader.mistakes:
        raise refusal(reader.mistakes)
    return Site(handsets, told(reader.warnings))


def certificates_of(handsets: Sequence[Handset], folder: Path | None) -> Mapping[str, bytes]:
    """Read each handset's certificate, and make sure that it is its own.

    Raises:
        ProvisioningError: some are missing, or are another's.
    """
    if folder is None:
        return {}
    found: dict[str, bytes] = {}
    mistakes = []
    for handset in handsets:
        path = folder / f"{handset.serial}.pem"
        try:
            content = path.read_bytes()
            named = common_name(x509.load_pem_x509_certificate(content))
        except FileNotFoundError:
            mistakes.append(f"row {handset.row.number}: there is no {path}. Make it with: wecall fleet ca issue")
        except ValueError:
            mistakes.append(f"row {handset.row.number}: {path} is no certificate in PEM.")
        else:
            if named != handset.device:
                mistakes.append(
                    f"row {handset.row.number}: {path} is for {named}, and this handset is {handset.device}."
                )
            found[handset.serial] = content
    if mistakes:
        raise ProvisioningError("Some certificates cannot be used.", tuple(mistakes))
    return found


def check_files(handsets: Sequence[Handset], contents: Mapping[str, Path], certificates: Mapping[str, bytes]) -> None:
    mistakes = {
        mistake: handset
        for handset in reversed(handsets)
        for mistake in missing_files(
            handset.configuration, {*contents, *([BROKER_CERTIFICATE] if handset.serial in certificates else [])}
        )
    }
    if mistakes:
        raise ProvisioningError(
            "The configuration names files that are missing.",
            tuple(f"row {handset.row.number}: {mistake}" for mistake, handset in sorted(mistakes.items())),
        )


def check_common(source: BundleFolder, first: Handset, *, has_certificates: bool) -> tuple[Remark, ...]:
    """Look at what all have in common, as the first handset gets it.

    Returns:
        Warnings.

    Raises:
        ProvisioningError: something has to be corrected, with all of that.
    """
    of_files = check_folder(source.folder, datetime.now(UTC)).remarks
    remarks = [remark for remark in of_files if remark.file not in {CONFIGURATION, SECRETS}]
    if has_certificates:
        remarks = [remark for remark in remarks if remark.file != BROKER_CERTIFICATE]
    text = source.configuration_text()
    places = Places(text)
    inspected = inspect_configuration(change_text(text, first.settings, without=first.in_clear), packed=True).remarks
    remarks += [replace(remark, file=CONFIGURATION, place=places.nearest(remark.path)) for remark in inspected]
    if mistakes := [line_of(remark) for remark in remarks if remark.severity is Severity.MISTAKE]:
        raise ProvisioningError(f"The folder {source.folder} has {counted(len(mistakes), 'mistake')}.", tuple(mistakes))
    return tuple(remarks)


class _Reader:
    """Reads row by row and gathers mistakes."""

    def __init__(
        self, text: str, secrets: Mapping[str, str], sealed: SealedSecrets, table: DeviceTable, columns: Columns
    ) -> None:
        self.mistakes: list[CellMistake] = []
        self.warnings: list[CellMistake] = []
        self._firsts: dict[tuple[str, str], Row] = {}
        self._text = text
        self._secrets = secrets
        self._sealed = sealed
        self._table = table
        self._columns = columns
        self._serials = frozenset(map(columns.serial_in, table.rows))
        self._of_folder: set[str] = set()
        self._told: dict[_KindOfError, tuple[tuple[str, Column | None], ...]] = {}
        self._places = Places(text)
        try:
            self._raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            raise ProvisioningError(
                f"{CONFIGURATION} has mistakes.", tuple(remark.sentence for remark in examine(text).mistakes)
            ) from None

    def handsets(self) -> Iterator[Handset]:
        """Return those whose rows have no mistake."""
        for row in self._table.rows:
            serial = self._serial(row)
            self._check_once("serial", serial, row, self._columns.serial)
            named = self._columns.column_of(_DEVICE_ID)
            self._check_once("device id", row.cells[named.position] if named else "", row, named)
            settings = tuple(self._settings(row, serial))
            configuration = self._configuration(row, settings)
            if configuration is not None and serial:
                self._compare_accounts(row, settings)
                yield self._handset(row, serial, settings, configuration)

    def _check_once(self, what: str, value: str, row: Row, column: Column | None) -> None:
        if value and (first := self._firsts.setdefault((what, value), row)) is not row:
            self._add(f"row {first.number} has this {what} already.", row, column)

    def _compare_accounts(self, row: Row, settings: tuple[tuple[KeyPath, Any], ...]) -> None:
        """Point out accounts that two rows name: handsets may share a line, and people may copy one cell too many."""
        accounts = changed(self._raw, settings)["accounts"]
        for column, setting in self._columns.settings:
            match setting.path:
                case ("accounts", int(position), "username"):
                    address = f"{accounts[position]['username']}@{accounts[position]['domain']}"
                    first = self._firsts.setdefault(("account", address), row)
                    if first is not row:
                        text = f"row {first.number} has the account {address} too: both will ring."
                        self.warnings.append(self._table.mistake(text, row, column))
                case _:
                    pass

    def _handset(
        self, row: Row, serial: str, settings: tuple[tuple[KeyPath, Any], ...], configuration: Configuration
    ) -> Handset:
        found = tuple(secrets_in(changed(self._raw, settings)))
        secrets = {**self._secrets, **{secret.name: secret.value for secret in found}}
        if wanted := wanted_secrets(fill_in(configuration, secrets), environment={}):
            column = self._columns.column_of(_PASSWORD)
            self._add("this cell must be filled in." if column else f"no password: {', '.join(wanted)}.", row, column)
        place = self._columns.place
        return Handset(
            row,
            serial,
            row.cells[place.position] if place else "",
            settings,
            configuration,
            secrets,
            tuple(secret.path for secret in found),
        )

    def _serial(self, row: Row) -> str:
        cell = row.cells[self._columns.serial.position]
        try:
            return _SERIAL.validate_python(cell.lower())
        except ValidationError:
            reason = "the serial is missing."
            if cell:
                reason = spreadsheet_damage(cell) or (
                    f"{cell!r} is no serial: one has 8 to 64 letters, digits and hyphens, as the name of the handset's "
                    "identity file and its own display have it."
                )
            self._add(reason, row, self._columns.serial)
            return ""

    def _settings(self, row: Row, serial: str) -> Iterator[tuple[KeyPath, Any]]:
        """Return what is this handset's own; an empty cell leaves what was sealed, or what the folder says."""
        if not (named := self._columns.column_of(_DEVICE_ID)) or not row.cells[named.position]:
            yield _DEVICE_ID, serial or "unknown"
        for column, setting in self._columns.settings:
            if cell := row.cells[column.position]:
                yield setting.path, setting.value(cell)
        in_clear = self._columns.secrets_in(row)
        for path, value in self._sealed.of(serial, self._columns.account_in(row), self._serials).items():
            if path not in in_clear:
                yield path, value

    def _configuration(self, row: Row, settings: tuple[tuple[KeyPath, Any], ...]) -> Configuration | None:
        try:
            configuration = Configuration.model_validate(changed(self._raw, settings))
        except ProvisioningError as error:
            self._add(str(error), row, None)
        except ValidationError as error:
            self._tell_mistakes(row, settings, error)
        else:
            found = contradictions(configuration)
            if configuration.device.country is None:
                found = (*found, NO_COUNTRY)
            self._tell(row, self._placed(found, settings))
            return None if found else configuration
        return None

    def _tell_mistakes(self, row: Row, settings: tuple[tuple[KeyPath, Any], ...], error: ValidationError) -> None:
        """Say what is wrong: in the cell where one sets it, else of the folder, once for all rows."""
        items = error.errors(include_url=False, include_input=False)
        kind = tuple((item["type"], item["loc"], item["msg"]) for item in items)
        told = self._told.get(kind)
        if told is None:
            told = tuple(self._placed(examine(change_text(self._text, settings)).mistakes, settings))
            # What quotes the cell is only this row's.
            if not any("?" in text or '"' in text for text, _ in told):
                self._told[kind] = told
        self._tell(row, told)

    def _placed(
        self, remarks: Iterable[Remark], settings: tuple[tuple[KeyPath, Any], ...]
    ) -> Iterator[tuple[str, Column | None]]:
        """Return each remark as a sentence, and the column that it is about; None where that is the folder."""
        set_here = {path for path, _ in settings}
        for remark in remarks:
            paths = (remark.path, *remark.about)
            columns = [column for path in paths if (column := self._column_at(path))]
            if not columns:
                yield replace(remark, place=self._places.nearest(remark.path)).sentence, None
            elif any(path[: len(each)] == each for path in paths for each in set_here):
                yield remark.text if remark.text.endswith("?") else f"{remark.text}.", columns[0]
            else:
                yield "this cell must be filled in.", columns[0]

    def _tell(self, row: Row, told: Iterable[tuple[str, Column | None]]) -> None:
        for text, column in told:
            if column is None:
                self._add_once(text)
            else:
                self._add(text, row, column)

    def _column_at(self, path: KeyPath) -> Column | None:
        """Return the column that sets what stands at a path, or something in it."""
        return next(
            (column for column, setting in self._columns.settings if path[: len(setting.path)] == setting.path), None
        )

    def _add(self, text: str, row: Row, column: Column | None) -> None:
        self.mistakes.append(self._table.mistake(text, row, column))

    def _add_once(self, text: str) -> None:
        """Say what is wrong with the folder, whatever the row."""
        if text not in self._of_folder:
            self._of_folder.add(text)
            self.mistakes.append(CellMistake(text, 0, None, CONFIGURATION))
