"""How often a real broker lets somebody try passwords, with the firewall's rules that ship beside it."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.lab.fleet_broker import SHIPPED, FleetBroker
from tests.lab.network import Namespace, VethCable

USER = "dashboard.main"
BROKER, GUESSER, OTHER = "10.9.0.2", "10.9.0.1", "10.9.0.3"
BROKER6, GUESSER6, NEIGHBOUR6, OTHER6 = "fd09::2", "fd09::1", "fd09::3", "fd09:1::1"
PORT = 8884
BURST = 40


class Said(Enum):
    """What somebody is told who tries a password."""

    COME_IN = "come in"
    WRONG = "wrong"
    NOT_NOW = "not now"


class Office:
    """A broker with people outside, from `__enter__` on."""

    def __init__(self, broker: FleetBroker, inside: Namespace, outside: Namespace) -> None:
        self.broker = broker
        self.inside = inside
        self._outside = outside

    def tries(self, password: str, *, source: str) -> Said:
        """Try a password from an address."""
        with self._outside.entered():
            return self._tries(password, BROKER6 if ":" in source else BROKER, source)

    def tries_on_the_brokers_machine(self, password: str) -> Said:
        """Try one where the broker runs."""
        with self.inside.entered():
            return self._tries(password, BROKER, "")

    def _tries(self, password: str, host: str, source: str) -> Said:
        client = Client(CallbackAPIVersion.VERSION2, client_id=USER, reconnect_on_failure=False)
        client.username_pw_set(USER, password)
        said: list[Said] = []
        client.on_connect = lambda _client, _userdata, _flags, reason, _properties: said.append(
            Said.WRONG if reason.is_failure else Said.COME_IN
        )
        try:
            client.connect(host, PORT, bind_address=source)
        except ConnectionRefusedError:
            return Said.NOT_NOW
        while not said:
            client.loop()
        client.disconnect()
        return said[0]

    @property
    def password(self) -> str:
        """The right one."""
        return self.broker.password_of(USER)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with (
        Namespace() as inside,
        Namespace() as outside,
        VethCable(
            outside,
            inside,
            [f"{GUESSER}/24", f"{OTHER}/24", f"{GUESSER6}/64", f"{NEIGHBOUR6}/64", f"{OTHER6}/64"],
            [f"{BROKER}/24", f"{BROKER6}/64", "fd09:1::2/64"],
        ),
    ):
        broker = FleetBroker(tmp_path / "broker")
        with (tmp_path / "broker" / "mosquitto.conf").open("a") as configuration:
            # Without TLS, of which the firewall sees nothing.
            configuration.writelines(f"\nlistener {PORT} {address}\n" for address in (BROKER, BROKER6))
        inside.run("nft", "-f", str(SHIPPED / "guesses.nft"))
        with inside.entered():
            broker.start()
        try:
            yield Office(broker, inside, outside)
        finally:
            broker.stop()


@pytest.mark.feature("broker rights")
def test_whoever_guesses_is_kept_out_and_nobody_else(office: Office) -> None:
    assert {office.tries("guess", source=GUESSER) for _ in range(BURST)} == {Said.WRONG}
    tried = [office.tries(office.password, source=GUESSER) for _ in range(5)]
    assert Said.NOT_NOW in tried
    assert office.tries(office.password, source=OTHER) is Said.COME_IN
    assert office.tries(office.password, source=GUESSER6) is Said.COME_IN
    assert office.tries_on_the_brokers_machine(office.password) is Said.COME_IN


def test_all_addresses_of_one_network_of_ipv6_are_one_guesser(office: Office) -> None:
    for number in range(BURST):
        office.tries("guess", source=(GUESSER6, NEIGHBOUR6)[number % 2])
    assert Said.NOT_NOW in [office.tries(office.password, source=NEIGHBOUR6) for _ in range(5)]
    assert office.tries(office.password, source=OTHER6) is Said.COME_IN


def test_a_collector_may_ask_for_everybody_who_logs_in(office: Office) -> None:
    office.inside.run("nft", "add", "element", "inet", "wecall_guesses", "collectors", f"{{ {GUESSER} }}")
    assert {office.tries(office.password, source=GUESSER) for _ in range(2 * BURST)} == {Said.COME_IN}


def test_rules_that_are_loaded_again_are_there_once(office: Office) -> None:
    office.inside.run("nft", "-f", str(SHIPPED / "guesses.nft"))
    assert office.inside.run("nft", "list", "ruleset").count("jump tries") == 1
