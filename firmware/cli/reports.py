"""`wecall bundle reports`: what became of the bundles of a stick that was carried round."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contract.results import BundleResult
from firmware.display.translation import Language
from firmware.installer.stick_files import bundle_paths, configuration_in, open_plain, printable, read_report_file
from firmware.setup.stick.report_text import has_failed, what_failed
from provisioning.bundle import Bundle, open_bundle
from provisioning.errors import ProvisioningError
from provisioning.report import REPORT_NAME, Report

_REPORTS: Final = f"{REPORT_NAME.format(serial='*')}.json"


class _State(StrEnum):
    """What became of a handset's visit, in the order in which the table has them: what asks for something is last."""

    DONE = "done"
    NOT_VISITED = "not visited"
    FAILED = "failed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class _Brought:
    """The newest bundle of the stick for a handset."""

    number: int
    device: str


@dataclass(frozen=True, slots=True)
class _Row:
    state: _State
    who: str
    device: str = ""
    number: int | None = None
    why: str = ""


@click.command()
@click.argument("stick", type=click.Path(exists=True, file_okay=False, path_type=Path))
def reports(stick: Path) -> None:
    """Show what handsets reported on STICK, or in a folder with their report-<serial>.json.

    Handsets for which a bundle lies there, and that left no report of it, were not visited. The exit code is 1 where
    something failed or cannot be read.
    """
    brought, unreadable = _brought(stick)
    rows = [*unreadable, *_reported(stick, brought)]
    if not rows:
        raise ProvisioningError(f"There is neither a bundle nor a {REPORT_NAME.format(serial='<serial>')}.json there.")
    states = list(_State)
    _show(sorted(rows, key=lambda row: (states.index(row.state), row.device, row.who)))
    counts = ((state, sum(row.state is state for row in rows)) for state in states)
    click.echo(", ".join(f"{count} {state}" for state, count in counts if count) + ".")
    if any(row.state in {_State.FAILED, _State.UNREADABLE} for row in rows):
        raise SystemExit(1)


def _brought(stick: Path) -> tuple[Mapping[str, _Brought], list[_Row]]:
    """Return the newest bundle for each serial, and a row for each file that only looks like one."""
    newest: dict[str, _Brought] = {}
    unreadable: list[_Row] = []
    for path in bundle_paths(stick):
        try:
            with open_plain(path) as file:
                bundle = open_bundle(file, None)
                number, serials = bundle.manifest.number, bundle.manifest.serials
                device = _device_of(bundle) if len(serials) == 1 else ""
        except (ProvisioningError, OSError) as error:
            unreadable.append(_unreadable(path, error))
            continue
        for serial in serials:
            if serial not in newest or newest[serial].number < number:
                newest[serial] = _Brought(number, device)
    return newest, unreadable


def _reported(stick: Path, brought: Mapping[str, _Brought]) -> Iterator[_Row]:
    """Return a row for each report, and one for each bundle that no report is of."""
    visited: set[str] = set()
    for path in sorted(stick.glob(_REPORTS)):
        serial = path.stem.removeprefix(REPORT_NAME.format(serial=""))
        bundle = brought.get(serial)
        device = bundle.device if bundle is not None else ""
        try:
            report = read_report_file(path)
        except (ProvisioningError, OSError) as error:
            visited.add(serial)
            yield _unreadable(path, error, device)
            continue
        if bundle is None or _is_of(report, bundle):
            visited.add(serial)
            state = _State.FAILED if has_failed(report) else _State.DONE
            yield _Row(state, serial, device, report.number, what_failed(report, Language.ENGLISH))
    for serial in brought.keys() - visited:
        yield _Row(_State.NOT_VISITED, serial, brought[serial].device, brought[serial].number)


def _is_of(report: Report, bundle: _Brought) -> bool:
    """Tell whether a report is of this bundle or a later one, and was not left by a stick of before."""
    if report.number is None:
        return report.result is not BundleResult.NOTHING_TO_DO
    return report.number >= bundle.number


def _device_of(bundle: Bundle) -> str:
    """Return the device id; none where the configuration has mistakes, of which the handset's report tells."""
    with suppress(ProvisioningError):
        return configuration_in(bundle).device.id
    return ""


def _unreadable(path: Path, error: ProvisioningError | OSError, device: str = "") -> _Row:
    why = (error.strerror or "") if isinstance(error, OSError) else str(error)
    return _Row(_State.UNREADABLE, path.name, device, why=why)


def _show(rows: Iterable[_Row]) -> None:
    table = Table("handset", "device", "bundle", "state", "why", box=None)
    for row in rows:
        cells = (row.who, row.device, str(row.number or ""), row.state, row.why)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console().print(table)
