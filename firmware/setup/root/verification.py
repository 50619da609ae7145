"""Checks again what the handset has checked: whoever has broken into that gets nothing unsigned by root."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from contract.results import OutcomeCode
from firmware.base.proven_time import ProvenTime
from firmware.setup.root.record import Record
from firmware.setup.site_key import NAME, site_keys
from provisioning.bundle import Bundle, open_bundle
from provisioning.errors import ProvisioningError, refuse
from provisioning.parsing import parse_configuration
from provisioning.schema import Configuration
from provisioning.trust import Kind, TrustedKey

CONFIGURATION: Final = "config.toml"


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that root takes.

    Attributes:
        text: of the configuration that it has in force.
    """

    bundle: Bundle
    text: str
    configuration: Configuration


class Verifier:
    """Knows whose bundles count, and for which machine.

    Args:
        written: the configuration that whoever has root may have written by hand; its [trust] and its fleet count until
            a bundle has brought others. Beside it may be the site's key.
        serial: returns the machine's.
        time: knows the time that there is proof of; what the handset knows of it is not believed here.
    """

    def __init__(self, written: Path, serial: Callable[[], str], time: ProvenTime) -> None:
        self._written = written
        self._serial = serial
        self._time = time

    def note_clock(self) -> None:
        """Remember what the clock shows, if a time service keeps it right."""
        self._time.note_clock()

    def forget_time(self) -> None:
        """Forget what was signed and what the clock has shown.

        Raises:
            OSError: the disk is read-only or broken.
        """
        self._time.forget()

    def verify(self, record: Record, number: int, file: BinaryIO) -> Verified:
        """Check a bundle in a file that nobody else can write to.

        The very first signer is trusted on first use, where no key was written down and none is on the card: a person
        has compared the words on the display.

        Raises:
            BundleRefusedError: with the reason.
        """
        pins, fleet, is_first = self._trusted(record)
        bundle = open_bundle(file, pins or None)
        bundle.manifest.check_scope(self._serial(), fleet)
        self.note_clock()
        now = self._time.read()
        bundle.manifest.check_time(now.at_least_s, synced=now.synced)
        bundle.manifest.check_number(record.newest, record.reverted)
        if bundle.manifest.number != number:
            refuse(OutcomeCode.UNREADABLE, f"This is bundle {bundle.manifest.number}, and not {number}.")
        bundle.check_firmware()
        verified = _read(bundle, record)
        if is_first:
            bundle.check_signer(verified.configuration.trust.keys)
        self._time.note_signed(bundle.manifest.issued_at.timestamp())
        return verified

    def _trusted(self, record: Record) -> tuple[tuple[TrustedKey, ...], str | None, bool]:
        """Return who may sign, for which fleet, and whether nobody has said yet whom a configuration trusts."""
        if record.pins:
            return record.pins, record.fleet, False
        try:
            written = parse_configuration(self._written.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ProvisioningError):
            return site_keys(self._written.parent / NAME), None, True
        if written.trust.has_key_for(Kind.BUNDLE):
            return written.trust.keys, written.device.fleet, False
        return (), None, True


def _read(bundle: Bundle, record: Record) -> Verified:
    """Return a bundle with the configuration in it, or with the one that it leaves in force."""
    if CONFIGURATION in bundle.names:
        try:
            text = bundle.read(CONFIGURATION).decode()
        except UnicodeDecodeError:
            refuse(OutcomeCode.MISTAKES, f"{CONFIGURATION} in this bundle is not UTF-8 text.")
    elif record.active is not None:
        text = record.active.configuration
    else:
        refuse(OutcomeCode.MISTAKES, f"There is no {CONFIGURATION} in this bundle, and none of an earlier one.")
    try:
        configuration = parse_configuration(text)
    except ProvisioningError as error:
        refuse(OutcomeCode.MISTAKES, f"The configuration in this bundle has {len(error.mistakes)} mistakes.")
    if configuration.device.fleet != bundle.manifest.fleet:
        refuse(OutcomeCode.MISTAKES, f"The configuration of this bundle is not for the fleet {bundle.manifest.fleet}.")
    if not configuration.trust.has_key_for(Kind.BUNDLE):
        refuse(OutcomeCode.LOCKED_OUT, "The configuration in this bundle trusts no key with bundles.")
    return Verified(bundle, text, configuration)
