import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from firmware.ports.broker import BrokerProblem, BrokerSettings
from mqtt.packets import PacketReader
from mqtt.problems import BrokerError
from mqtt.tls import Meter, Server, tls_context
from tests.lab.certificates import CertificateAuthority


@pytest.fixture
def settings(tmp_path: Path) -> BrokerSettings:
    authority = CertificateAuthority(tmp_path)
    issued = authority.issue("dev-1")
    return BrokerSettings(
        device="dev-1",
        fleet="lab",
        host="localhost",
        port=8883,
        ca_pem=authority.ca_path.read_text(),
        certificate_pem=issued.certificate.read_text(),
        key_pem=issued.key.read_text(),
    )


def test_the_broker_is_verified_by_name_and_authority_whatever_the_settings(settings: BrokerSettings) -> None:
    for some in (settings, replace(settings, ca_pem=None), replace(settings, certificate_pem=None, key_pem=None)):
        context = tls_context(some, Meter(), PacketReader())
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_only_the_given_authority_is_trusted_where_there_is_one(settings: BrokerSettings) -> None:
    assert tls_context(settings, Meter(), PacketReader()).cert_store_stats()["x509_ca"] == 1


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir() if path.exists()}


def test_the_key_leaves_no_descriptor_behind(settings: BrokerSettings) -> None:
    before = open_descriptors()
    tls_context(settings, Meter(), PacketReader())
    with pytest.raises(BrokerError):
        tls_context(replace(settings, key_pem="nonsense"), Meter(), PacketReader())
    assert open_descriptors() == before


@pytest.mark.parametrize("field", ["ca_pem", "certificate_pem", "key_pem"])
def test_what_is_no_pem_is_refused(settings: BrokerSettings, field: str) -> None:
    nonsense: dict[str, Any] = {field: "-----BEGIN NONSENSE-----"}
    with pytest.raises(BrokerError) as caught:
        tls_context(replace(settings, **nonsense), Meter(), PacketReader())
    assert caught.value.problem is BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE


def test_no_authority_at_all_is_not_the_systems(settings: BrokerSettings) -> None:
    with pytest.raises(BrokerError):
        tls_context(replace(settings, ca_pem=""), Meter(), PacketReader())


def test_authorities_in_a_file_may_be_called_whatever_they_like(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    issued = authority.issue("dev-1")
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(f"Főtanúsítvány\n{authority.ca_path.read_text()}")
    server = Server.read("localhost", 8883, 60, authorities, issued.certificate, issued.key)
    assert tls_context(server, Meter(), PacketReader()).cert_store_stats()["x509_ca"] == 1


def test_files_that_are_not_there_are_said_to_be_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(BrokerError) as caught:
        Server.read("localhost", 8883, 60, tmp_path / "missing.pem")
    assert caught.value.problem is BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(settings: BrokerSettings) -> None:
    assert settings.key_pem is not None
    key = serialization.load_pem_private_key(settings.key_pem.encode(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    with pytest.raises(BrokerError) as caught:
        tls_context(replace(settings, key_pem=locked.decode()), Meter(), PacketReader())
    assert caught.value.problem is BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE


def test_the_key_is_not_in_what_the_settings_print(settings: BrokerSettings) -> None:
    assert "PRIVATE KEY" not in repr(settings)
