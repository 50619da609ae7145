"""`make fleet`: a broker, a collector with its page and simulated handsets on this computer, until Ctrl-C."""

import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.panel import Panel

from fleet.simulator.progress import Line
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_broker import FleetBroker
from tests.lab.fleet_simulator import FleetSimulator
from tests.lab.ports import free_port
from tests.lab.stage import empty

FOLDER: Final = Path(__file__).parents[2] / "build" / "fleet"
USER: Final = "dashboard.main"
_LIVELY: Final = (
    "--calls-per-hour", "30", "--call-seconds", "20", "--outages", "0.3", "--outage-seconds", "30",
    "--changes", "12", "--requests", "0.1", "--longest-pause", "10",
)  # fmt: skip
_LOOK_S: Final = 0.5


@click.command()
@click.option("--devices", type=click.IntRange(1, 10_000), default=200, show_default=True, help="How many handsets.")
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="The page's.")
def main(devices: int, port: int) -> None:
    """Show the fleet's page with something in it."""
    console = Console(stderr=True)
    told_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_end.set())
    folder = empty(FOLDER)
    broker = FleetBroker(folder / "broker", fleets=("trial",))
    page_port = port if _is_free(port) else free_port(socket.SOCK_STREAM)
    http = {
        "port": page_port,
        "login_port": broker.password_port,
        "user_fleets": {USER: "*"},
    }
    collector = CollectorProcess(folder / "collector", broker, tables={"http": http})
    simulator = FleetSimulator(
        folder / "simulator", broker.port, broker.ca_path, broker.device, devices=devices, fleet="trial",
        options=_LIVELY,
    )  # fmt: skip
    with broker, collector, simulator:
        console.print(
            Panel(
                f"""The fleet's page is at  [bold cyan]http://127.0.0.1:{page_port}/[/]
Log in as [bold]{USER}[/] with the password [bold]{broker.password_of(USER)}[/].

{devices} simulated handsets call, lose their network, change their minds and are answered; the numbers are nobody's.
Records are in {folder / "collector" / "calls.db"}, and gone when this is started again.
[bold]Ctrl-C[/] ends it all."""
            )
        )
        with Line() as line:
            while not told_to_end.wait(_LOOK_S):
                line.show(simulator.counts)
                if not simulator.is_running:
                    sys.exit(f"The simulator has ended:\n{simulator.log[-3000:]}")
        console.print("[dim]fleet:[/] stopping")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


if __name__ == "__main__":
    main()
