"""A machine below a folder, as the service sees it that has root: files are real, programs are noted and answered."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware.base.proven_time import NAME, ProvenTime
from firmware.setup.root.machine import Machine
from firmware.setup.root.messages import RootAnswer, RootStep
from firmware.setup.root.verification import Verifier
from firmware.setup.root.work import Work
from provisioning.trust import Kind
from tests.lab.bundles import ISSUED, SERIAL, Installer

OPERATOR: Final = Installer(bytes(range(32)), Kind.BUNDLE, Kind.FIRMWARE)
STRANGER: Final = Installer(bytes(range(1, 33)), Kind.BUNDLE, Kind.FIRMWARE)

CABLE: Final = "etc/NetworkManager/system-connections/wecall-cable.nmconnection"
WIFI: Final = "etc/NetworkManager/system-connections/wecall-wifi-1.nmconnection"
TIME_SERVERS: Final = "etc/systemd/timesyncd.conf.d/wecall.conf"

WIFI_PASSWORD: Final = "a password \\ of Wi-Fi"


def configuration(*tables: str, trusted: Installer = OPERATOR, fleet: str = "shop") -> bytes:
    """Return a configuration that trusts an installer, with more tables."""
    return "\n\n".join(
        (
            f'version = 1\n\n[device]\nid = "handset-1"\nfleet = "{fleet}"\ncountry = "DE"',
            '[[accounts]]\nusername = "1001"\ndomain = "sip.example.org"\ntransport = "udp"',
            trust(trusted),
            *tables,
        )
    ).encode()


def trust(trusted: Installer) -> str:
    """Return the table that pins an installer's key, for all that it may sign."""
    kinds = ", ".join(f'"{kind}"' for kind in sorted(trusted.trusted.signs))
    return f'\n[[trust.keys]]\npublic = "{trusted.trusted.public}"\nsigns = [{kinds}]\n'


def wifi(ssid: str) -> str:
    return f'[network]\n\n[[network.wifi]]\nssid = "{ssid}"'


def in_reach(*ssids: str) -> str:
    """Return what nmcli says of the networks that the radio receives; one more hides its name."""
    return "".join(f"{ssid.encode().hex().upper()}\n" for ssid in ("", *ssids))


def time_server(host: str) -> str:
    return f'[time]\nservers = ["{host}"]'


class RootMachine:
    """The machine.

    Attributes:
        root: what its absolute paths begin at.
        commands: the programs that were run, with their arguments.
        answers: what programs write, by the beginnings of their command lines; None for those that fail.
        steps: what was told while it was done.
    """

    def __init__(self, root: Path, written: str = "") -> None:
        self.root = root
        self.commands: list[str] = []
        self.answers: dict[str, str | None] = {
            "nmcli -t radio wifi": "disabled\n",
            "nmcli -g SSID-HEX": in_reach("shop", "old"),
        }
        self.steps: list[RootStep] = []
        self.machine = Machine(root, self._run)
        if not self.machine.state.exists():
            self._make(written)

    def work(self) -> Work:
        """Return the service's work, as after each of its starts."""
        time = ProvenTime(self.machine.state / NAME, ISSUED.timestamp, lambda: False)
        verifier = Verifier(self.machine.configuration, lambda: SERIAL, time)
        return Work(self.machine, verifier)

    def attempt(
        self,
        number: int,
        bundle: bytes | None,
        *,
        work: Work | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> RootAnswer:
        """Ask for a bundle."""
        return (work or self.work()).attempt(
            number,
            io.BytesIO(bundle) if bundle is not None else None,
            secrets or {},
            self.steps.append,
        )

    def keep(self, number: int, bundle: bytes, **options: Mapping[str, str]) -> None:
        """Have a bundle tried and kept."""
        self.attempt(number, bundle, **options)  # type: ignore[arg-type]
        self.work().keep(number)

    def text(self, path: str) -> str | None:
        """Return what is in a file; None where there is none."""
        file = self.root / path
        return file.read_text() if file.exists() else None

    def _make(self, written: str) -> None:
        for folder in ("var/lib/wecall-apply", "etc/wecall", "etc/NetworkManager/system-connections"):
            (self.root / folder).mkdir(parents=True)
        if written:
            self.machine.configuration.write_text(written)

    def _run(self, *command: str) -> str | None:
        line = " ".join(command)
        self.commands.append(line)
        return next((said for beginning, said in self.answers.items() if line.startswith(beginning)), "")
