"""What the secrets of a configuration are called where they stand outside it: sealed in a bundle, or as credentials."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import SecretStr

from provisioning.network import WifiSecurity, wifi_password_name
from provisioning.remarks import KeyPath
from provisioning.schema import Configuration

DEFAULT_SIP_PASSWORD = "sip-password"  # noqa: S105 - a name
TURN_PASSWORD = "turn-password"  # noqa: S105 - a name


class Secret(NamedTuple):
    """A secret that a configuration needs.

    Attributes:
        names: what it may be called; the first is the usual one.
        path: the setting that it stands in where it is in clear.
        in_clear: its value there, None where it does not stand there.
    """

    names: tuple[str, ...]
    path: KeyPath
    in_clear: SecretStr | None


def sip_password_names(identifier: str, *, is_default: bool) -> tuple[str, ...]:
    """Return what an account's password may be called."""
    own = f"{DEFAULT_SIP_PASSWORD}-{identifier}"
    return (DEFAULT_SIP_PASSWORD, own) if is_default else (own,)


def secrets_of(configuration: Configuration) -> Iterator[Secret]:
    """Yield the secrets that a configuration needs."""
    for position, account in enumerate(configuration.accounts):
        if account.direct:
            continue
        names = sip_password_names(account.identifier, is_default=position == 0)
        yield Secret(names, ("accounts", position, "password"), account.password)
    if configuration.nat.turn_server:
        yield Secret((TURN_PASSWORD,), ("nat", "turn_password"), configuration.nat.turn_password)
    for position, wifi in enumerate(configuration.network.wifi if configuration.network else ()):
        if wifi.security is not WifiSecurity.OPEN:
            path = ("network", "wifi", position, "password")
            yield Secret((wifi_password_name(position + 1),), path, wifi.password)
