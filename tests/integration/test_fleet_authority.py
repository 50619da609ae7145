"""What `wecall fleet ca` signs and takes back, and what a real broker makes of it."""

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from provisioning.identity import private_pem
from tests.lab.certificates import CertificateAuthority
from tests.lab.installer_desk import BlankHandset, InstallerDesk
from tests.lab.mosquitto import Mosquitto
from tests.lab.patience import PATIENCE_S

pytestmark = pytest.mark.story

FIRST, SECOND = "10000000abcd0001", "10000000abcd0002"


class Fleet(InstallerDesk):
    """An operator with an authority, a broker that believes it, and two handsets."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority = folder / "authority"
        self.certificates = folder / "certificates"
        self.did("fleet", "ca", "init", self.authority, typed="words\nwords\n")
        self.handsets = {serial: BlankHandset(serial) for serial in (FIRST, SECOND)}
        for serial, handset in self.handsets.items():
            handset.leave_identity(self.stick)
            key = folder / f"{serial}.key"
            key.write_bytes(private_pem(handset.broker_key))
        self.did("fleet", "ca", "issue", self.authority, self.stick, "-o", self.certificates, typed="words\n")
        self.of_the_broker = CertificateAuthority(folder / "broker-ca")
        self.broker = Mosquitto(folder / "broker", self.of_the_broker, fleet=self.authority)

    def connects(self, serial: str, certificate: Path | None = None) -> bool:
        """Say whether the broker lets a handset in and takes what it publishes on its own topic."""
        client = Client(CallbackAPIVersion.VERSION2, client_id=serial, protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set(
            str(self.of_the_broker.ca_path),
            str(certificate or self.certificates / f"{serial}.pem"),
            str(self.folder / f"{serial}.key"),
        )
        heard = threading.Event()
        answers: list[bool] = []

        def answer(is_in: bool) -> None:
            answers.append(is_in)
            heard.set()

        def publish(*_: object) -> None:
            client.publish(f"wecall/v1/hotel/{serial}/status", b"{}", qos=1)

        client.on_connect = publish
        client.on_publish = lambda _client, _userdata, _id, reason, _properties: answer(not reason.is_failure)
        client.on_disconnect = lambda *_: answer(False)
        try:
            client.connect("127.0.0.1", self.broker.port, clean_start=True)
            client.loop_start()
            assert heard.wait(PATIENCE_S), "the broker neither lets it in nor turns it away"
        except (ssl.SSLError, ConnectionError):
            return False
        finally:
            client.disconnect()
            client.loop_stop()
        return answers[0]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    with fleet.broker:
        yield fleet


def test_the_broker_knows_each_handset_by_the_certificate_that_it_was_issued(fleet: Fleet) -> None:
    assert fleet.connects(FIRST)
    assert fleet.connects(SECOND)


def test_a_certificate_without_its_key_lets_nobody_in(fleet: Fleet) -> None:
    with pytest.raises(ssl.SSLError):
        fleet.connects(FIRST, fleet.certificates / f"{SECOND}.pem")


def test_the_broker_turns_away_whose_certificate_was_taken_back_and_nobody_else(fleet: Fleet) -> None:
    fleet.did("fleet", "ca", "revoke", fleet.authority, FIRST, typed="words\n")
    fleet.broker.reload()
    assert not fleet.connects(FIRST)
    assert fleet.connects(SECOND)


def test_a_handset_whose_certificate_was_taken_back_comes_in_with_a_new_one(fleet: Fleet) -> None:
    fleet.did("fleet", "ca", "issue", fleet.authority, fleet.stick, "-o", fleet.certificates, typed="words\n")
    assert fleet.connects(FIRST)
