"""What the configuration means to whoever asks which handset this is."""

from firmware.errands.facts import Identity
from provisioning.schema import Configuration


def identity(configuration: Configuration | None) -> Identity:
    """Return which handset it is; one that is not set up has no name."""
    if configuration is None:
        return Identity()
    servers = tuple(
        (account.label or account.username, ", ".join(f"{host}:{port}" for host, port in account.addresses))
        for account in configuration.accounts
    )
    return Identity(configuration.device.id, configuration.device.fleet, servers)
