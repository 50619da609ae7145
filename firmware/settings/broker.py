"""What the configuration means to the sync process."""

from firmware.ports.broker import BrokerSettings
from firmware.settings.credential import Credential, read_credential
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
