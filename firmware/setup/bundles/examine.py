"""Looks at a whole bundle: whether it may be taken here, and what it would make of the handset."""

import io
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, NoReturn

from contract.results import OutcomeCode
from firmware.base.errors import ConfigurationError
from firmware.configuration.config_store import CONFIGURATION_NAME
from firmware.configuration.files import fill_in, missing_files, wanted_secrets
from firmware.configuration.loading import check_configuration
from firmware.setup.bundles.identity import DeviceIdentity
from provisioning.bundle import Bundle
from provisioning.errors import BundleRefusedError, refuse
from provisioning.ring_tone import RING_TONES, read_ring_tone
from provisioning.schema import Configuration
from provisioning.sealing import unseal_with_key
from provisioning.trust import Kind

_CERTIFICATES: Final = "certificates"


@dataclass(frozen=True, slots=True)
class Found:
    """A bundle's configuration.

    Attributes:
        text: of the file.
        configuration: without the passwords that are sealed, and with paths as they stand in it.
        files: what the configuration needs beside itself, certificates and its ring tone, by path.
    """

    text: bytes = field(repr=False)
    configuration: Configuration
    files: dict[str, bytes] = field(repr=False)


def read_configuration(bundle: Bundle) -> Found:
    """Read a bundle's configuration, and refuse one that would leave the handset worse off.

    Raises:
        BundleRefusedError: it has none, or one with mistakes, or after it no bundle could be taken any more.
    """
    if CONFIGURATION_NAME not in bundle.names:
        refuse(OutcomeCode.MISTAKES, f"There is no {CONFIGURATION_NAME} in this bundle.")
    text = bundle.read(CONFIGURATION_NAME)
    try:
        configuration = check_configuration(text.decode())
    except UnicodeDecodeError:
        refuse(OutcomeCode.MISTAKES, f"{CONFIGURATION_NAME} in this bundle is not UTF-8 text.")
    except ConfigurationError as error:
        raise BundleRefusedError(OutcomeCode.MISTAKES, str(error), error.mistakes) from error
    if mistakes := missing_files(configuration, bundle.names):
        raise BundleRefusedError(OutcomeCode.MISTAKES, "The configuration names files that are missing.", mistakes)
    if configuration.device.fleet != bundle.manifest.fleet:
        refuse(
            OutcomeCode.MISTAKES,
            f"This bundle is for the fleet {bundle.manifest.fleet}, and its configuration for the fleet "
            f"{configuration.device.fleet}.",
        )
    if not configuration.trust.has_key_for(Kind.BUNDLE):
        refuse(
            OutcomeCode.LOCKED_OUT,
            'The configuration in this bundle trusts no key that signs "bundle": no later one could be taken.',
        )
    files = {name: bundle.read(name) for name in bundle.within(_CERTIFICATES)}
    return Found(text, configuration, files | _ring_tone(configuration, bundle))


def _ring_tone(configuration: Configuration, bundle: Bundle) -> dict[str, bytes]:
    """Read the ring tone that the configuration names in the bundle."""
    path = configuration.ringer.tone
    if path is None or path.is_absolute():
        return {}
    name = str(PurePosixPath(path))
    if name not in bundle.within(RING_TONES):
        _refuse_tone(f"{name} is no ring tone; those lie in {RING_TONES}/")
    content = bundle.read(name)
    try:
        read_ring_tone(io.BytesIO(content))
    except ValueError as error:
        _refuse_tone(f"{name}: {error}")
    return {name: content}


def _refuse_tone(reason: str) -> NoReturn:
    mistakes = (f"ringer.tone: {reason}.",)
    raise BundleRefusedError(OutcomeCode.MISTAKES, "The ring tone in this bundle cannot be played.", mistakes)


def own_secrets(bundle: Bundle, identity: DeviceIdentity) -> dict[str, str] | None:
    """Return what is sealed to this handset's key; None where nothing is.

    Raises:
        BundleRefusedError: it does not open.
    """
    name = f"sealed/{identity.serial}"
    if name not in bundle.names:
        return None
    return unseal_with_key(bundle.read(name), identity.sealing_key, serial=identity.serial)


def check_secrets(configuration: Configuration, secrets: dict[str, str]) -> None:
    """Refuse a configuration whose accounts have no passwords.

    Raises:
        BundleRefusedError: some are neither in the bundle nor on the handset.
    """
    wanted = wanted_secrets(fill_in(configuration, secrets))
    if wanted:
        refuse(
            OutcomeCode.NO_SECRETS,
            f"Passwords are missing: {', '.join(wanted)}. Seal them to this handset's identity, or to a code.",
        )
