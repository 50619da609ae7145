"""What the configuration means to the sync process."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from firmware.base.errors import ControlError
from firmware.ports.broker import BrokerSettings
from provisioning.broker import Sync
from provisioning.schema import Configuration

_log = logging.getLogger(__name__)


class Credential(BaseModel):
    """What was in those files, as PEM; the next configuration may come with others.

    Attributes:
        ca: who signs the broker's certificate; the system's authorities where None.
        certificate, key: the handset's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca: str | None = Field(default=None, repr=False)
    certificate: str | None = Field(default=None, repr=False)
    key: str | None = Field(default=None, repr=False)


def read_credential(sync: Sync) -> Credential:
    """Read all of it.

    Raises:
        ControlError: a certificate or key named there cannot be read.
    """
    return Credential(ca=_pem(sync.ca), certificate=_pem(sync.certificate), key=_pem(sync.key))


def kept_credential(sync: Sync) -> Credential | None:
    """Read all of it to keep it; None where something of it cannot be read now, and then it may be later."""
    try:
        return read_credential(sync)
    except ControlError as error:
        _log.warning("The broker's credential cannot be kept: %s", error)
        return None


def _pem(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"{path}, named in [sync], cannot be read: {error}.") from error


def broker_settings(configuration: Configuration | None) -> BrokerSettings | None:
    """Return what the sync process must know, None where there is no broker.

    Raises:
        ControlError: a certificate or key named in the configuration cannot be read.
    """
    if configuration is None or configuration.sync is None:
        return None
    return settings_of(configuration.device.id, configuration.device.fleet, configuration.sync)


def settings_of(
    device: str, fleet: str, sync: Sync, *, departing: bool = False, credential: Credential | None = None
) -> BrokerSettings:
    """Return the same of a handset by its names and broker.

    Args:
        device: what it is called.
        fleet: what it belongs to.
        sync: the broker.
        departing: its holder has gone.
        credential: what was in the files that `sync` names; None to read them now.

    Raises:
        ControlError: a certificate or key named there cannot be read.
    """
    if credential is None:
        credential = read_credential(sync)
    return BrokerSettings(
        device=device,
        fleet=fleet,
        host=sync.host,
        port=sync.port,
        ca_pem=credential.ca,
        certificate_pem=credential.certificate,
        key_pem=credential.key,
        batch_records=sync.batch_records,
        retry_base_s=sync.retry_base_s,
        retry_cap_s=sync.retry_cap_s,
        keep_alive_s=sync.keep_alive_s,
        discovery=sync.discovery,
        departing=departing,
    )
