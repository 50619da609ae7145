"""Reads the active configuration; a file with mistakes never disables a phone that once worked.

Two files beside the store change what it means: the mark that a cancelled account leaves, by which this phone registers
no more with that configuration, and the country that somebody has chosen on the handset, because the configuration says
none. The country is about where the handset stands, and SIP needs it before the store is open. A factory reset takes it
away: the next holder may be somewhere else.
"""

import hashlib
import logging
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from contract.results import BundleResult, CheckCode, CheckName
from firmware.base.durable import replace_durably
from firmware.base.errors import BundleError, ConfigurationError, StorageError
from firmware.configuration.config_store import BROKER_KEY, CONFIGURATION_NAME, SECRETS_NAME, ConfigStore
from firmware.configuration.contradictions import contradictions
from firmware.configuration.files import fill_in, place, with_own_key
from firmware.configuration.standing import Candidate, Ended
from provisioning.accounts import Account
from provisioning.countries import COUNTRY_CODES
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.remarks import counted
from provisioning.report import Check
from provisioning.schema import Configuration
from provisioning.serial import serial

_log = logging.getLogger(__name__)

LAST_GOOD_NAME = "configuration.last-good.toml"
_CANCELLED = "The account was cancelled. The phone works again with a new configuration."
CANCELLED_NAME: Final = "cancelled"
COUNTRY_NAME: Final = "country"
_MOST_COUNTRY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class LoadedConfiguration:
    """What the handset runs with.

    Attributes:
        configuration: the valid configuration, None where there is none at all (the handset is unprovisioned).
        mistakes: what is wrong with what should have been used, each a sentence with its place.
        from_last_good: that has mistakes and the last good one runs in its place.
        text: what the configuration was read from.
        cancelled: there is a configuration, but its account was cancelled here, so it is not used.
        installed: the configuration, also where it is not used because its account was cancelled.
        number: of the bundle that brought it; None where it is a file of the machine's.
        chosen_country: the country that was chosen on the display, since this configuration says none, and that it is
            taken to say; empty while none was chosen, None where the configuration says one.
        trial: what this run of the handset is to try; None where the configuration counts already.
    """

    configuration: Configuration | None
    mistakes: tuple[str, ...] = ()
    from_last_good: bool = False
    text: str = field(default="", repr=False)
    cancelled: bool = False
    installed: Configuration | None = None
    number: int | None = None
    chosen_country: str | None = None
    trial: Candidate | None = None


def load(path: Path, state_dir: Path) -> LoadedConfiguration:
    """Read what is to be tried, else what a bundle brought, else the file at `path` or its last good copy."""
    config_store = ConfigStore(state_dir)
    loaded = _load_trial(config_store) or _load_kept(config_store)
    if loaded.configuration is None:
        from_file = _load_file(path, state_dir)
        loaded = replace(from_file, mistakes=(*loaded.mistakes, *from_file.mistakes))
    if (configuration := loaded.configuration) is not None and configuration.device.country is None:
        loaded = replace(loaded, chosen_country=(chosen := read_country(state_dir)))
        if chosen:
            loaded = replace(loaded, configuration=in_country(configuration, chosen))
    loaded = replace(loaded, installed=loaded.configuration)
    if is_cancelled(state_dir, loaded.text):
        _log.warning("The account of this configuration was cancelled here, so the phone waits for another one")
        return replace(loaded, configuration=None, mistakes=(_CANCELLED, *loaded.mistakes), cancelled=True)
    return loaded


def _load_trial(config_store: ConfigStore) -> LoadedConfiguration | None:
    """Read what this run is to try; one that cannot even be started with is given up."""
    try:
        trial = config_store.take_up_trial()
        if trial is not None:
            try:
                return replace(_read_folder(config_store, trial.number), trial=trial)
            except ConfigurationError as error:
                _log.error("Bundle %d cannot be tried: %s", trial.number, error)
        if (trial := config_store.standing.trial) is not None:
            _log.error("The handset did not get on with bundle %d, and goes back", trial.number)
            failed = Check(name=CheckName.START, passed=False, code=CheckCode.FAILED)
            config_store.end(
                Ended.of(trial, BundleResult.REVERTED, CheckName.START, checks=(failed,), at_s=time.time())
            )
    except OSError as error:
        # What counts is what is safe to run with where nothing can be written.
        _log.error("No bundle can be tried: %s", error.strerror)
    return None


def _load_kept(config_store: ConfigStore) -> LoadedConfiguration:
    """Read what a bundle brought that counts, or else the newest from before it that can be read."""
    standing = config_store.standing
    mistakes: tuple[str, ...] = ()
    for kept in reversed(standing.kept if standing.active is not None else ()):
        try:
            loaded = _read_folder(config_store, kept.number)
        except ConfigurationError as error:
            _log.error("The configuration of bundle %d cannot be used: %s", kept.number, error)
            mistakes += error.mistakes
        else:
            return replace(loaded, mistakes=mistakes, from_last_good=bool(mistakes))
    return LoadedConfiguration(None, mistakes)


def _load_file(path: Path, state_dir: Path) -> LoadedConfiguration:
    own_key = ConfigStore(state_dir).folder / BROKER_KEY
    try:
        text, configuration = _read(path)
    except ConfigurationError as error:
        mistakes = error.mistakes
        _log.warning("The configuration cannot be used: %d mistake(s); run `wecall doctor` to list them", len(mistakes))
        try:
            text, configuration = _read(state_dir / LAST_GOOD_NAME)
        except ConfigurationError:
            return LoadedConfiguration(None, mistakes)
        return LoadedConfiguration(with_own_key(configuration, own_key), mistakes, from_last_good=True, text=text)
    if not is_cancelled(state_dir, text):
        _keep_as_last_good(text, state_dir)
    return LoadedConfiguration(with_own_key(configuration, own_key), text=text)


def _read_folder(config_store: ConfigStore, number: int) -> LoadedConfiguration:
    """Read the configuration that a bundle brought, with its passwords and with the paths that its files have here."""
    folder = config_store.folder_of(number)
    text, configuration = _read(folder / CONFIGURATION_NAME)
    secrets: Mapping[str, str] = {}
    if (folder / SECRETS_NAME).exists():
        from firmware.configuration.sealed import read_own  # noqa: PLC0415 - cryptography is wanted where there are passwords

        try:
            secrets = read_own(folder, config_store.folder, serial())
        except BundleError as error:
            raise ConfigurationError("The passwords cannot be opened.", (str(error),)) from error
    configuration = with_own_key(place(fill_in(configuration, secrets), folder), config_store.folder / BROKER_KEY)
    # The same text in another bundle is another configuration: with it a cancelled account begins anew.
    return LoadedConfiguration(configuration, text=f"# bundle {number}\n{text}", number=number)


def _read(path: Path) -> tuple[str, Configuration]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError("No configuration.", (f"There is no configuration at {path}.",)) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            "Unreadable configuration.", (f"The configuration at {path} cannot be read: {reason}.",)
        ) from error
    return text, check_configuration(text)


def check_configuration(text: str) -> Configuration:
    """Read a configuration and look for all that a handset could not work with.

    Raises:
        ConfigurationError: with every mistake at once.
    """
    with suppress(ProvisioningError):
        configuration = parse_configuration(text)
        if not contradictions(configuration):
            return configuration
    # What tells all that is wrong, and where, is loaded only where something is.
    from firmware.configuration.inspection import inspect_configuration  # noqa: PLC0415
    from provisioning.risks import NO_COUNTRY  # noqa: PLC0415

    found = inspect_configuration(text).mistakes
    # This one keeps nobody from using it, and the display asks.
    mistakes = tuple(remark.sentence for remark in found if remark.text != NO_COUNTRY.text)
    raise ConfigurationError(f"The configuration has {counted(len(mistakes), 'mistake')}.", mistakes)


def sip_password(account: Account, environment: Mapping[str, str] = os.environ, *, is_default: bool = True) -> str:
    """Return the account's password: the systemd credential for it if there is one, else the file's."""
    names = [f"sip-password-{account.identifier}", *(["sip-password"] if is_default else [])]
    return secret(names, account.password, environment)


def secret(names: Iterable[str], from_file: SecretStr | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the first systemd credential of these names that there is, else what the configuration has."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    for name in names if folder else ():
        try:
            return Path(folder or "", name).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            _log.error("The credential %s cannot be read: %s", name, type(error).__name__)
    return from_file.get_secret_value() if from_file else ""


def _keep_as_last_good(text: str, state_dir: Path) -> None:
    target = state_dir / LAST_GOOD_NAME
    try:
        if target.exists() and target.read_text(encoding="utf-8") == text:
            return
        replace_durably(target, text.encode())
    except OSError as error:
        # A full or read-only disk must not keep a phone with a good configuration from working.
        _log.warning("The configuration works but no copy of it could be kept: %s", error.strerror)


def mark_cancelled(state_dir: Path, text: str) -> None:
    """Let a configuration, given by its text, not be used here any more.

    Raises:
        OSError: the card cannot be written.
    """
    replace_durably(state_dir / CANCELLED_NAME, _digest(text).encode())


def is_cancelled(state_dir: Path, text: str) -> bool:
    """Tell whether the account of this configuration was cancelled here; any other configuration counts again."""
    try:
        return (state_dir / CANCELLED_NAME).read_text(encoding="ascii").strip() == _digest(text)
    except (OSError, UnicodeDecodeError):
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_country(state_dir: Path) -> str:
    """Return the code of the country that was chosen, empty where none was or where the file holds none."""
    path = state_dir / COUNTRY_NAME
    text = ""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_COUNTRY_BYTES).decode("ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        _log.warning("The chosen country in %s cannot be read: %s. The phone asks again.", path, type(error).__name__)
        return ""
    if text not in COUNTRY_CODES:
        _log.warning("What is in %s is no country's code. The phone asks again.", path)
        return ""
    return text


def keep_country(state_dir: Path, code: str) -> None:
    """Keep what was chosen; on the disk when this returns.

    Raises:
        StorageError: there is no such country, or it cannot be written.
    """
    if code not in COUNTRY_CODES:
        raise StorageError("There is no country of this code, so none was kept. Choose another one.")
    try:
        replace_durably(state_dir / COUNTRY_NAME, f"{code}\n".encode())
    except OSError as error:
        raise StorageError(f"The country cannot be kept in {state_dir}: {error.strerror}.") from error


def in_country(configuration: Configuration, code: str) -> Configuration:
    """Return a configuration that says no country as if it said this one."""
    return configuration.model_copy(update={"device": configuration.device.model_copy(update={"country": code})})
