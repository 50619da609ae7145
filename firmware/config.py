"""Reads the active configuration; a file with mistakes never disables a phone that once worked."""

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from firmware.cancelled_mark import is_cancelled
from firmware.contradictions import contradictions, mistakes_in_patterns
from firmware.durable import replace_durably
from firmware.errors import ConfigurationError
from firmware.phone.dial_plan import DialPlan, Rewrite
from firmware.phone.digit_map import Alternative
from provisioning.accounts import Account
from provisioning.errors import ProvisioningError
from provisioning.schema import Configuration, parse_configuration

_log = logging.getLogger(__name__)

LAST_GOOD_NAME = "configuration.last-good.toml"
_CANCELLED = "The account was cancelled. The phone works again with a new configuration."


@dataclass(frozen=True, slots=True)
class LoadedConfiguration:
    """What the handset runs with.

    Attributes:
        configuration: the valid configuration, None where there is none at all (the handset is unprovisioned).
        mistakes: what is wrong with the file that should have been used, each a sentence with its place.
        from_last_good: the file has mistakes and the last good one runs in its place.
        text: what the configuration was read from.
        cancelled: there is a configuration, but its account was cancelled here, so it is not used.
    """

    configuration: Configuration | None
    mistakes: tuple[str, ...] = ()
    from_last_good: bool = False
    text: str = field(default="", repr=False)
    cancelled: bool = False


def load(path: Path, state_dir: Path) -> LoadedConfiguration:
    """Read the configuration at `path`, or fall back on the copy of the last one that was valid."""
    try:
        text, configuration = _read(path)
    except ConfigurationError as error:
        mistakes = error.mistakes
        _log.warning("The configuration cannot be used: %d mistake(s); run `wecall doctor` to list them", len(mistakes))
        try:
            text, configuration = _read(state_dir / LAST_GOOD_NAME)
        except ConfigurationError:
            return LoadedConfiguration(None, mistakes)
        if is_cancelled(state_dir, text):
            return LoadedConfiguration(None, (_CANCELLED, *mistakes), cancelled=True)
        return LoadedConfiguration(configuration, mistakes, from_last_good=True, text=text)
    if is_cancelled(state_dir, text):
        _log.warning("The account of this configuration was cancelled here, so the phone waits for another one")
        return LoadedConfiguration(None, (_CANCELLED,), cancelled=True)
    _keep_as_last_good(text, state_dir)
    return LoadedConfiguration(configuration, text=text)


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
    try:
        configuration = parse_configuration(text)
    except ProvisioningError as error:
        raise ConfigurationError(str(error), error.mistakes) from error
    mistakes = mistakes_in_patterns(configuration) or contradictions(configuration, dial_plan(configuration))
    if mistakes:
        count = len(mistakes)
        raise ConfigurationError(f"The configuration has {count} mistake{'s' if count > 1 else ''}.", mistakes)
    return text, configuration


def dial_plan(configuration: Configuration) -> DialPlan:
    """Build the dial plan that a configuration describes.

    Raises:
        DialPlanError: an alternative of the digit map, or the pattern of a rule, is not one.
    """
    default, *others = configuration.accounts
    return DialPlan.build(
        country=configuration.device.country,
        domain=default.domain,
        digit_map=configuration.dialing.digit_map,
        emergency_numbers=configuration.dialing.emergency_numbers,
        international_prefix=configuration.dialing.international_prefix,
        rewrites=[
            Rewrite(
                Alternative.parse(rule.pattern),
                rule.strip,
                rule.prepend,
                "" if rule.account == default.identifier else rule.account,
            )
            for rule in configuration.dialing.rewrite
        ],
        barred=configuration.dialing.barred,
        own_numbers=[account.username for account in configuration.accounts],
        known_numbers=[default.voicemail_number] if default.voicemail_number else [],
        domains={account.identifier: account.domain for account in others},
    )


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
