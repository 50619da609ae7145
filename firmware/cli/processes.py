"""The commands that are the handset's processes, and `demo`, which has them all."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from firmware.cli.options import DEFAULT_CONFIGURATION, runtime_dir_option, state_dir_option

HAS_SIMULATOR: Final = find_spec("drivers.simulator") is not None
"""The phone's package comes without it."""


@click.command()
@click.option(
    "--config", "configuration", type=click.Path(path_type=Path), default=DEFAULT_CONFIGURATION, show_default=True,
    help="The configuration to run with.",
)  # fmt: skip
@state_dir_option
@runtime_dir_option
@click.option("--simulated-devices", is_flag=True, help="Use keys, hook and display of `wecall simulator`.")
@click.option("--verbose", is_flag=True, help="Log more; numbers and names stay out of the log all the same.")
def run(
    configuration: Path,
    state_dir: Path,
    runtime_dir: Path,
    simulated_devices: bool,
    verbose: bool,
) -> None:
    """Be the handset, until SIGTERM."""
    if simulated_devices and not HAS_SIMULATOR:
        raise click.UsageError("The simulator comes with the source. In a checkout, run: make demo")
    from firmware.voice.kept_line import open_door

    # Before anything that takes long to load.
    door = open_door(runtime_dir, configuration)
    from firmware.app.boot import Options, start_early

    options = Options(configuration, state_dir, runtime_dir, simulated_devices, verbose)
    early = start_early(options, door)
    # All the rest is loaded while the registrar answers.
    from firmware.app.handset import run_until_stopped

    run_until_stopped(options, early)


@click.command()
@runtime_dir_option
@click.option("--verbose", is_flag=True, help="Log more.")
def sync(runtime_dir: Path, verbose: bool) -> None:
    """Carry call records and consent state to the MQTT broker, until SIGTERM."""
    from firmware.app.sync import run as run_sync

    sys.exit(run_sync(runtime_dir, verbose=verbose))


@click.command()
@click.option(
    "--wanted", type=click.Path(path_type=Path), default=Path("/run/wecall-update/wanted.json"), show_default=True,
    help="What to fetch.",
)  # fmt: skip
@click.option(
    "--news", type=click.Path(path_type=Path), default=Path("/run/wecall-fetch/news.json"), show_default=True,
    help="What came of it so far.",
)  # fmt: skip
@click.option(
    "--in-call", type=click.Path(path_type=Path), default=Path("/run/wecall/in-call"), show_default=True,
    help="There while a call is on: nothing is fetched meanwhile.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), default=7421, show_default=True, help="Where RAUC asks.")
@runtime_dir_option
@click.option("--verbose", is_flag=True, help="Log more.")
def fetch(wanted: Path, news: Path, in_call: Path, port: int, *, runtime_dir: Path, verbose: bool) -> None:
    """Fetch an update for RAUC, range by range, until SIGTERM; a first bundle, while no configuration counts."""
    if (runtime_dir / "fetch.sock").exists():
        from firmware.app.lan import run as run_lan
        from firmware.control.requests import Role

        sys.exit(run_lan(runtime_dir, Role.FETCH, verbose=verbose))

    from firmware.app.fetch import Places
    from firmware.app.fetch import run as run_fetch

    sys.exit(run_fetch(Places(wanted, news, in_call, port), verbose=verbose))


@click.command()
@runtime_dir_option
@click.option("--verbose", is_flag=True, help="Log more.")
def lan(runtime_dir: Path, verbose: bool) -> None:
    """Look for a first bundle on the local network, while no configuration counts."""
    from firmware.app.lan import run as run_lan
    from firmware.control.requests import Role

    sys.exit(run_lan(runtime_dir, Role.LAN, verbose=verbose))


@click.command()
@runtime_dir_option
@click.option("--verbose", is_flag=True, help="Log more; numbers and names stay out of the log all the same.")
def voice(runtime_dir: Path, verbose: bool) -> None:
    """Carry calls and sound for the handset, until SIGTERM."""
    from firmware.voice.process import run as run_voice

    sys.exit(run_voice(runtime_dir, verbose=verbose))


@click.command()
@click.argument("mount", type=click.Path(file_okay=False, path_type=Path))
@runtime_dir_option
@click.option(
    "--part", type=click.Choice(["look", "write", "tell", "leave"]),
    help="Do this part only: read the stick, write to it, say that it may be taken out, say that it is gone.  "
    "[default: the first three, one after another]",
)  # fmt: skip
@click.option(
    "--outgoing", type=click.Path(file_okay=False, path_type=Path),
    help="Keeps between two parts what is to be written.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Log more.")
def stick(mount: Path, runtime_dir: Path, part: str | None, outgoing: Path | None, verbose: bool) -> None:
    """Hand over what the stick mounted at MOUNT has for the handset, and write a report to it."""
    from firmware.app.stick import Part
    from firmware.app.stick import run as run_stick

    if part is not None and outgoing is None:
        raise click.UsageError("--part needs --outgoing: the next part finds there what this one has laid out.")
    sys.exit(run_stick(mount, runtime_dir, Part(part) if part else None, outgoing, verbose=verbose))


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8088, show_default=True, help="The page's port.")
@runtime_dir_option
@click.option("--verbose", is_flag=True, help="Log more.")
def simulator(port: int, runtime_dir: Path, verbose: bool) -> None:
    """Be the devices of `wecall run --simulated-devices`, as a page in a browser, until SIGTERM."""
    import asyncio
    import logging

    import systemd.daemon

    from drivers.simulator.service import run as run_simulator
    from firmware.base import logs

    def when_ready(url: str) -> None:
        click.echo(f"The handset's page is at {url}")
        systemd.daemon.notify("READY=1")

    logs.set_up(logging.DEBUG if verbose else logging.INFO)
    try:
        runtime_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        asyncio.run(run_simulator(runtime_dir, port, when_ready))
    except OSError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.option("--once", is_flag=True, help="Make one call with nobody there, print a summary as JSON and end.")
@click.option("--new", is_flag=True, help="Begin with a phone out of its box, which asks first.")
@click.option("--pbx", type=click.Choice(["asterisk"]), help="At a real PBX in place of the demo's own registrar.")
@click.option("--port", type=click.IntRange(0, 65535), default=8088, show_default=True, help="The page's port.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps its files.  [default: build/demo]",
)
def demo(*, once: bool, new: bool, pbx: str | None, port: int, folder: Path | None) -> None:
    """Run a simulated handset against real peers on this machine."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "tests" / "lab" / "demo").is_dir():
        raise click.ClickException("The demo's peers come with the source. In a checkout, run: make demo")
    arguments = [sys.executable, "-m", "tests.lab.demo", "--port", str(port), *(["--once"] if once else [])]
    if new and pbx:
        raise click.UsageError("A new phone's operator sends it a code, which no PBX does. Use --new or --pbx.")
    arguments += ["--new"] if new else []
    arguments += ["--pbx", pbx] if pbx else []
    if folder is not None:
        arguments += ["--folder", str(folder.absolute())]
    os.chdir(checkout)
    # In this process's place: who tells this command to end tells the demo.
    os.execv(sys.executable, arguments)  # noqa: S606 - our own module
