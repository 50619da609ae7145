"""What pages for fleet managers and installers tell people to type is what the commands take."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import pytest
from sqlalchemy import text

from firmware.cli import main
from fleet.collector.database import open_database, prepare
from fleet.collector.quarantine import Reason
from fleet.collector.settings import CollectorSettings, Storage
from fleet.tables import calls, epochs, erased_ranges

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "fleet.md"
PAGES: Final = (
    PAGE,
    *(ROOT / "docs" / name for name in ("installing.md", "updating.md", "migrating.md")),
    *sorted((ROOT / "fleet").glob("*/*.md")),
)
# Indented as a block, or in backticks with something after the command's name.
_COMMAND = re.compile(r"(?:^ {4,}(?:\S+/)?|`)(wecall [a-z][^`\n]*)", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for written in _COMMAND.findall(re.sub(r"\\\n *", "", page.read_text())):
            yield page.name, written.partition("  #")[0].removesuffix("...").strip()


def parse(words: list[str]) -> None:
    """Take a command line apart as the command itself would, without doing anything."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"there is no {words[0]}")
        command, words = found, words[1:]
        context = click.Context(command, parent=context)
    if isinstance(command, click.Group):
        return
    command.make_parser(context).parse_args(words)


def test_every_command_on_the_pages_takes_what_is_written_there(subtests: pytest.Subtests) -> None:
    for page, written in sorted(set(commands())):
        with subtests.test(page=page, written=written):
            parse(shlex.split(written)[1:])


def test_a_command_that_is_not_or_an_option_that_it_lacks_would_be_noticed() -> None:
    assert len(set(commands())) > 20
    for wrong in ("fleet collekt", "fleet collect --settings x", "fleet ca init authority --hosts y"):
        with pytest.raises(click.UsageError):
            parse(shlex.split(wrong))


def block(beginning: str) -> str:
    """Return the indented block of the page that begins with this line."""
    lines = PAGE.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip() == beginning)
    indent = len(lines[first]) - len(lines[first].lstrip())
    found = []
    for line in lines[first:]:
        if line.strip() and not line.startswith(" " * indent):
            break
        found.append(line[indent:])
    return "\n".join(found)


def test_the_settings_of_a_collector_on_the_page_are_what_it_takes() -> None:
    document: dict[str, Any] = tomllib.loads(block('name = "main"'))
    read = CollectorSettings.model_validate(document)
    assert read.broker.group != "collectors"
    assert read.http is not None


def test_what_was_taken_back_goes_from_an_older_copy_as_the_page_says(tmp_path: Path) -> None:
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    prepare(engine)
    name = {"fleet": "hotel", "device": "room-1"}
    now = datetime(2026, 3, 1, tzinfo=UTC)
    some = {
        "id": "0" * 32, "account": "0" * 32, "direction": "outgoing", "started_at": now, "result": "busy",
        "sip_code": 486, "clock_synced": True, "boot_id": "boot", "received_at": now,
    }  # fmt: skip
    with engine.begin() as connection:
        for device, epoch in (("room-1", 7), ("room-2", 7), ("room-2", 8)):
            for seq in range(1, 6):
                connection.execute(calls.insert().values(**some, fleet="hotel", device=device, epoch=epoch, seq=seq))
        connection.execute(epochs.insert().values(fleet="hotel", device="room-2", epoch=7))
        connection.execute(epochs.insert().values(fleet="hotel", device="room-2", epoch=8, gone_at=now))
        connection.execute(erased_ranges.insert().values(**name, epoch=7, first=2, last=4))
        for statement in block("DELETE FROM calls WHERE EXISTS (").strip().removesuffix(";").split(";"):
            connection.execute(text(statement))
        left = {tuple(row) for row in connection.execute(text("SELECT device, epoch, seq FROM calls"))}
    engine.dispose()
    assert left == {("room-1", 7, 1), ("room-1", 7, 5)} | {("room-2", 7, seq) for seq in range(1, 6)}


def test_what_is_said_of_the_quarantine_are_its_words() -> None:
    [row] = [line for line in PAGE.read_text().splitlines() if line.startswith("| quarantine grows")]
    named = set(re.findall(r"`([a-z_]+)`", row))
    assert named
    assert named <= {reason.value for reason in Reason}
