"""Whether the broker lets the collector in, and lets it say what it should and nothing else."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from contract.downlink import DownTopic
from contract.messages import topic_name
from fleet.check.report import Row, State
from fleet.collector.certificates import (
    WARNED_BEFORE,
    broker_certificate,
    certificate_files,
    ends_soon,
    read_certificate,
)
from fleet.collector.settings import CollectorSettings
from fleet.errors import FleetError
from mqtt.connection import Connection, Terms
from mqtt.problems import BrokerError, MessageRefusedError

STEP_S: Final = 8.0
"""How long the broker may take for one step."""

_RIGHTS: Final = "rights of collector"
_NOBODY: Final = "wecall-check"


def check_broker(settings: CollectorSettings) -> Iterator[Row]:
    """Knock at the broker."""
    where = f"{settings.broker.host}, port {settings.broker.port}"
    try:
        certificate = broker_certificate(settings.broker)
    except BrokerError as error:
        yield Row("broker", State.BAD, f"{where}: {error}")
        return
    yield Row("broker", State.GOOD, f"{where}: it lets {settings.broker.certificate.name} in.")
    yield _lasts("broker", certificate, "wecall fleet ca service AUTHORITY broker.NAME --host HOST")


def check_certificates(settings: CollectorSettings) -> Iterator[Row]:
    """Look at the certificates in files."""
    remedies = {
        "authority": "wecall fleet ca init, and a bundle with both authorities for every handset",
        "page": "whoever issued it",
    }
    for whose, path in certificate_files(settings):
        try:
            certificate = read_certificate(whose, path)
        except FleetError as error:
            yield Row(f"certificate of {whose}", State.BAD, str(error))
            continue
        remedy = remedies.get(whose, f"wecall fleet ca service AUTHORITY {path.stem}")
        yield _lasts(whose, certificate, remedy)


def check_rights(settings: CollectorSettings, *, as_collector: bool) -> Iterator[Row]:
    """Publish as the collector what it may and what it may not, to a handset that there is none of."""
    if not as_collector:
        yield Row(
            _RIGHTS,
            State.NOT_TRIED,
            "What it may is shown by the canary. What it may not is tried with --as-collector, which takes the "
            "collector's place at the broker for a moment; one that runs comes back by itself and loses nothing.",
        )
        return
    yield asyncio.run(_try_rights(settings))


async def _try_rights(settings: CollectorSettings) -> Row:
    broker = settings.broker
    fleet = settings.fleets[0] if settings.fleets else _NOBODY
    terms = Terms(answer_timeout_s=STEP_S, receive_maximum=1, session_expiry_s=broker.session_expiry_s)
    try:
        server = broker.server()
        # The session is the collector's: nothing that comes is confirmed, so that the broker brings it again.
        async with Connection(server, settings.client_id, terms) as connection:
            await connection.open(STEP_S)
            await connection.send(topic_name(fleet, _NOBODY, DownTopic.ACK), b"{}")
            too_much = [topic for topic in DownTopic if topic is not DownTopic.ACK]
            allowed = [topic for topic in too_much if await may_send(connection, topic_name(fleet, _NOBODY, topic))]
    except MessageRefusedError:
        return Row(
            _RIGHTS, State.BAD,
            f"It may not answer handsets. Give {settings.client_id} its block in acl, as fleet/broker says.",
        )  # fmt: skip
    except BrokerError as error:
        return Row(_RIGHTS, State.BAD, str(error))
    if allowed:
        return Row(
            _RIGHTS, State.BAD,
            f"It may publish {', '.join(allowed)}, which is for operators alone. Compare acl with the one that ships.",
        )  # fmt: skip
    return Row(_RIGHTS, State.GOOD, "It may answer handsets, and publish nothing that is an operator's.")


async def may_send(connection: Connection, topic: str) -> bool:
    """Publish, and tell whether the broker takes it.

    Raises:
        BrokerError: the connection is lost.
    """
    try:
        await connection.send(topic, b"{}")
    except MessageRefusedError:
        return False
    return True


def _lasts(whose: str, certificate: x509.Certificate, remedy: str) -> Row:
    now, ends = datetime.now(UTC), certificate.not_valid_after_utc
    what, until = f"certificate of {whose}", f"{ends:%Y-%m-%d}"
    if certificate.not_valid_before_utc > now:
        return Row(what, State.BAD, "It is not valid yet. Check the clock of this machine.")
    if ends <= now:
        return Row(what, State.BAD, f"It ended {until}. Renew it: {remedy}")
    if ends_soon(certificate, now):
        return Row(what, State.WARN, f"It ends {until}, within {WARNED_BEFORE.days} days. Renew it: {remedy}")
    return Row(what, State.GOOD, f"It lasts until {until}.")
