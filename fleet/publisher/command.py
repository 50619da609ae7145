"""`wecall fleet publish`: signed messages for many handsets, in stages."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console

from contract.messages import timestamp
from firmware.installer.columns import device_ids
from fleet.errors import FleetError
from fleet.publications import Publication, PublicationKind
from fleet.publisher.conductor import Conductor
from fleet.publisher.connection import BrokerLine
from fleet.publisher.recipients import chosen, refuse_strangers
from fleet.publisher.record import Plan, Record, RecordFolder
from fleet.publisher.roll_out import WHOLE, stages_of
from fleet.publisher.screen import Screen, handsets, show_end, show_plan, show_records
from fleet.publisher.settings import OperatorSettings, read_settings
from fleet.publisher.signed_file import Published, SignedFile, read_signed_file, trusted_keys
from fleet.publisher.site import Site, read_site
from fleet.publisher.withdrawal import found_by, withdraw_from

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_PATIENCE_S: Final = 900
# Phones install at night and try it where nobody uses them.
_UPDATE_PATIENCE_S: Final = 3 * 86_400


def _percent(text: str) -> Fraction:
    """Read a percentage.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        found = Fraction(text.strip().removesuffix("%"))
    except (ValueError, ZeroDivisionError):
        found = Fraction(-1)
    if not 0 <= found <= WHOLE:
        raise click.BadParameter(f"{text!r} is no percentage, as 5% is.")
    return found


def _stages(text: str) -> tuple[Fraction, ...]:
    """Read percentages that rise to the whole.

    Raises:
        click.BadParameter: they are none.
    """
    found = tuple(map(_percent, text.split(",")))
    if list(found) != sorted(set(found)) or found[-1] != WHOLE or found[0] == 0:
        raise click.BadParameter(f"{text!r} does not rise from more than 0% to 100%, as 1%,10%,50%,100% does.")
    return found


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was typed."""

    never_online: bool
    stages: Sequence[Fraction]
    max_failures: Fraction
    stage_timeout_s: float
    go_on: bool
    again: bool
    dry_run: bool
    devices: tuple[str, ...] = ()
    table: Path | None = None


def _settings_option(command: _Command) -> _Command:
    return click.option(
        "--settings", "settings_path", type=click.Path(dir_okay=False, path_type=Path), default=Path("operator.toml"),
        show_default=True, help="How the broker is reached; see fleet/broker/README.md.",
    )(command)  # fmt: skip


_Option = Callable[[Callable[..., Any]], Callable[..., Any]]

_TO_WHOM: Final[tuple[_Option, ...]] = (
    click.option("--device", "devices", multiple=True, help="Only this handset; can be given several times."),
    click.option(
        "--never-online", is_flag=True, help="What --device names may be a handset that has not been online yet.",
    ),
    click.option(
        "--devices", "table", type=_FILE,
        help="Only those in this table of `wecall bundle mass`.  [default: all that the broker knows]",
    ),
)  # fmt: skip


def _publishing_options(
    command: Callable[..., Any], to_whom: Sequence[_Option], patience_s: float
) -> Callable[..., Any]:
    options: tuple[_Option, ...] = (
        _settings_option,
        click.option("--config", "configuration", type=_FILE, help="A handset's configuration, whose keys count."),
        click.option("--public", multiple=True, help="A public key that counts, in place of a configuration's."),
        *to_whom,
        click.option(
            "--stages", type=_stages, metavar="PERCENT,...", default="1%,10%,50%,100%", show_default=True,
            help="How many of them have it after each stage.",
        ),
        click.option(
            "--max-failures", type=_percent, metavar="PERCENT", default="5%", show_default=True,
            help="It stops by itself where more of a stage fail.",
        ),
        click.option(
            "--stage-timeout", "stage_timeout_s", type=click.FloatRange(min=0), default=patience_s, show_default=True,
            help="How many seconds a stage waits for answers.",
        ),
        click.option("--go-on", is_flag=True, help="Go on with what has stopped by itself."),
        click.option(
            "--again", is_flag=True,
            help="Send it also to those again that have said nothing: a broker that lost its power may have lost it.",
        ),
        click.option("--dry-run", is_flag=True, help="Only say what would go where."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def publish() -> None:
    """Send signed messages to many handsets, in stages that stop by themselves where they fail.

    Said again after it was cut off, a command goes on where it was.
    """


def _add_command(kind: PublicationKind, words: str, patience_s: float = _PATIENCE_S) -> None:
    @publish.command(name=kind.value, help=words)
    @click.argument("file", type=_FILE)
    @partial(_publishing_options, to_whom=_TO_WHOM, patience_s=patience_s)
    def publish_one(file: Path, settings_path: Path, **typed: Any) -> None:
        _publish(partial(read_signed_file, file, kind), kind, settings_path, **typed)


for _kind, _words in (
    (PublicationKind.POLICY, "Send the privacy policy in FILE, from `wecall policy sign`."),
    (PublicationKind.NOTICE, "Send the notice in FILE, from `wecall notice sign`."),
    (PublicationKind.ANSWER, "Send the answer in FILE, from `wecall answer sign`, to the one handset that it is for."),
    (
        PublicationKind.BUNDLE,
        "Send the bundle in FILE, from `wecall bundle build`, without firmware and of 4 MiB at most.",
    ),
):
    _add_command(_kind, _words)
_add_command(
    PublicationKind.UPDATE,
    "Announce the release in FILE, from `wecall release announce`; a stage waits for days.",
    _UPDATE_PATIENCE_S,
)


@publish.command(name="site")
@click.argument("stick", type=click.Path(exists=True, file_okay=False, path_type=Path))
@partial(
    _publishing_options,
    to_whom=(click.option("--never-online", is_flag=True, help="Some of them may not have been online yet."),),
    patience_s=_PATIENCE_S,
)
def publish_site(stick: Path, settings_path: Path, **typed: Any) -> None:
    """Send all bundles on STICK, or in a folder, in one roll-out: each to the one handset that it is for.

    They are those of `wecall bundle mass`. Handsets that have taken theirs already get nothing.
    """
    _publish(partial(read_site, stick), PublicationKind.BUNDLE, settings_path, **typed)


@publish.command(name="status")
@_settings_option
def status(settings_path: Path) -> None:
    """List what was published from here, and what became of it; asks no broker."""
    with _told():
        show_records(list(RecordFolder(read_settings(settings_path).records).all()))


@publish.command(name="withdraw")
@click.argument("message")
@_settings_option
@click.option("--taken", is_flag=True, help="Only from handsets that have taken it: it frees the broker's memory.")
def withdraw(message: str, settings_path: Path, taken: bool) -> None:
    """Have the broker keep MESSAGE no longer: the SHA-256 of a file, or its beginning, as `status` shows it.

    Handsets that have fetched it keep what they have.
    """
    with _told():
        settings = read_settings(settings_path)
        folder = RecordFolder(settings.records)
        with folder.locked(settings.client_id()), found_by(folder, message) as record:
            count = asyncio.run(_withdraw(settings, record, folder, only_taken=taken))
            click.echo(f"The broker keeps it no longer for {handsets(count)}.")


def _publish(
    read: Callable[..., Published], kind: PublicationKind, settings_path: Path, *, configuration: Path | None,
    public: tuple[str, ...], **typed: Any,
) -> None:  # fmt: skip
    with _told():
        wish = _Wish(**typed)
        settings = read_settings(settings_path)
        keys = trusted_keys(kind, configuration or settings.configuration, public or settings.public)
        published = read(keys, fleet=settings.fleet, now_s=time.time())
        folder = RecordFolder(settings.records)
        with folder.locked(settings.client_id()), ExitStack() as stack:
            found = folder.find(published.message)
            record = stack.enter_context(found) if found is not None else None
            if record is not None and (later := next(folder.place_takers(record), None)) is not None:
                raise FleetError(
                    f"{later.plan.title} was published after this one, and has its place at the broker. Sign this one "
                    "anew, with a higher number."
                )
            plan, online = _planned(published, settings, folder, record, wish)
            again = record.unheard if record is not None and wish.again else ()
            if wish.dry_run:
                stages = (*plan.stages, again) if again else plan.stages
                show_plan(plan.model_copy(update={"stages": stages}), published, online)
                return
            if record is None and not plan.stages:
                click.echo("All of these handsets have taken theirs already.")
                return
            if record is None:
                record = stack.enter_context(folder.begin(plan))
            elif record.is_done and plan.stages:
                record.extend(plan.stages)
            if again:
                record.send_again(again)
            _carry_out(published, settings, folder, record, wish)


def _planned(
    published: Published, settings: OperatorSettings, folder: RecordFolder, record: Record | None, wish: _Wish
) -> tuple[Plan, int | None]:
    """Say who is yet to get it in which stage, and how many of them are online, where that was asked.

    Raises:
        FleetError: there is nobody, or others are to get it and those before them have not all had it.
    """
    if record is not None and not record.is_done:
        if others := sorted(set(wish.devices) - record.roll_out.devices):
            raise FleetError(
                f"A roll-out of this {published.kind} is under way, and {others[0]} is not in it. Say the command "
                "without --device first; once it has ended, others can have it too."
            )
        left = ([device for device in stage if device not in record.roll_out.sent] for stage in record.roll_out.stages)
        return record.plan.model_copy(update={"stages": tuple(tuple(stage) for stage in left if stage)}), None
    named = wish.devices or tuple(published.messages)
    table = device_ids(wish.table) if wish.table is not None else None
    known: dict[str, bool] = {}
    names_are_checked = bool(named) and not wish.never_online
    if names_are_checked or (not named and table is None):
        known = asyncio.run(_known_devices(settings, published.fleet, folder))
    had = record.roll_out.devices if record is not None else set()
    to_reach = chosen(published, named, table, known) if isinstance(published, SignedFile) else named
    if names_are_checked:
        refuse_strangers(named, known.keys() | had, published.fleet)
    devices = set(to_reach) - had
    if isinstance(published, Site):
        devices -= published.visited | folder.have_taken(published.fleet, published.messages)
    plan = Plan(
        fleet=published.fleet,
        publication=Publication(
            kind=published.kind, name=published.name, message=published.message, published_at=timestamp(time.time())
        ),
        stages=stages_of(devices, wish.stages, published.message),
        max_failures=str(wish.max_failures),
        messages=published.messages,
    )
    return plan, sum(known.get(device, False) for device in devices) if known else None


def _carry_out(
    published: Published, settings: OperatorSettings, folder: RecordFolder, record: Record, wish: _Wish
) -> None:
    if record.stopped is not None and not wish.go_on:
        show_end(record, record.stopped)
        raise FleetError("It has stopped by itself. To go on all the same, say --go-on.")
    if record.stopped is not None:
        record.excuse()
    connect = partial(BrokerLine, settings, published.fleet, folder.all_are_done)
    with Screen(Console()) as screen:
        for plan, count in folder.displaced_by(record):
            screen.said(
                f"{handsets(count)} said nothing yet of {plan.title}, and may never see it: the broker keeps one for "
                "each, and this one takes its place."
            )
        conductor = Conductor(
            connect, record, folder, published, screen, stage_timeout_s=wish.stage_timeout_s
        )  # fmt: skip
        stopped = asyncio.run(conductor.run())
    show_end(record, stopped)
    if stopped is not None:
        raise SystemExit(1)


async def _known_devices(settings: OperatorSettings, fleet: str, folder: RecordFolder) -> dict[str, bool]:
    async with BrokerLine(settings, fleet, folder.all_are_done) as line:
        await line.open()
        return await line.known_devices()


async def _withdraw(settings: OperatorSettings, record: Record, folder: RecordFolder, *, only_taken: bool) -> int:
    async with BrokerLine(settings, record.plan.fleet, folder.all_are_done) as line:
        await line.open()
        return await withdraw_from(line, record, folder, only_taken=only_taken)


@contextmanager
def _told() -> Iterator[None]:
    """Tell what goes wrong in words."""
    try:
        yield
    except FleetError as error:
        raise click.ClickException(str(error)) from error
