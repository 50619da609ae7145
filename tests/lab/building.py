"""A building with new handsets, an installer's computer, and a network between them."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.handset import Handset, WecallProcess
from tests.lab.network import Namespace, VethCable


@dataclass(frozen=True)
class Building:
    """A network with an installer's computer, and a cable from it to each handset."""

    desk: Namespace
    cables: tuple[VethCable, ...]

    @contextmanager
    def looking(
        self, handset: Handset, number: int = 0, *, command: str = "lan", trusting: Path | None = None
    ) -> Iterator[WecallProcess]:
        """Have what looks for a bundle run for a handset, as systemd would while its socket is there.

        The other `command` is "fetch"; `trusting` is the file of the authorities that its system trusts.
        """
        arguments = [command, "--runtime-dir", str(handset.folder / "run")]
        environment = {} if trusting is None else {"SSL_CERT_FILE": str(trusting)}
        process = WecallProcess(command, arguments, handset.folder, environment)
        process.watched_by = self.cables[number].first.namespace.command()
        process.start()
        try:
            yield process
        finally:
            process.kill()

    @contextmanager
    def naming(self, address: str) -> Iterator[None]:
        """Have the network's DHCP server name this address, as a site's does that sets its desk phones up so."""
        server = self.desk.command(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0", "--leasefile-ro",
            "--pid-file=", "--dhcp-range=10.9.1.100,10.9.1.200", f"--dhcp-option=66,{address}",
        )  # fmt: skip
        with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                process.terminate()


@contextmanager
def building(handsets: int = 1) -> Iterator[Building]:
    """Lay the cables, with an address at each end."""
    with ExitStack() as running:
        desk = running.enter_context(Namespace())
        cables = []
        for number in range(1, handsets + 1):
            place = running.enter_context(Namespace())
            ours, theirs = [f"10.9.{number}.1/24"], [f"10.9.{number}.2/24"]
            cables.append(running.enter_context(VethCable(place, desk, ours, theirs)))
            cables[-1].first.wait_until_it_carries()
        yield Building(desk, tuple(cables))


def with_serial_of_its_own(handset: Handset, number: int) -> None:
    """Have a handset believe that it runs on another machine than its neighbours."""
    machine_id = handset.folder / "machine-id"
    handset.folder.mkdir(parents=True, exist_ok=True)
    machine_id.write_text(f"{number:032x}\n")
    script = 'mount --bind "$0" /etc/machine-id && exec "$@"'
    handset.main.watched_by = ("unshare", "--mount", "sh", "-c", script, str(machine_id))
