"""`wecall bundle check`: everything that is wrong, at once."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from firmware.installer.folder_check import Findings, check_configuration_file, check_folder
from provisioning.remarks import Remark, Severity, counted

_COLOURS = {Severity.MISTAKE: "red", Severity.WARNING: "yellow"}


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(path: Path, as_json: bool) -> None:
    """Tell every mistake and every warning in PATH, with its line and column.

    PATH is the folder that a bundle is made from, or a configuration by itself. The exit code is 1 where there is a
    mistake; warnings leave it 0.
    """
    findings = check_folder(path, datetime.now(UTC)) if path.is_dir() else check_configuration_file(path)
    click.echo(json.dumps(_as_dict(findings), indent=2) if as_json else _as_text(findings))
    if findings.mistakes:
        raise click.exceptions.Exit(1)


def _as_text(findings: Findings) -> str:
    lines = [line_of(remark) for remark in findings.remarks]
    lines.append(f"{counted(len(findings.mistakes), 'mistake')}, {counted(len(findings.warnings), 'warning')}.")
    if findings.to_seal:
        lines.append(f"To be sealed, or typed when the bundle is built: {', '.join(findings.to_seal)}.")
    return "\n".join(lines)


def line_of(remark: Remark) -> str:
    """Write a remark the way that editors find their way by."""
    place = ":".join(filter(None, (remark.file, *map(str, remark.place or ()))))
    word = click.style(remark.severity, fg=_COLOURS[remark.severity])
    stop = "" if remark.text.endswith("?") else "."
    return ": ".join(filter(None, (place, word, remark.setting, f"{remark.text}{stop}")))


def _as_dict(findings: Findings) -> dict[str, Any]:
    return {
        "mistakes": [_remark_as_dict(remark) for remark in findings.mistakes],
        "warnings": [_remark_as_dict(remark) for remark in findings.warnings],
        "to_seal": list(findings.to_seal),
    }


def _remark_as_dict(remark: Remark) -> dict[str, Any]:
    line, column = remark.place or (None, None)
    return {"file": remark.file, "line": line, "column": column, "setting": remark.setting, "text": remark.text}
