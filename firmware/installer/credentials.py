"""The secrets of a configuration: what each is called once it is sealed, and where it stood in clear."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit

from provisioning.accounts import Account
from provisioning.errors import ProvisioningError
from provisioning.network import wifi_password_name
from provisioning.remarks import KeyPath
from provisioning.secret_names import TURN_PASSWORD, sip_password_names


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that stands in a configuration.

    Attributes:
        name: what the handset knows it by.
        path: where it stands.
        value: it.
    """

    name: str
    path: KeyPath
    value: str = field(repr=False)


def read_secrets(text: str) -> dict[str, str]:
    """Read `secrets.toml`: one line for each, as in `sip-password = "..."`.

    Raises:
        ProvisioningError: it is something else.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The reason has the place; it quotes one character at most.
        raise ProvisioningError(f"The secrets are not valid TOML: {error}.") from None
    if odd := sorted(name for name, value in found.items() if not isinstance(value, str)):
        raise ProvisioningError(f'Each secret is a line like sip-password = "..."; {", ".join(odd)}: not text.')
    return found


def write_secrets(secrets: Mapping[str, str]) -> str:
    """Write what `read_secrets` reads."""
    document = tomlkit.document()
    document.add(tomlkit.comment("What is sealed into bundles. It stays on this computer; keep it to yourself."))
    for name, value in sorted(secrets.items()):
        document.add(name, tomlkit.item(value))
    return tomlkit.dumps(document)


def secrets_in(raw: Mapping[str, Any]) -> Iterator[Secret]:
    """Yield the secrets of a configuration that has no mistakes, from what its TOML says."""
    accounts = raw.get("accounts", [])
    default = next((number for number, account in enumerate(accounts) if account.get("default") is True), 0)
    for number, account in enumerate(accounts):
        if account.get("password"):
            own = Account.model_validate(account).identifier
            names = sip_password_names(own, is_default=number == default)
            yield Secret(names[0], ("accounts", number, "password"), account["password"])
    if password := raw.get("nat", {}).get("turn_password"):
        yield Secret(TURN_PASSWORD, ("nat", "turn_password"), password)
    for number, network in enumerate(raw.get("network", {}).get("wifi", [])):
        if network.get("password"):
            yield Secret(wifi_password_name(number + 1), ("network", "wifi", number, "password"), network["password"])
