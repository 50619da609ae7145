"""`wecall fleet simulate`: a fleet to try things with, before there is a real one."""

import math
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress as Bar

from contract.messages import handset_name
from firmware.installer.authority_folder import AuthorityFolder
from fleet.errors import FleetError
from fleet.simulator.certificates import DeviceCertificates, device_names
from fleet.simulator.processes import Processes
from fleet.simulator.progress import Json, Line
from fleet.simulator.settings import Life, Share, Site
from fleet.simulator.trouble import Trouble, broken_handset, broken_place, broken_registrar
from fleet.simulator.worker import Order

_A_PROCESS: Final = 2500
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHARE: Final = click.FloatRange(0, 1)
_RATE: Final = click.FloatRange(min=0)
_DURATION: Final = click.FloatRange(min=0, min_open=True)
_LIFE: Final = (
    ("--calls-per-hour", "calls_per_hour", _RATE, "Of each handset."),
    ("--call-seconds", "call_s", _DURATION, "How long one lasts."),
    ("--outages", "outages_per_hour", _RATE, "Of each handset's network an hour."),
    ("--outage-seconds", "outage_s", _DURATION, "How long one lasts."),
    ("--clock-errors", "wrong_clocks", _SHARE, "Share of wrong clocks."),
    ("--consent", "consent", _SHARE, "Share that lets records leave."),
    ("--requests", "open_requests", _SHARE, "Share whose holder waits for the operator's answer at first."),
    (
        "--changes", "changes_per_day", _RATE,
        "How often a day each holder changes an answer, takes a consent back, asks or is answered.",
    ),
    ("--failures", "failures", _SHARE, "Share of the operator's messages that are not taken."),
    (
        "--repeat-after", "repeat_after_s", _DURATION,
        "Seconds after which what no collector has confirmed leaves once more.",
    ),
)  # fmt: skip
"""What happens to each handset: an option for each field of Life."""

_BROKEN: Final[Mapping[str, Callable[[Sequence[str], float], Trouble]]] = {
    "place": lambda names, _now_s: broken_place(names[: max(2, len(names) // 20)]),
    "registrar": lambda names, now_s: broken_registrar(names, now_s, now_s + 600),
    "handset": lambda names, _now_s: broken_handset(names[-1]),
}
"""What can be broken, from the handsets and seconds since the epoch."""


def _life_options(command: Callable[..., None]) -> Callable[..., None]:
    for flag, name, kind, words in reversed(_LIFE):
        default = getattr(Life(), name)
        command = click.option(flag, name, type=kind, default=default, show_default=True, help=words)(command)
    return command


@click.command()
@click.option("--devices", type=click.IntRange(1, 99_999), default=200, show_default=True, help="How many handsets.")
@click.option("--fleet", default="trial", show_default=True, help="The fleet's name in the topics.")
@click.option("--name", default="sim", show_default=True, help="What device ids begin with.")
@click.option("--first", type=click.IntRange(min=0), default=1, show_default=True, help="The number of the first.")
@click.option("--broker", default="localhost:8883", show_default=True, help="HOST:PORT of the broker, for TLS.")
@click.option(
    "--authority", type=_FOLDER,
    help="The authority that the broker trusts, as `wecall fleet ca init` makes it; it signs for those that have no "
    "certificate. One for trials: these certificates are on no record.",
)  # fmt: skip
@click.option(
    "--certificates", type=_FOLDER,
    help="Where the handsets' certificates and keys are kept.  [default: simulated/ in the authority's]",
)  # fmt: skip
@click.option("--ca", type=_FILE, help="Who signed the broker's certificate.  [default: the authority]")
@click.option(
    "--processes", type=click.IntRange(1, 64), help="Among how many they are shared out.  [default: by cores]"
)
@_life_options
@click.option(
    "--collector/--no-collector", default=True, show_default=True,
    help="Whether a collector's word completes a record, or the broker's.",
)  # fmt: skip
@click.option(
    "--longest-pause", type=_DURATION, default=120.0, show_default=True, help="Seconds between two tries to connect."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same fleet.")
@click.option(
    "--broken", multiple=True, type=click.Choice(tuple(_BROKEN)),
    help="What is broken, once for each: the first twentieth of the handsets, as if at one place, lose the network in "
    "every seventh call; the registrar fails for ten minutes; the last handset stops in calls and is not understood.",
)  # fmt: skip
@click.option("--duration", type=_DURATION, help="Seconds after which it ends.  [default: when told to]")
@click.option(
    "--finish", type=_RATE, default=20.0, show_default=True, help="Seconds that what waits has to leave at the end."
)
@click.option("--truth", type=click.Path(dir_okay=False, path_type=Path), help="Where to write what really happened.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON four times a second.")
def simulate(  # noqa: PLR0917 - click names them all
    devices: int,
    fleet: str,
    name: str,
    first: int,
    broker: str,
    authority: Path | None,
    certificates: Path | None,
    ca: Path | None,
    processes: int | None,
    collector: bool,
    longest_pause: float,
    seed: int,
    broken: tuple[str, ...],
    duration: float | None,
    finish: float,
    truth: Path | None,
    as_json: bool,
    **life: float,
) -> None:
    """Let many handsets live at a broker: to see dashboards with something in them, and how much a broker carries.

    What they send passes the same consent gate and is carried by the same code as in a handset. The numbers called
    belong to nobody. What waits for the broker is in memory: a simulated handset that ends has lost it.
    """
    try:
        site = _site(fleet, broker, authority, certificates, ca, confirms=collector, longest_pause_s=longest_pause)
        names = device_names(name, first, devices)
        _see_to_certificates(site, names, authority, quiet=as_json)
        count = processes or max(math.ceil(devices / _A_PROCESS), min(os.cpu_count() or 1, math.ceil(devices / 500)))
        # Milliseconds: no two runs share a number.
        epoch = int(time.time() * 1000)
        troubles = tuple(_BROKEN[each](names, time.time()) for each in broken)
        shares = [
            Share(site, Life(**life), names[number::count], seed + number, epoch, finish, troubles)
            for number in range(count)
        ]
        told = _run(Processes(shares), Json() if as_json else Line(), duration or math.inf)
        if truth is not None:
            truth.write_text("".join(f"{line}\n" for line in told))
    except FleetError as error:
        raise click.ClickException(str(error)) from error


def _site(
    fleet: str, broker: str, authority: Path | None, certificates: Path | None, ca: Path | None,
    *, confirms: bool, longest_pause_s: float,
) -> Site:  # fmt: skip
    try:
        handset_name(fleet)
    except ValueError:
        raise FleetError(f"{fleet!r} is no fleet: its name has lower-case letters, digits and hyphens.") from None
    host, colon, port = broker.rpartition(":")
    if not colon or not port.isdecimal():
        raise FleetError(f"{broker!r} is no broker: write --broker HOST:PORT, as in broker.example:8883.")
    if authority is None and certificates is None:
        raise FleetError("The broker wants certificates: name an --authority that signs some, or --certificates.")
    folder = certificates or (authority or Path()) / "simulated"
    if ca is None:
        own = AuthorityFolder(authority or folder).certificate_path
        ca = own if own.exists() else None
    return Site(fleet, host.strip("[]"), int(port), ca, folder, confirms, longest_pause_s)


def _see_to_certificates(site: Site, names: tuple[str, ...], authority: Path | None, *, quiet: bool) -> None:
    certificates = DeviceCertificates(site.certificates)
    folder = AuthorityFolder(authority) if authority is not None else None
    missing = certificates.missing(names, folder.certificate() if folder is not None else None)
    if not missing:
        return
    if folder is None:
        raise FleetError(
            f"{len(missing)} of {len(names)} handsets have no certificate in {site.certificates}, beginning with "
            f"{missing[0]}. Name an --authority that signs for them."
        )
    unlocked = folder.unlock(datetime.now(UTC))
    with Bar(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("Certificates", total=len(missing))
        certificates.make(missing, unlocked, lambda: bar.advance(task))


def _run(processes: Processes, progress: Json | Line, duration_s: float) -> list[str]:
    """Run until the time is over or until told to end; a second time, or later, means at once."""
    told_to_end = 0

    def note(*_signal: object) -> None:
        nonlocal told_to_end
        told_to_end += 1
        if told_to_end > 1:
            processes.order(Order.STOP)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    ends_s = time.monotonic() + duration_s
    try:
        processes.start()
        with progress:
            for counts in processes.watch(lambda: told_to_end > 0 or time.monotonic() >= ends_s):
                progress.show(counts)
            processes.order(Order.FINISH if told_to_end < 2 else Order.STOP)  # noqa: PLR2004 - told twice
            for counts in processes.wait_until_ended():
                progress.show(counts)
    finally:
        processes.kill()
    return processes.truth
