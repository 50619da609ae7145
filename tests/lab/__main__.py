"""Starts a peer by hand, says how it is reached, and ends it with Ctrl-C.

python -m tests.lab kamailio
"""

import argparse
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fleet.collector.database import open_database
from fleet.collector.settings import Storage
from tests.lab.baresip import Baresip
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.fleet_api import TOKEN, FleetApi
from tests.lab.fleet_broker import FleetBroker
from tests.lab.home_assistant import HomeAssistant
from tests.lab.kamailio import Kamailio
from tests.lab.name_server import NameServer
from tests.lab.network import Namespace
from tests.lab.node_red import NodeRed
from tests.lab.postgres import Postgres
from tests.lab.prometheus import Prometheus
from tests.lab.pulse import PulseAudio
from tests.lab.seeded_fleet import SeededFleet
from tests.lab.systemd_box import SystemdBox
from tests.lab.three_agents import TONES_HZ, USERS
from tests.lab.turn_server import PORT, TurnServer

Reached = dict[str, object]
"""What somebody has to know who wants to use a peer."""

_BROKER_USER: Final = "dashboard.node-red"
# coturn relays to no loopback address.
_RELAY: Final = "10.9.0.1"


@contextmanager
def kamailio(folder: Path) -> Iterator[Reached]:
    """A registrar and proxy."""
    authority = CertificateAuthority(folder)
    with Kamailio(folder, USERS, certificate=authority.issue("localhost", hosts=LOOPBACK)) as server:
        users = ", ".join(f"{user}@{server.domain} with {password}" for user, password in USERS.items())
        ports = {"UDP": server.udp_port, "TCP": server.tcp_port, "TLS": server.tls_port}
        yield {"users": users, **ports, "its authority": authority.ca_path, "log": folder / "kamailio.log"}


@contextmanager
def baresip(folder: Path) -> Iterator[Reached]:
    """A phone at such a registrar that answers every call with a tone."""
    with kamailio(folder) as registrar:
        phone = Baresip(
            folder / "baresip",
            "bob",
            USERS["bob"],
            port=int(str(registrar["UDP"])),
            extra_modules=("ausine.so",),
            audio_source=f"ausine,{TONES_HZ['bob']:.0f}",
            extra_configuration=("ausrc_srate 48000",),
        )

        def answer() -> None:
            while True:
                phone.wait_for("CALL_INCOMING", threading.TIMEOUT_MAX)
                phone.answer()

        with phone:
            threading.Thread(target=answer, name="answer", daemon=True).start()
            yield {"call": "bob, as another of the users", **registrar, "its log": folder / "baresip/output.log"}


@contextmanager
def broker(folder: Path) -> Iterator[Reached]:
    """The broker of a fleet."""
    with FleetBroker(folder / "broker", dashboards=("main", "node-red", "home-assistant")) as server:
        handset = server.device("handset-1")
        login = f"--cafile {server.ca_path} -u dashboard.main -P {server.password_of('dashboard.main')}"
        yield {
            "listen": f"mosquitto_sub -h localhost -p {server.password_port} {login} -t 'wecall/#' -v",
            "for certificates": f"port {server.port}; handset-1 has {handset.certificate} and {handset.key}",
        }


@contextmanager
def node_red(folder: Path) -> Iterator[Reached]:
    """Node-RED with the flow that ships, at such a broker."""
    with FleetBroker(folder / "broker", dashboards=("node-red",)) as server:
        environment = {
            "WECALL_BROKER_HOST": "localhost",
            "WECALL_BROKER_PORT": str(server.password_port),
            "WECALL_BROKER_CA": str(server.ca_path),
            "WECALL_BROKER_USER": _BROKER_USER,
            "WECALL_BROKER_PASSWORD": server.password_of(_BROKER_USER),
        }
        with NodeRed(folder / "node-red", environment) as dashboard:
            dashboard.import_flow()
            yield {"dashboard": dashboard.dashboard, "broker": f"port {server.port} for certificates"}


@contextmanager
def home_assistant(folder: Path) -> Iterator[Reached]:
    """Home Assistant without its pages, at such a broker."""
    with FleetBroker(folder / "broker") as server, HomeAssistant(folder / "home-assistant", server) as assistant:
        yield {
            "ask": f"curl -H 'Authorization: Bearer {assistant.token}' {assistant.url}/api/states",
            "broker": f"port {server.port} for certificates",
        }


@contextmanager
def prometheus(folder: Path) -> Iterator[Reached]:
    """Prometheus with the alerts that ship, and a collector's API with the history of forty handsets."""
    engine = open_database(Storage(url=f"sqlite:///{folder / 'calls.db'}"))
    SeededFleet(now=datetime.now(UTC)).fill(engine)
    with FleetApi(engine, folder) as api, Prometheus(folder / "prometheus", api.url, TOKEN) as server:
        yield {"page": server.url, "API": f"{api.url} with the token {TOKEN}"}


@contextmanager
def postgres(_folder: Path) -> Iterator[Reached]:
    """PostgreSQL with an empty database."""
    with Postgres() as server:
        yield {"database": server.url}


@contextmanager
def pulse(folder: Path) -> Iterator[Reached]:
    """Sound cards without a sound card."""
    server = PulseAudio(folder)
    server.start()
    try:
        yield {
            "first": f"export {shlex.join(f'{name}={value}' for name, value in server.environment.items())}",
            "a phone": "plays to ear and listens to mic_monitor",
            "speak to it": "aplay -D mic SPEECH.wav",
            "hear it": "arecord -D ear_monitor -f S16_LE -r 16000 HEARD.wav",
        }
    finally:
        server.stop()


@contextmanager
def name_server(_folder: Path) -> Iterator[Reached]:
    """A name server with records of one domain."""
    records = {"_sip._udp.example SRV": ["10 0 5060 sip.example."], "sip.example A": ["127.0.0.1"]}
    with NameServer(records) as server:
        yield {"UDP": f"{server.address}, port {server.port}", "records": ", ".join(records)}


@contextmanager
def turn(folder: Path) -> Iterator[Reached]:
    """A STUN and TURN server in a network of its own; only root may make one."""
    with Namespace() as network:
        network.ip("address", "add", _RELAY, "dev", "lo")
        with TurnServer(folder, network, _RELAY, "alice", USERS["alice"]):
            client = network.command("turnutils_uclient", "-y", "-u", "alice", "-w", USERS["alice"], _RELAY)
            yield {"ask": shlex.join(client), "port": PORT, "enter its network": shlex.join(network.command("bash"))}


@contextmanager
def box(folder: Path) -> Iterator[Reached]:
    """The real systemd on a throw-away copy of this computer's root; only root may boot one."""
    booted = SystemdBox(folder, {})
    booted.start()
    try:
        yield {"enter": f"nsenter -t {booted.init_pid} --all --root --wd"}
    finally:
        booted.stop()


PEERS: Final[dict[str, Callable[[Path], AbstractContextManager[Reached]]]] = {
    peer.__name__.replace("_", "-"): peer
    for peer in (
        kamailio, baresip, broker, node_red, home_assistant, prometheus, postgres, pulse, name_server, turn, box,
    )
}  # fmt: skip


def main() -> None:
    """Start the peer that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab",
        description="Start a peer of the tests and wait for Ctrl-C.",
        epilog="\n".join(f"{name:16}{peer.__doc__}" for name, peer in PEERS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("peer", choices=PEERS, metavar="PEER")
    peer = PEERS[parser.parse_args().peer]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="wecall-lab-") as folder,
        peer(Path(folder)) as reached,
    ):
        sys.stdout.write("".join(f"{what}: {how}\n" for what, how in reached.items()) + "Ctrl-C ends it.\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
