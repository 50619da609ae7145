"""What the configuration means to whoever gets something from the handset."""

from firmware.phone.countries import COUNTRIES
from firmware.phone.numbers import NumberForms
from firmware.privacy.egress.border import Border
from firmware.store.outbox import Recipient
from provisioning.broker import Completion
from provisioning.schema import Configuration


def recipient(configuration: Configuration) -> Recipient:
    """Return who gets what leaves; nobody has a name where there is no broker."""
    device, sync = configuration.device, configuration.sync
    forms = NumberForms.of(COUNTRIES[device.assumed_country], configuration.dialing.international_prefix)
    if sync is None:
        return Recipient(device.id)
    home = device.region or device.assumed_country
    return Recipient(
        device.id,
        sync.host,
        confirms=sync.complete is Completion.ACK,
        border=Border(crossed=(sync.region or home) != home, forms=forms),
    )
