"""Connections to a broker that does not do what it should: nothing of it goes unnoticed."""

import asyncio
from pathlib import Path

import pytest

from fleet.errors import FleetError
from fleet.publisher.connection import BrokerLine, LineLostError
from fleet.publisher.settings import OperatorSettings
from mqtt.connection import Connection, Terms
from mqtt.problems import BrokerError, BrokerProblem
from mqtt.tls import Server
from tests.lab.certificates import CertificateAuthority
from tests.lab.documents import FLEET
from tests.lab.hand_made_broker import HandMadeBroker


class MuteBroker(HandMadeBroker):
    """Says nothing to whoever connects."""

    def _connack(self) -> bytes:
        return b""


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "authority")


def settings_of(authority: CertificateAuthority, port: int) -> OperatorSettings:
    certificate, key = authority.issue("operator.main")
    return OperatorSettings(host="127.0.0.1", port=port, ca=authority.ca_path, certificate=certificate, key=key)


async def test_a_line_that_is_cut_while_it_asks_who_is_there_tells_no_short_list(
    authority: CertificateAuthority,
) -> None:
    async with (
        HandMadeBroker(authority) as broker,
        BrokerLine(settings_of(authority, broker.port), FLEET, lambda: False) as line,
    ):
        await line.open()
        asking = asyncio.create_task(line.known_devices())
        await asyncio.sleep(0)
        broker.cut()
        with pytest.raises(LineLostError):
            await asking


async def test_a_missing_file_is_among_those_that_are_named(authority: CertificateAuthority) -> None:
    settings = settings_of(authority, 1)
    settings.key.unlink()
    with pytest.raises(FleetError, match=f"{settings.ca}, {settings.certificate} or {settings.key} cannot be used"):
        BrokerLine(settings, FLEET, lambda: False)


async def test_a_connection_that_the_broker_never_accepted_is_not_open(authority: CertificateAuthority) -> None:
    async with MuteBroker(authority) as broker:
        settings = settings_of(authority, broker.port)
        server = Server.read("127.0.0.1", broker.port, 60, settings.ca, settings.certificate, settings.key)
        async with Connection(server, "operator.main", Terms()) as connection:
            with pytest.raises(BrokerError) as failure:
                await connection.open(1.0)
            assert broker.sessions[0].received
            assert (failure.value.problem, connection.is_open) == (BrokerProblem.TIMED_OUT, False)
