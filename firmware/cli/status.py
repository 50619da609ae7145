"""`wecall status`, `doctor` and `log`: how the handset is, and what it did."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from firmware.base.errors import ControlError
from firmware.cli.asking import ask
from firmware.cli.options import DEFAULT_CONFIGURATION, runtime_dir_option
from firmware.control import client
from firmware.control.admin_requests import DoctorRequest, LogRequest, PageRequest, StatusRequest
from firmware.control.requests import Role


@click.command()
@runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--page", is_flag=True, help="Print what the display says.")
def status(runtime_dir: Path, as_json: bool, page: bool) -> None:
    """Say what the handset is doing, without anybody's number or name."""
    answer = ask(runtime_dir, PageRequest() if page else StatusRequest())
    if as_json:
        click.echo(json.dumps(dict(answer), indent=2, ensure_ascii=False))
        return
    if page:
        click.echo("\n".join(answer["lines"]))
        return
    for name, value in answer.items():
        for row in value if isinstance(value, list) and value else [value]:
            words = _in_words(row) if isinstance(row, Mapping) else row
            click.echo(f"{name.replace('_', ' '):20} {words if words not in (None, '', []) else '-'}")


@click.command()
@click.option(
    "--config", "configuration", type=click.Path(path_type=Path), default=DEFAULT_CONFIGURATION, show_default=True,
    help="The configuration to check where the handset does not run.",
)  # fmt: skip
@runtime_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--advisories", is_flag=True, help="Say instead what is known against the libraries here; 1 if a phone is affected."
)
def doctor(configuration: Path, runtime_dir: Path, as_json: bool, advisories: bool) -> None:
    """Say of each part whether it works and what to do if not; the exit code is 1 where something does not."""
    if advisories:
        sys.exit(_say_advisories())

    from firmware.services.doctor.findings import examine_at_rest

    try:
        findings: Any = client.ask(runtime_dir, Role.ADMIN, DoctorRequest())["findings"]
    except ControlError as error:
        findings = [finding.as_dict() for finding in examine_at_rest(configuration, str(error))]
    if as_json:
        click.echo(json.dumps(findings, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding["ok"] else click.style("FAIL", fg="red", bold=True)
            click.echo(f"{mark} {finding['part']:12} {finding['detail']}")
            if finding["advice"]:
                click.echo(f"{'':17} → {finding['advice']}")
    sys.exit(0 if all(finding["ok"] for finding in findings) else 1)


def _say_advisories() -> int:
    """Print a row for each library, with the advisories of its version, and return the exit code."""
    from firmware.services.doctor.advisories import AdvisoryList, Affects, compare

    colours = {Affects.NO: "green", Affects.MITIGATED: "green", Affects.YES: "red", Affects.UNKNOWN: "yellow"}
    known = AdvisoryList.read()
    rows = list(compare(known.component))
    for row in rows:
        installed = "not here" if row.installed is None else row.installed
        looked_at = f"looked at {row.component.looked_at}" if row.component.looked_at else "nobody has looked yet"
        click.echo(f"{row.component.name:28} {installed:20} {len(row.applying)} known, {looked_at}")
        for advisory in row.applying:
            affects = click.style(f"{advisory.affects:9}", fg=colours[advisory.affects])
            click.echo(f"  {affects} {advisory.id:20} {advisory.why}")
    further = known.nothing_known
    click.echo(f"{len(further.packages)} further Python packages: nothing known, looked at {further.looked_at}")
    return 1 if any(row.harmful for row in rows) else 0


@click.command()
@runtime_dir_option
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many calls.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def log(runtime_dir: Path, limit: int, as_json: bool) -> None:
    """List the latest calls, newest first: whether each was answered, for how long it was talked, and how it ended."""
    calls = ask(runtime_dir, LogRequest(limit=limit))["calls"]
    if as_json:
        click.echo(json.dumps(calls, indent=2, ensure_ascii=False))
        return
    if not calls:
        click.echo("No calls yet.")
    for call in calls:
        arrow = "→" if call["direction"] == "outgoing" else "←"
        who = f"{call['name']} ({call['number']})" if call["name"] else call["number"] or "withheld"
        answered = "answered" if call["answered"] else "not answered"
        ending = call["result"] or "going on"
        if call["decision"] not in ("", ending):
            ending = f"{ending} ({call['decision']})"
        if call["verification"]:
            ending = f"{ending}, {call['verification']}"
        sound = f"  {_sound_words(call['sound'])}" if call["sound"] else ""
        click.echo(f"{call['started_at']}  {arrow} {who:32} {answered:12} {call['duration_s']:>6} s  {ending}{sound}")


def _sound_words(sound: Mapping[str, Any]) -> str:
    line = f"{sound['codec']}, {sound['loss_percent']:.1f} % lost, {sound['repaired_percent']:.1f} % repaired"
    there = "" if sound["far_mos"] is None else f", {sound['far_mos']:.1f} at the far end"
    if sound["trouble"] is not None:
        from firmware.phone.phrases import TROUBLES

        return f"{TROUBLES[sound['trouble']].text} ({line})"
    return f"sound {sound['mos']:.1f} of 5{there} ({line})"


def _in_words(row: Mapping[str, Any]) -> str:
    if "sent_bytes" in row:
        from firmware.base.data_size import size_words

        return f"{row['when']} {size_words(row['sent_bytes'])} sent, {size_words(row['received_bytes'])} received"
    return ", ".join(str(part) for part in row.values() if part)
