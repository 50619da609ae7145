"""A machine below a folder, as the service sees it that has root: files are real, programs are noted and answered."""

import io
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware.base.proven_time import NAME, ProvenTime
from firmware.setup.root.environments import Environments
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


def wheel(version: str, **files: str) -> dict[str, bytes]:
    """Return a wheel of the handset's as a bundle has it; the whole firmware is one module that says its version."""
    modules = {"firmware/__init__.py": "", "firmware/cli.py": f"VERSION = {version!r}\n", **files}
    return {f"firmware/wecall_handset-{version}-py3-none-any.whl": packed_wheel(**modules)}


def packed_wheel(**files: str) -> bytes:
    """Return a wheel with these files in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


class RootMachine:
    """The machine.

    Attributes:
        root: what its absolute paths begin at.
        commands: the programs that were run, with their arguments.
        answers: what programs write, by the beginnings of their command lines; None for those that fail.
        steps: what was told while it was done.
        percents: how far the last of the steps had come, each time that it was told.
    """

    def __init__(self, root: Path, written: str = "") -> None:
        self.root = root
        self.commands: list[str] = []
        self.answers: dict[str, str | None] = {
            "systemctl show": "0\n",
            "nmcli -t radio wifi": "disabled\n",
            "nmcli -g SSID-HEX": in_reach("shop", "old"),
        }
        self.steps: list[RootStep] = []
        self.percents: list[int] = []
        self.machine = Machine(root, self._run, self._flush)
        if not self.machine.state.exists():
            self._make(written)

    @property
    def link(self) -> str:
        """Where the services start from."""
        return str((self.root / "opt/wecall/venv").readlink())

    def work(self) -> Work:
        """Return the service's work, as after each of its starts."""
        model = self.root / "opt/wecall/environments/installed"
        time = ProvenTime(self.machine.state / NAME, ISSUED.timestamp, lambda: False)
        verifier = Verifier(self.machine.configuration, lambda: SERIAL, time)
        return Work(self.machine, Environments(self.machine, model), verifier)

    def attempt(
        self,
        number: int,
        bundle: bytes | None,
        *,
        work: Work | None = None,
        secrets: Mapping[str, str] | None = None,
        asker: int | None = None,
    ) -> RootAnswer:
        """Ask for a bundle."""
        return (work or self.work()).attempt(
            number,
            io.BytesIO(bundle) if bundle is not None else None,
            secrets or {},
            os.getpid() if asker is None else asker,
            self._note,
        )

    def keep(self, number: int, bundle: bytes, **options: Mapping[str, str]) -> None:
        """Have a bundle tried and kept."""
        self.attempt(number, bundle, **options)  # type: ignore[arg-type]
        self.work().keep(number, asker=1)

    def text(self, path: str) -> str | None:
        """Return what is in a file; None where there is none."""
        file = self.root / path
        return file.read_text() if file.exists() else None

    def firmware(self) -> str:
        """Return the version of the firmware that the services start, which its module says."""
        packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        return (self.root / "opt/wecall/venv" / packages / "firmware/cli.py").read_text()

    def _note(self, step: RootStep, percent: int) -> None:
        if percent:
            self.percents.append(percent)
        else:
            self.steps.append(step)

    def _make(self, written: str) -> None:
        for folder in ("var/lib/wecall-apply", "etc/wecall", "etc/NetworkManager/system-connections"):
            (self.root / folder).mkdir(parents=True)
        if written:
            self.machine.configuration.write_text(written)
        installed = self.root / "opt/wecall/environments/installed"
        packages = installed / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        (packages / "firmware").mkdir(parents=True)
        (packages / "firmware/cli.py").write_text("VERSION = 'installed'\n")
        (installed / "bin").mkdir()
        (installed / "bin/python").symlink_to(sys.executable)
        (installed / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
        (self.root / "opt/wecall/venv").symlink_to("environments/installed")

    def _flush(self) -> None:
        """Put nothing on the disk: what others have not written yet would take its time."""

    def _run(self, *command: str) -> str | None:
        line = " ".join(command)
        self.commands.append(line)
        return next((said for beginning, said in self.answers.items() if line.startswith(beginning)), "")
