"""What the configuration means to the sync process."""

from pathlib import Path

from firmware.errors import ControlError
from firmware.ports.broker import BrokerSettings
from provisioning.broker import Sync
from provisioning.schema import Configuration


def broker_settings(configuration: Configuration | None) -> BrokerSettings | None:
    """Return what the sync process must know, None where there is no broker.

    Raises:
        ControlError: a certificate or key named in the configuration cannot be read.
    """
    if configuration is None or configuration.sync is None:
        return None
    return settings_of(configuration.device.id, configuration.device.fleet, configuration.sync)


def settings_of(device: str, fleet: str, sync: Sync, *, departing: bool = False) -> BrokerSettings:
    """Return the same of a handset by its names and broker; `departing` where its holder has gone.

    Raises:
        ControlError: a certificate or key named there cannot be read.
    """
    return BrokerSettings(
        device=device,
        fleet=fleet,
        host=sync.host,
        port=sync.port,
        ca_pem=_pem(sync.ca),
        certificate_pem=_pem(sync.certificate),
        key_pem=_pem(sync.key),
        batch_records=sync.batch_records,
        retry_base_s=sync.retry_base_s,
        retry_cap_s=sync.retry_cap_s,
        keep_alive_s=sync.keep_alive_s,
        discovery=sync.discovery,
        departing=departing,
    )


def _pem(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"{path}, named in [sync], cannot be read: {error}.") from error
