"""How soon each phone can be called again: after its registrar has restarted, its address has changed, its server died.

    python -m tests.bench.recovery

All phones stand in one home network, and are broken at the same time; the registrars stand in another. What counts is
the time from the break, or from the registrar's return, until the registrar that is left knows the phone at an address
at which it is.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from provisioning.sip_choices import Transport
from tests.lab.certificates import CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.network import Namespace, VethCable

HOME: Final = "10.9.0.1"
NEW_HOME: Final = "10.9.0.77"
OPERATOR: Final = "10.9.0.2"
# Nobody waits longer, and what has not happened by then is said to be so.
PATIENCE_S: Final = 30.0
_START_S: Final = 30.0
_POLL_S: Final = 0.02
_PASSWORD: Final = "secret-of-the-bench"
_PROGRAM: Final = """
import json, sys
from firmware.voice.sip.settings import AccountSettings, SipSettings
from firmware.voice.sip.stack import PjsuaStack
from firmware.voice.sip.settings import ServerName
from provisioning.accounts import Srtp
from provisioning.sip_choices import Transport
from pathlib import Path
given = json.loads(sys.argv[1])
(host, port), *others = given["servers"]
account = AccountSettings(
    given["user"], "operator.example", host, port, Transport(given["transport"]), given["password"],
    tls_ca_pem=Path(given["ca"]).read_bytes(), srtp=Srtp.OFF,
    fallback_servers=tuple(ServerName(*other) for other in others))
stack = PjsuaStack(SipSettings(account, local_port=0), heartbeat=lambda: None)
stack.start(lambda event: None)
sys.stdin.read()
stack.stop()
"""


@dataclass(frozen=True, slots=True)
class Row:
    """How long one recovery took each phone.

    Attributes:
        event: what happened.
        transport: how the phones were registered.
        seconds: by phone; None where it had not recovered after PATIENCE_S.
    """

    event: str
    transport: str
    seconds: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class _Seat:
    """What a phone is told."""

    folder: Path
    home: Namespace
    user: str
    transport: Transport
    servers: tuple[tuple[str, int], ...]
    ca: Path


def measure(folder: Path | None = None) -> list[Row]:
    """Break everything, for all phones at once, and return how long each took to recover."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recovery-")))
        rows = [_registrar_restarted(folder / f"restart-{transport}", transport) for transport in Transport]
        rows += [_address_changed(folder / f"address-{transport}", transport) for transport in Transport]
        rows += [
            _server_died(folder / f"server-{transport}", transport) for transport in (Transport.UDP, Transport.TCP)
        ]
    return rows


def _registrar_restarted(folder: Path, transport: Transport) -> Row:
    with (
        _home_and_operator() as (home, operator, _),
        _registrar(folder / "a", operator) as best,
        _phones(folder, home, transport, best) as names,
    ):
        best.restart()
        return Row("registrar restarted", transport, _until(names, best.is_registered))


def _address_changed(folder: Path, transport: Transport) -> Row:
    with (
        _home_and_operator() as (home, operator, cable),
        _registrar(folder / "a", operator) as best,
        _phones(folder, home, transport, best) as names,
    ):
        cable.first.change_addresses(f"{NEW_HOME}/24")

        def is_known(name: str) -> bool:
            return any(NEW_HOME in contact for contact in best.contacts(name))

        return Row("address changed", transport, _until(names, is_known))


def _server_died(folder: Path, transport: Transport) -> Row:
    with (
        _home_and_operator() as (home, operator, _),
        _registrar(folder / "a", operator) as best,
        _registrar(folder / "b", operator) as other,
        _phones(folder, home, transport, best, other) as names,
    ):
        best.kill()
        # baresip registers with all of its servers at once, and so may lose no time.
        return Row("server died, another lives", transport, _until(names, other.is_registered))


@contextlib.contextmanager
def _home_and_operator() -> Iterator[tuple[Namespace, Namespace, VethCable]]:
    with (
        Namespace() as home,
        Namespace() as operator,
        VethCable(home, operator, [f"{HOME}/24"], [f"{OPERATOR}/24"]) as cable,
    ):
        yield home, operator, cable


@contextlib.contextmanager
def _registrar(folder: Path, operator: Namespace) -> Iterator[Kamailio]:
    authority = CertificateAuthority(folder / "ca")
    certificate = authority.issue("operator.example", hosts=("operator.example", OPERATOR))
    users = dict.fromkeys(_LAUNCHERS, _PASSWORD)
    with Kamailio(
        folder / "registrar",
        users,
        certificate=certificate,
        domain="operator.example",
        addresses=[OPERATOR],
        namespace=operator,
    ) as registrar:
        yield registrar


@contextlib.contextmanager
def _phones(folder: Path, home: Namespace, transport: Transport, *servers: Kamailio) -> Iterator[tuple[str, ...]]:
    """Run every phone, each registered with the first of the servers."""
    ports = {
        Transport.UDP: lambda server: server.udp_port,
        Transport.TCP: lambda server: server.tcp_port,
        Transport.TLS: lambda server: server.tls_port,
    }
    places = tuple((OPERATOR, ports[transport](server)) for server in servers)
    with contextlib.ExitStack() as running:
        for name, launch in _LAUNCHERS.items():
            (folder / name).mkdir(parents=True)
            seat = _Seat(folder / name, home, name, transport, places, folder / "a" / "ca" / "ca.pem")
            process = launch(seat)
            running.callback(_end, process)
        missing = [
            name for name, took_s in _until(tuple(_LAUNCHERS), servers[0].is_registered).items() if took_s is None
        ]
        if missing:
            raise RuntimeError(f"{missing} did not register over {transport}; look into {folder}.")
        # Whoever has just registered may still be at it.
        time.sleep(2)
        yield tuple(_LAUNCHERS)


def _until(names: tuple[str, ...], has_recovered: Callable[[str], bool]) -> dict[str, float | None]:
    began = time.monotonic()
    took_s: dict[str, float | None] = dict.fromkeys(names)
    while any(value is None for value in took_s.values()) and time.monotonic() - began < PATIENCE_S:
        for name in names:
            if took_s[name] is None and has_recovered(name):
                took_s[name] = time.monotonic() - began
        time.sleep(_POLL_S)
    return took_s


def _launch_ours(seat: _Seat) -> subprocess.Popen[bytes]:
    given = {
        "servers": seat.servers,
        "user": seat.user,
        "transport": seat.transport,
        "password": _PASSWORD,
        "ca": str(seat.ca),
    }
    return _launch(seat, sys.executable, "-c", _PROGRAM, json.dumps(given))


def _launch_baresip(seat: _Seat) -> subprocess.Popen[bytes]:
    modules = ("g711.so", "uuid.so", "aubridge.so")
    applications = ("account.so", "menu.so")
    (seat.folder / "config").write_text(
        f"module_path /usr/lib/baresip/modules\nsip_listen 0.0.0.0:0\nsip_cafile {seat.ca}\n"
        "audio_player aubridge,nowhere\naudio_source aubridge,nowhere\naudio_alert aubridge,nowhere\n"
        + "".join(f"module {module}\n" for module in modules)
        + "".join(f"module_app {module}\n" for module in applications)
    )
    proxies = "".join(
        f';outbound{number}="sip:{host}:{port};transport={seat.transport}"'
        for number, (host, port) in enumerate(seat.servers, start=1)
    )
    several = ";sipnat=outbound" if len(seat.servers) > 1 else ""
    (seat.folder / "accounts").write_text(
        f"<sip:{seat.user}@operator.example;transport={seat.transport}>;auth_pass={_PASSWORD}{proxies}{several}"
        ";regint=60\n"
    )
    return _launch(seat, "baresip", "-f", seat.folder)


def _launch_linphone(seat: _Seat) -> subprocess.Popen[bytes]:
    (seat.folder / ".local" / "share" / "linphone").mkdir(parents=True)
    host, port = seat.servers[0]
    configuration = seat.folder / "linphonerc"
    configuration.write_text(
        "[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\ndefault_proxy=0\n"
        f"root_ca={seat.ca}\nverify_server_certs=1\n"
        f"[proxy_0]\nreg_proxy=<sip:{host}:{port};transport={seat.transport}>\n"
        f"reg_route=<sip:{host}:{port};transport={seat.transport};lr>\n"
        f"reg_identity=sip:{seat.user}@operator.example\nreg_expires=60\nreg_sendregister=1\n"
        f"[auth_info_0]\nusername={seat.user}\npasswd={_PASSWORD}\ndomain=operator.example\n"
    )
    configuration.chmod(0o600)
    return _launch(seat, "linphone-daemon", "--pipe", seat.folder / "pipe", "--config", configuration)


def _launch(seat: _Seat, *command: str | os.PathLike[str]) -> subprocess.Popen[bytes]:
    with (seat.folder / "output.log").open("wb") as output:
        return subprocess.Popen(
            seat.home.command(*command),
            env={**os.environ, "HOME": str(seat.folder)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=Path(__file__).parents[2],
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


_LAUNCHERS: Final[Mapping[str, Callable[[_Seat], subprocess.Popen[bytes]]]] = {
    "ours": _launch_ours,
    "baresip": _launch_baresip,
    "linphone": _launch_linphone,
}


def table(rows: list[Row]) -> Table:
    """Put the rows into words."""
    shown = Table(title="Seconds until the phone can be called again")
    for heading in ("after", "over", *_LAUNCHERS):
        shown.add_column(heading)
    for row in rows:
        times = (row.seconds[name] for name in _LAUNCHERS)
        cells = (f"{took_s:.1f}" if took_s is not None else f"more than {PATIENCE_S:.0f}" for took_s in times)
        shown.add_row(row.event, row.transport.upper(), *cells)
    return shown


def main() -> int:
    """Run it all, print the table and write build/recovery.json."""
    rows = measure()
    build = Path(__file__).parents[2] / "build"
    build.mkdir(exist_ok=True)
    (build / "recovery.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    Console(width=120).print(table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
