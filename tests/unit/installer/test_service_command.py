import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from provisioning.authority import common_name, host_names
from tests.lab.installer_desk import InstallerDesk


class Office(InstallerDesk):
    """A desk with an authority that signs for services."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority = folder / "authority"
        self.out = folder / "services"
        self.did("fleet", "ca", "init", self.authority, typed="words\nwords\n")

    def arguments(self, name: str, *more: str | Path) -> tuple[str | Path, ...]:
        return ("fleet", "ca", "service", self.authority, name, "-o", self.out, *more)

    def service(self, name: str, *more: str | Path) -> x509.Certificate:
        self.did(*self.arguments(name, *more), typed="words\n")
        return x509.load_pem_x509_certificate((self.out / f"{name}.pem").read_bytes())

    def states(self) -> list[tuple[str, str]]:
        listed = json.loads(self.did("fleet", "ca", "list", self.authority, "--json"))
        return [(each["device"], each["state"]) for each in listed]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def usage(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


@pytest.mark.parametrize("name", ["collector.main", "operator.anna-2", "canary-main"])
def test_a_service_gets_a_key_that_only_its_owner_reads_and_a_certificate_with_its_name(
    office: Office, name: str
) -> None:
    certificate = office.service(name)
    key_path = office.out / f"{name}.key"
    key = load_pem_private_key(key_path.read_bytes(), None)
    assert key_path.stat().st_mode & 0o777 == 0o600
    assert common_name(certificate) == name
    assert certificate.public_key() == key.public_key()
    assert usage(certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert host_names(certificate) == set()
    assert office.states() == [(name, "counts")]


def test_a_broker_gets_a_certificate_for_its_hosts_that_lets_nobody_in(office: Office) -> None:
    certificate = office.service("broker.main", "--host", "broker.example.com", "--host", "192.0.2.7")
    assert host_names(certificate) == {"broker.example.com", "192.0.2.7"}
    assert usage(certificate) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_what_is_said_again_gives_the_same_certificate_unless_a_broker_has_moved(office: Office) -> None:
    first = office.service("broker.main", "--host", "old.example.com")
    assert office.service("broker.main", "--host", "old.example.com") == first
    moved = office.service("broker.main", "--host", "new.example.com")
    assert host_names(moved) == {"new.example.com"}
    assert moved.public_key() == first.public_key()


def test_a_lost_key_is_replaced_only_where_that_is_said_and_what_it_had_is_taken_back(office: Office) -> None:
    first = office.service("collector.main")
    (office.out / "collector.main.key").unlink()
    assert "--replace" in office.refused(*office.arguments("collector.main"), typed="words\n")
    assert not (office.out / "collector.main.key").exists()
    second = office.service("collector.main", "--replace")
    assert second.public_key() != first.public_key()
    assert sorted(office.states()) == [("collector.main", "counts"), ("collector.main", "replaced")]
    revoked = x509.load_pem_x509_crl((office.authority / "revoked.pem").read_bytes())
    assert {each.serial_number for each in revoked} == {first.serial_number}


@pytest.mark.parametrize("name", ["desk-1", "canary", "collector", "Collector.main", "collector.a.b", "dashboard.x"])
def test_what_is_no_service_gets_nothing(office: Office, name: str) -> None:
    assert "no service" in office.refused(*office.arguments(name), typed="words\n")
    assert office.states() == []


def test_hosts_are_a_brokers_and_no_others(office: Office) -> None:
    assert "--host" in office.refused(*office.arguments("broker.main"), typed="words\n")
    assert "--host" in office.refused(*office.arguments("collector.main", "--host", "x.example"), typed="words\n")
    assert "no host" in office.refused(*office.arguments("broker.main", "--host", "a b"), typed="words\n")
    assert office.states() == []


def test_a_service_is_taken_back_as_a_handset_is(office: Office) -> None:
    office.service("operator.anna")
    office.did("fleet", "ca", "revoke", office.authority, "operator.anna", "--reason", "retired", typed="words\n")
    assert office.states() == [("operator.anna", "retired")]
