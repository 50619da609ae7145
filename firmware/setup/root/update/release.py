"""What root demands of a release before RAUC writes a byte of it: by keys and numbers that root alone has."""

import base64
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from packaging.version import InvalidVersion, Version

from contract.results import OutcomeCode
from firmware.base.proven_time import ProvenTime
from firmware.setup.root.machine import Machine
from firmware.setup.root.record import read_record
from firmware.setup.root.update.card import Card
from firmware.setup.root.update.memory import Memory
from firmware.setup.root.update.rauc import BundleFacts, UpdateRefusedError, refuse_update
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.release_keys import ReleaseKeys, fingerprint, read_release_keys
from provisioning.schema import Configuration
from provisioning.signed import DocumentRefusedError, verify
from provisioning.transparency import LogPolicy, check_proof, read_submitter_keys, release_statement
from provisioning.trust import Kind
from provisioning.update import UpdateBundle, UpdateContent
from provisioning.updates import Updates

_log = logging.getLogger(__name__)

_RELEASE: Final = "usr/share/wecall/release"
"""Where the image's build puts the root key, the list of release keys that it came with, and the log's policy."""

Prove = Callable[[str, BundleFacts], None]
"""Checks that a log has a release; raises `DocumentRefusedError` where the proof does not show it."""


class ReleaseTrust:
    """Whose bundles RAUC takes: the certificates of the newest signed list.

    Args:
        machine: has the image's own list and the key that signs lists.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._folder = machine.root / _RELEASE
        self._keyring = machine.root / "run/wecall-update/keyring.pem"

    def newest(self, memory: Memory) -> ReleaseKeys:
        """Return the list that counts.

        Raises:
            UpdateRefusedError: there is none that can be read.
        """
        try:
            return self._read(base64.b64decode(memory.release_keys))
        except (OSError, ValueError, ProvisioningError):
            refuse_update(
                OutcomeCode.UNKNOWN_KEY, "This card has no list of release keys. Write it anew from an image."
            )

    def with_own(self, memory: Memory) -> Memory:
        """Return what is to be remembered where the image that runs came with a newer list; others stay as they are."""
        try:
            return self.with_list(memory, (self._folder / "release-keys").read_bytes())
        except (OSError, ValueError, UpdateRefusedError, DocumentRefusedError) as error:
            _log.error("The image's own list of release keys is not taken: %s", error)
            return memory

    def with_list(self, memory: Memory, content: bytes) -> Memory:
        """Return what is to be remembered once a list has come; one that is not newer changes nothing.

        What waits in the other slot does so by the list of before. Nobody has noted which of its certificates signed
        it, so it is given up where the new list takes any of them back, or has a floor above it.

        Raises:
            DocumentRefusedError: it is not signed as it should be, or cannot be read.
            OSError, ValueError: the key that signs lists cannot be read.
        """
        found = self._read(content)
        if found.number <= memory.keys_number:
            return memory
        kept = {"release_keys": base64.b64encode(content).decode(), "keys_number": found.number}
        newer = memory.model_copy(update=kept).raised(found.security_floor)
        if memory.waiting is None:
            return newer
        if not found.is_above_floor(memory.waiting.version):
            return newer.given_up(OutcomeCode.BELOW_FLOOR)
        try:
            still_trusted = set(self.newest(memory).trusted) <= set(found.trusted)
        except UpdateRefusedError:
            still_trusted = False
        return newer if still_trusted else newer.given_up(OutcomeCode.KEY_REVOKED)

    def write_keyring(self, memory: Memory) -> None:
        """Have RAUC trust the certificates of the newest list that are not revoked, and no others.

        Raises:
            UpdateRefusedError: no list can be read.
            OSError: the folder in memory is full.
        """
        self._write(self.newest(memory).keyring())

    def write_revoked(self, memory: Memory) -> bool:
        """Have RAUC trust, for one look, those alone that were taken back; return whether any is known.

        Raises:
            UpdateRefusedError, OSError: as for `write_keyring`.
        """
        keys = self.newest(memory)
        known = {*keys.certificates}
        with suppress(OSError, ValueError, ProvisioningError):
            known.update(self._read((self._folder / "release-keys").read_bytes()).certificates)
        revoked = [
            pem for pem in sorted(known) if fingerprint(x509.load_pem_x509_certificate(pem.encode())) in keys.revoked
        ]
        self._write("".join(revoked))
        return bool(revoked)

    def forget_keyring(self) -> None:
        """Have RAUC trust nobody until the next update."""
        self._keyring.unlink(missing_ok=True)

    def _read(self, content: bytes) -> ReleaseKeys:
        return read_release_keys(content, (self._folder / "root.pub").read_text(encoding="ascii"))

    def _write(self, certificates: str) -> None:
        draft = self._keyring.with_name(".keyring.new")
        draft.write_text(certificates, encoding="ascii")
        draft.replace(self._keyring)


class LogProof:
    """What shows that a transparency log has a release, checked by the policy that the image came with.

    Args:
        machine: has the policy and the keys of those who log releases.
    """

    def __init__(self, machine: Machine) -> None:
        self._folder = machine.root / _RELEASE

    def __call__(self, proof: str, facts: BundleFacts) -> None:
        """Check a proof.

        Raises:
            DocumentRefusedError: it does not show that.
            UpdateRefusedError: this image came without a policy.
        """
        try:
            policy = LogPolicy.read((self._folder / "log-policy").read_text(encoding="utf-8"))
            submitters = read_submitter_keys((self._folder / "log-submitters").read_text(encoding="utf-8"))
        except (OSError, ValueError, ProvisioningError):
            refuse_update(
                OutcomeCode.NO_PROOF,
                "This image knows no log, so no release is shown to be in it. Take require_proof out.",
            )
        check_proof(
            proof, release_statement(facts.version, facts.compatible, facts.manifest_sha256), submitters, policy
        )


@dataclass(frozen=True, slots=True)
class Demands:
    """What the configuration in force says of updates.

    Attributes:
        bandwidth_kbit: kilobits a second that a download may take.
        require_proof: a release must be shown to stand in the log.
    """

    bandwidth_kbit: int
    require_proof: bool


@dataclass(frozen=True, slots=True)
class Announced:
    """What the operator has signed of a release, for this hardware."""

    number: int
    version: str
    bundle: UpdateBundle
    authority: str
    release_keys: str


class Announcements:
    """Reads the operator's documents by the keys of the newest bundle that root itself has verified.

    Args:
        machine: the machine.
        time: knows the time that there is proof of.
    """

    def __init__(self, machine: Machine, time: ProvenTime) -> None:
        self._machine = machine
        self._time = time

    def demands(self) -> Demands:
        """Return what the configuration in force says of updates.

        Where that cannot be read, an image that knows a log wants proof: its operator may have said so.
        """
        if (configuration := self._configuration()) is not None:
            return Demands(configuration.updates.bandwidth_kbit, configuration.updates.require_proof)
        is_damaged = self._machine.configuration.exists() or read_record(self._machine.state).active is not None
        knows_log = (self._machine.root / _RELEASE / "log-policy").exists()
        return Demands(Updates().bandwidth_kbit, is_damaged and knows_log)

    def read(self, memory: Memory, document: bytes, compatible: str) -> Announced:
        """Return what a document announces.

        When it may be installed at the earliest is the handset's to keep: it is no question of who may do what.

        Raises:
            DocumentRefusedError: with the reason.
            RecordError: what root remembers of bundles cannot be read.
        """
        configuration = self._configuration()
        pins = read_record(self._machine.state).pins or (configuration.trust.keys if configuration is not None else ())
        statement = verify(document, Kind.UPDATE, pins)
        if configuration is not None:
            statement.check_scope(configuration.device.fleet, configuration.device.id)
        now = self._time.read()
        statement.check_time(now.at_least_s, synced=now.synced)
        if statement.number < memory.number:
            raise DocumentRefusedError(OutcomeCode.OLD, "A newer document has announced another release.")
        try:
            content = UpdateContent.model_validate(statement.content)
        except ValueError:
            raise DocumentRefusedError(
                OutcomeCode.UNREADABLE, "The document announces no update that this firmware understands."
            ) from None
        bundle = content.bundle_for(compatible)
        return Announced(statement.number, content.version, bundle, content.authority, content.release_keys)

    def _configuration(self) -> Configuration | None:
        """Return the configuration of the bundle in force, or the one that whoever has root has written."""
        active = read_record(self._machine.state).active
        try:
            if active is not None:
                return parse_configuration(active.configuration)
            return parse_configuration(self._machine.configuration.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ProvisioningError):
            return None


def check_release(facts: BundleFacts, card: Card, memory: Memory, announced: Announced | None) -> None:
    """Refuse a bundle that RAUC would take.

    Raises:
        UpdateRefusedError: with the reason.
    """
    if facts.compatible != card.compatible:
        refuse_update(OutcomeCode.NOT_FOR_THIS, f"The update is for other hardware; this is {card.compatible}.")
    if announced is not None and (facts.manifest_sha256, facts.version) != (
        announced.bundle.manifest_sha256,
        announced.version,
    ):
        refuse_update(OutcomeCode.WRONG_HASH, "The server has another release than the operator announced.")
    try:
        version = Version(facts.version)
        if memory.floor and version < Version(memory.floor):
            refuse_update(
                OutcomeCode.BELOW_FLOOR, f"The update is below {memory.floor}, the lowest version that is safe."
            )
        if version <= Version(card.version):
            refuse_update(OutcomeCode.NOT_NEWER, f"The update is not newer than {card.version}, which runs.")
        if memory.failed and version <= Version(memory.failed):
            refuse_update(OutcomeCode.WENT_BACK, f"{memory.failed} did not work on this phone. Build a higher version.")
    except InvalidVersion:
        refuse_update(OutcomeCode.UNREADABLE, "The update has no version as releases have it. Build it anew.")
