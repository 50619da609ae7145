"""Certificates of a fleet's server and how long they last, as `wecall fleet check` and the alerts see them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from fleet.collector.settings import BrokerAddress, CollectorSettings
from fleet.errors import FleetError
from mqtt.knock import knock

WARNED_BEFORE: Final = timedelta(days=30)
"""So long before its end a certificate is to be renewed."""

_STEP_S: Final = 8.0


def certificate_files(settings: CollectorSettings) -> Iterator[tuple[str, Path]]:
    """Return the files with certificates that a collector's settings name, each with whose it is."""
    yield "authority", settings.broker.ca
    yield settings.client_id, settings.broker.certificate
    if settings.canary is not None:
        yield "canary", settings.canary.certificate
    if settings.http is not None and settings.http.certificate is not None:
        yield "page", settings.http.certificate


def read_certificate(whose: str, path: Path) -> x509.Certificate:
    """Read a file's own certificate; of several authorities the one that lasts longest, which is in force at the end.

    Raises:
        FleetError: there is none.
    """
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FleetError(
            f"{path} cannot be read, or is no certificate in PEM. Check the file and its owner."
        ) from error
    return max(found, key=lambda each: each.not_valid_after_utc) if whose == "authority" else found[0]


def broker_certificate(broker: BrokerAddress) -> x509.Certificate:
    """Show the broker the collector's certificate, and return the broker's; a collector that runs stays connected.

    Raises:
        BrokerError: the broker is not there, or does not let the certificate in.
    """
    return x509.load_der_x509_certificate(knock(broker.server(), _STEP_S))


def ends_soon(certificate: x509.Certificate, now: datetime | None = None) -> bool:
    """Tell whether a certificate is over, or to be renewed by now."""
    return certificate.not_valid_after_utc - WARNED_BEFORE < (now or datetime.now(UTC))
