"""What the configuration means to receipts."""

from firmware.privacy.receipts import Issuer
from provisioning.schema import Configuration


def issuer(configuration: Configuration | None) -> Issuer:
    """Return whose receipts the handset makes; a handset that is not set up makes none that anybody could use."""
    if configuration is None:
        return Issuer("unnamed")
    device, operator, sync = configuration.device, configuration.operator, configuration.sync
    home = device.region or device.assumed_country
    return Issuer(device.id, operator.name, operator.contact, home, (sync.region if sync else None) or home)
