"""A bundle's configuration beside its files: paths in it are relative to the bundle, and passwords lie apart."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from pydantic import SecretStr

from provisioning.schema import Configuration


def place(configuration: Configuration, folder: Path) -> Configuration:
    """Return the configuration with the paths that it has once its bundle lies unpacked in a folder."""
    accounts = tuple(
        account.model_copy(update={"tls_ca": _placed(account.tls_ca, folder)}) for account in configuration.accounts
    )
    changes: dict[str, object] = {"accounts": accounts}
    if (sync := configuration.sync) is not None:
        paths = {name: _placed(getattr(sync, name), folder) for name in ("ca", "certificate", "key")}
        changes["sync"] = sync.model_copy(update=paths)
    tone = _placed(configuration.ringer.tone, folder)
    changes["ringer"] = configuration.ringer.model_copy(update={"tone": tone})
    return configuration.model_copy(update=changes)


def missing_files(configuration: Configuration, names: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for each file that the configuration names and the bundle does not have."""
    return tuple(
        f"{at}: {path} is not in the bundle."
        for at, path in _named(configuration)
        if not path.is_absolute() and str(PurePosixPath(path)) not in names
    )


def fill_in(configuration: Configuration, secrets: Mapping[str, str]) -> Configuration:
    """Return the configuration with the passwords that were sealed; they have the names of systemd credentials."""
    accounts = []
    for index, account in enumerate(configuration.accounts):
        names = [f"sip-password-{account.identifier}", *(["sip-password"] if index == 0 else [])]
        accounts.append(account.model_copy(update={"password": _first(secrets, names, account.password)}))
    nat = configuration.nat
    relay = nat.model_copy(update={"turn_password": _first(secrets, ["turn-password"], nat.turn_password)})
    return configuration.model_copy(update={"accounts": tuple(accounts), "nat": relay})


def wanted_secrets(configuration: Configuration, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the names of the passwords that are neither in the configuration nor a systemd credential."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    wanted = []
    for index, account in enumerate(configuration.accounts):
        names = [f"sip-password-{account.identifier}", *(["sip-password"] if index == 0 else [])]
        if (
            not account.direct
            and account.password is None
            and not any(folder and Path(folder, name).exists() for name in names)
        ):
            wanted.append(names[-1])
    return tuple(wanted)


def with_own_key(configuration: Configuration, broker_key: Path) -> Configuration:
    """Return the configuration with the handset's own key where it has a certificate for the broker and no key."""
    sync = configuration.sync
    if sync is None or sync.certificate is None or sync.key is not None:
        return configuration
    return configuration.model_copy(update={"sync": sync.model_copy(update={"key": broker_key})})


def _named(configuration: Configuration) -> Iterator[tuple[str, Path]]:
    for number, account in enumerate(configuration.accounts, start=1):
        if account.tls_ca is not None:
            yield f"accounts[{number}].tls_ca", account.tls_ca
    if configuration.sync is not None:
        for name in ("ca", "certificate", "key"):
            if (path := getattr(configuration.sync, name)) is not None:
                yield f"sync.{name}", path
    if configuration.ringer.tone is not None:
        yield "ringer.tone", configuration.ringer.tone


def _placed(path: Path | None, folder: Path) -> Path | None:
    # A path of its own stays: the root of `/` takes the folder's place.
    return None if path is None else folder / path


def _first(secrets: Mapping[str, str], names: list[str], otherwise: SecretStr | None) -> SecretStr | None:
    return next((SecretStr(secrets[name]) for name in names if name in secrets), otherwise)
