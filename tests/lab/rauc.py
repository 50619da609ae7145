"""The real RAUC: it makes bundles, and its service judges them, on a bus of their own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware.setup.root.update.rauc import Rauc, run_lines
from tests.lab.update_machine import COMPATIBLE, certificate

_SYSTEM_CONF: Final = Path(__file__).parents[2] / "systemd/rauc-system.conf"
_POLICY: Final = Path(__file__).parents[2] / "systemd/rauc-dbus.conf"
_ITS_OWN_POLICY: Final = """
<policy context="default"><allow send_destination="de.pengutronix.rauc"/></policy>
<policy user="root"><allow own="de.pengutronix.rauc"/></policy>
"""
"""What Debian's rauc-service has in /usr/share/dbus-1/system.d/de.pengutronix.rauc.conf."""

_A_BUS: Final = """
<policy context="default"><allow user="*"/><allow send_destination="org.freedesktop.DBus"/>
<allow send_type="method_return"/><allow send_type="error"/><allow send_type="signal"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/></policy>
"""
"""What every system bus has, see /usr/share/dbus-1/system.conf."""

_PATIENCE_S: Final = 20.0


class Signer:
    """Whoever makes releases.

    Attributes:
        certificate: that bundles are signed with, in PEM.
    """

    def __init__(self, folder: Path, name: str, **validity: Any) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate(name, key, **validity)
        self._key_file, self._certificate_file = folder / f"{name}.key", folder / f"{name}.pem"
        self._key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._certificate_file.write_text(self.certificate)

    def bundle(self, target: Path, version: str = "2.0", compatible: str = COMPATIBLE, form: str = "verity") -> Path:
        """Make a bundle with something in it for both partitions of a slot."""
        content = target.with_suffix(".content")
        content.mkdir()
        (content / "root.img").write_bytes(os.urandom(100_000))
        (content / "boot.img").write_bytes(os.urandom(50_000))
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible}\nversion={version}\n[bundle]\nformat={form}\n"
            "[image.rootfs]\nfilename=root.img\n[image.boot]\nfilename=boot.img\n"
        )
        signed = (f"--cert={self._certificate_file}", f"--key={self._key_file}")
        subprocess.run(("rauc", "bundle", *signed, content, target), check=True, capture_output=True)
        return target


class RaucService:
    """RAUC's service, with the configuration of a card but for its devices.

    Attributes:
        rauc: asks it.
        keyring: where it looks for the certificates that count.
    """

    def __init__(self, folder: Path) -> None:
        self.keyring = folder / "keyring.pem"
        self._folder = folder
        self._configuration = folder / "system.conf"
        # A folder that other users may go through.
        self._bus = Path(tempfile.mkdtemp(prefix="wecall-bus-"))
        self._bus.chmod(0o711)
        self._address = f"unix:path={self._bus}/socket"
        self._running: list[subprocess.Popen[bytes]] = []
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self._address}
        self.rauc = Rauc(self._run)

    def __enter__(self) -> Self:
        (self._folder / "data").mkdir()
        handler = self._folder / "boot-slot"
        handler.write_text('#!/bin/sh\ncase "$1" in get-state) echo good ;; get-*) echo A ;; esac\n')
        handler.chmod(0o755)
        text = _SYSTEM_CONF.read_text().replace("@ARCH@", "amd64")
        for path, ours in (
            ("/run/wecall-update/keyring.pem", self.keyring), ("/opt/wecall/lib/boot-slot", handler),
            ("/var/lib/rauc", self._folder / "data"), ("/run/rauc/mnt", self._folder / "mnt"),
            ("/run/wecall-update/card", self._folder / "card"),
        ):  # fmt: skip
            assert path in text
            text = text.replace(path, str(ours))
        self._configuration.write_text(text)
        (self._folder / "card").mkdir()
        for number in "2356":
            (self._folder / "card" / number).write_bytes(bytes(1 << 20))
        self.start_bus()
        self._start("rauc", f"--conf={self._configuration}", "--override-boot-slot=A", "service")
        self._wait_for("rauc", "busctl", "call", "de.pengutronix.rauc", "/", "org.freedesktop.DBus.Peer", "Ping")
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            process.terminate()
            process.wait()
        shutil.rmtree(self._bus)

    def start_bus(self) -> None:
        """Start a bus with the policies of a card's."""
        bus = self._bus / "bus.conf"
        bus.write_text(
            f"<busconfig><type>system</type><listen>{self._address}</listen><auth>EXTERNAL</auth>{_A_BUS}"
            f"{_ITS_OWN_POLICY}<include>{_POLICY}</include></busconfig>"
        )
        self._start("dbus-daemon", f"--config-file={bus}", "--nofork", "--nopidfile")
        self._wait_for("the bus", "busctl", "list")
        (self._bus / "socket").chmod(0o666)

    def _start(self, *command: str) -> None:
        log = (self._folder / f"{command[0]}.log").open("wb")
        with log:
            self._running.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))

    def _wait_for(self, what: str, *command: str) -> None:
        ends = time.monotonic() + _PATIENCE_S
        while subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode != 0:
            assert time.monotonic() < ends, f"{what} did not start"
            time.sleep(0.02)

    def _run(self, command: Sequence[str], on_line: Callable[[str], None]) -> int:
        told = (f"--conf={self._configuration}",) if command[0] == "rauc" else ()
        bus = (f"DBUS_SYSTEM_BUS_ADDRESS={self._address}",)
        return run_lines(("env", *bus, command[0], *told, *command[1:]), on_line)
