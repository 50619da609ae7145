"""What the configuration means to the sync process."""

from pathlib import Path

from firmware.errors import ControlError
from firmware.farewell.tombstone import Credential
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
        credential = Credential(ca=_pem(sync.ca), certificate=_pem(sync.certificate), key=_pem(sync.key))
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


def _pem(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"{path}, named in [sync], cannot be read: {error}.") from error
