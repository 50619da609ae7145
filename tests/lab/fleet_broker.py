"""The broker of a fleet, from the very files that operators copy: only its paths, ports and names are others."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from firmware.ports.broker import BrokerSettings
from fleet.access_list import AccessList
from provisioning.authority import Authority, Reason, Revocation, read_request
from provisioning.identity import certificate_request, new_broker_key, private_pem
from tests.lab.certificates import LOOPBACK, IssuedCertificate
from tests.lab.ports import free_port
from tests.lab.server import Server

SHIPPED: Final = Path(__file__).parents[2] / "fleet" / "broker"

FLEET: Final = "lab"
"""The fleet that handsets of this broker are of, where nothing else is said."""

_START_TIMEOUT_S: Final = 30.0
_WHERE_IT_SHIPS: Final = "/etc/mosquitto/wecall/"
_STATE_WHERE_IT_SHIPS: Final = "/var/lib/mosquitto/"
_CERTIFICATES, _PASSWORDS = "8883", "8884"


class FleetBroker(Server):
    """Mosquitto with certificates for handsets, collectors and operators, and passwords for dashboards.

    Attributes:
        port: where certificates are shown.
        password_port: where tools come with user and password, and collectors ask who somebody is.
        ca_path: what clients trust, PEM.
    """

    def __init__(
        self,
        folder: Path,
        *,
        collectors: Iterable[str] = ("main",),
        operators: Iterable[str] = ("main",),
        dashboards: Iterable[str] = ("main", "home-assistant"),
        fleets: Iterable[str] = (FLEET,),
        handsets: Mapping[str, str] | None = None,
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its files go.
            collectors, operators, dashboards: those that the access list has blocks for, by what follows the dot.
            fleets: those in which every handset may speak, by a copy of the patterns for each.
            handsets: the fleet of each handset that has a block of its own, in place of the patterns.
        """
        super().__init__(folder / "mosquitto.log")
        self.port, self.password_port = (free_port(socket.SOCK_STREAM) for _ in range(2))
        self._folder = folder
        self._state = folder / "state"
        self._state.mkdir(parents=True)
        self._authority = Authority.found("WeCall lab fleet", days=30, now=datetime.now(UTC))
        self._revoked: list[Revocation] = []
        self._issued: dict[str, IssuedCertificate] = {}
        self._services = {"collector": (*collectors,), "operator": (*operators,), "dashboard": (*dashboards,)}
        self._passwords = {f"dashboard.{name}": f"secret-of-{name}" for name in self._services["dashboard"]}
        self.ca_path = folder / "ca.pem"
        self.ca_path.write_bytes(self._authority.certificate.public_bytes(Encoding.PEM))
        self._write_revoked()
        self._write_passwords()
        self._write_access_list(fleets, handsets)
        self._write_configuration()

    # --- who may come in ----------------------------------------------------------------------------------------------

    def certificate(self, name: str) -> IssuedCertificate:
        """Return the certificate with this common name, and its key; made when it is first asked for."""
        if name not in self._issued:
            self._issued[name] = self.another_certificate(name)
        return self._issued[name]

    def another_certificate(self, name: str) -> IssuedCertificate:
        """Make a certificate with this common name, whatever there is already."""
        key = new_broker_key()
        request = read_request(certificate_request(key, name))
        certificate = self._authority.issue(request, name, days=30, now=datetime.now(UTC))
        stem = self._folder / f"{certificate.serial_number:x}"
        issued = IssuedCertificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        _write(issued, certificate, private_pem(key))
        return issued

    def device(self, device: str) -> IssuedCertificate:
        """Return a handset's certificate."""
        return self.certificate(device)

    def collector(self, name: str = "main") -> IssuedCertificate:
        """Return the certificate of `collector.<name>`."""
        return self.certificate(f"collector.{name}")

    def operator(self, name: str = "main") -> IssuedCertificate:
        """Return the certificate of `operator.<name>`."""
        return self.certificate(f"operator.{name}")

    def password_of(self, user: str) -> str:
        """Return the password of a user such as "dashboard.main"."""
        return self._passwords[user]

    def settings_of(self, device: str, *, fleet: str = FLEET, **more: Any) -> BrokerSettings:
        """Return what a handset's sync process is told to come in here."""
        issued = self.device(device)
        return BrokerSettings(
            device=device,
            fleet=fleet,
            host="127.0.0.1",
            port=self.port,
            ca_pem=self.ca_path.read_text(),
            certificate_pem=issued.certificate.read_text(),
            key_pem=issued.key.read_text(),
            **more,
        )

    @property
    def of_itself(self) -> IssuedCertificate:
        """The broker's own certificate and key."""
        return IssuedCertificate(self._folder / "broker.pem", self._folder / "broker.key")

    def revoke(self, issued: IssuedCertificate) -> None:
        """Take a certificate back; the broker hears of it at its next start or `reload`."""
        number = int(issued.certificate.stem, 16)
        self._revoked.append(Revocation(number, datetime.now(UTC), Reason.LOST))
        self._write_revoked()

    # --- how it runs --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until it listens everywhere.

        Raises:
            RuntimeError: it ended or does not listen; the message holds its log.
        """
        self._launch(["mosquitto", "-c", self._folder / "mosquitto.conf"])
        for port in (self.port, self.password_port):
            self._wait_until(partial(_listens, port), f"Mosquitto does not listen on port {port}", _START_TIMEOUT_S)

    def reload(self) -> None:
        """Have it read its lists again, as `systemctl reload` does, and wait until it has begun.

        Raises:
            RuntimeError: it does not; the message holds its log.
        """
        assert self._process is not None
        said = "Reloading config."
        before = self.log.count(said)
        self._process.send_signal(signal.SIGHUP)
        self._wait_until(
            lambda: self.log.count(said) > before, "Mosquitto does not read its lists again", _START_TIMEOUT_S
        )

    # --- its files ----------------------------------------------------------------------------------------------------

    def _write_configuration(self) -> None:
        self._write_server_certificate()
        text = (SHIPPED / "mosquitto.conf").read_text()
        for old, new in (
            (_WHERE_IT_SHIPS, f"{self._folder}/"),
            (_STATE_WHERE_IT_SHIPS, f"{self._state}/"),
            (f"listener {_CERTIFICATES}\n", f"listener {self.port} 127.0.0.1\n"),
            (f"listener {_PASSWORDS}\n", f"listener {self.password_port} 127.0.0.1\n"),
        ):
            assert old in text, f"{old!r} does not ship"
            text = text.replace(old, new)
        if os.geteuid() == 0:
            # Or else it becomes a user who may not read the folder.
            text = re.sub(r"^user mosquitto$", "user root", text, flags=re.MULTILINE)
        (self._folder / "mosquitto.conf").write_text(text)

    def _write_server_certificate(self) -> None:
        key = new_broker_key()
        request = read_request(certificate_request(key, "broker"))
        certificate = self._authority.issue(request, "broker", days=30, now=datetime.now(UTC), hosts=LOOPBACK)
        _write(self.of_itself, certificate, private_pem(key))

    def _write_access_list(self, fleets: Iterable[str], handsets: Mapping[str, str] | None) -> None:
        """Copy the block of the shipped example for each service, and name the fleet, as operators do."""
        text = (SHIPPED / "acl").read_text()
        for role, names in self._services.items():
            example = f"{role}.main"
            block = re.search(rf"^user {re.escape(example)}\n(?:topic .*\n)+", text, flags=re.MULTILINE)
            assert block is not None, f"{example} does not ship"
            more = [
                block[0].replace(example, f"{role}.{name}")
                for name in names
                if f"user {role}.{name}\n" not in text
            ]  # fmt: skip
            text = text.replace(block[0], "\n".join([block[0], *more]))
        patterns = re.compile(r"(?:^pattern \w+ wecall/v1/default/.*\n)+", flags=re.MULTILINE)
        assert patterns.search(text) is not None, "no patterns ship"
        text = patterns.sub(lambda found: "".join(found[0].replace("/default/", f"/{name}/") for name in fleets), text)
        if handsets is not None:
            text = AccessList(AccessList.read(text).others, handsets).text()
        path = self._folder / "acl"
        path.touch(mode=0o600)
        path.write_text(text)

    def _write_passwords(self) -> None:
        path = self._folder / "passwords"
        path.touch(mode=0o600)
        path.write_text("".join(f"{user}:{password}\n" for user, password in self._passwords.items()))
        subprocess.run(["mosquitto_passwd", "-U", path], check=True, capture_output=True)

    def _write_revoked(self) -> None:
        (self._folder / "revoked.pem").write_bytes(self._authority.revocation_list(self._revoked, datetime.now(UTC)))


def _write(issued: IssuedCertificate, certificate: x509.Certificate, key: bytes) -> None:
    issued.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    issued.key.touch(mode=0o600)
    issued.key.write_bytes(key)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
