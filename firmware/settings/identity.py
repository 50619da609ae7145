"""What the configuration means to whoever asks which handset this is."""

from dataclasses import dataclass

from provisioning.schema import Configuration


@dataclass(frozen=True, slots=True)
class Identity:
    """Which handset this is.

    Attributes:
        device, fleet: as the configuration names them; empty where there is none.
        servers: pairs of an account's label and the server that it uses by configuration.
    """

    device: str = ""
    fleet: str = ""
    servers: tuple[tuple[str, str], ...] = ()


def identity(configuration: Configuration | None) -> Identity:
    """Return which handset it is; one that is not set up has no name."""
    if configuration is None:
        return Identity()
    servers = tuple(
        (account.label or account.username, ", ".join(f"{host}:{port}" for host, port in account.addresses))
        for account in configuration.accounts
    )
    return Identity(configuration.device.id, configuration.device.fleet, servers)
