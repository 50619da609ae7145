"""What an operator publishes: a file whose signature holds, and the handsets that it is for."""

import hashlib
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from contract.downlink import MOST_BYTES
from fleet.errors import FleetError
from fleet.publications import Publication, PublicationKind
from provisioning.bundle import open_bundle
from provisioning.documents import PolicyDocument, read_content
from provisioning.errors import ProvisioningError
from provisioning.examination import trusted_keys as keys_of_configuration
from provisioning.signed import DocumentKind, kind_of, verify
from provisioning.trust import Kind, TrustedKey
from provisioning.update import UpdateContent

_DOCUMENTS: Final[dict[PublicationKind, DocumentKind]] = {
    PublicationKind.POLICY: Kind.POLICY,
    PublicationKind.NOTICE: Kind.NOTICE,
    PublicationKind.ANSWER: Kind.ANSWER,
    PublicationKind.UPDATE: Kind.UPDATE,
}


class Published(Protocol):
    """What a roll-out brings: one message for all of its handsets, or to each its own."""

    @property
    def kind(self) -> PublicationKind: ...
    @property
    def name(self) -> str: ...
    @property
    def fleet(self) -> str: ...
    @property
    def message(self) -> str:
        """SHA-256 in hexadecimal, by which the roll-out is found again."""
        ...

    @property
    def messages(self) -> dict[str, str]:
        """The SHA-256 of each handset's own, by device id; none where one is for all."""
        ...

    @property
    def size_bytes(self) -> int:
        """Of one message; of the largest, where they differ."""
        ...

    def file_of(self, device: str) -> str:
        """Return what a handset's own is called; "" where one is for all."""
        ...

    def payload_of(self, device: str) -> bytes:
        """Return what a handset gets.

        Raises:
            FleetError: it cannot be had any more.
        """
        ...

    def publication_of(self, device: str, of_all: Publication) -> Publication:
        """Return what the fleet is told of what a handset gets; `of_all` is what the roll-out is called."""
        ...


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A message as handsets get it.

    Attributes:
        kind: what it is.
        name: what people call it: a policy's or an update's version, or the number of another kind.
        fleet: the handsets that it is for.
        devices: only these of them, by device id; all where None.
        serials: only those with these serials; all where None.
        payload: the file itself.
    """

    kind: PublicationKind
    name: str
    fleet: str
    devices: frozenset[str] | None
    serials: frozenset[str] | None
    payload: bytes

    @property
    def message(self) -> str:
        """SHA-256 in hexadecimal, by which outcomes name it."""
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def messages(self) -> dict[str, str]:
        """None: it is one for all."""
        return {}

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return len(self.payload)

    def file_of(self, _device: str) -> str:
        """Return nothing: it is one for all."""
        return ""

    def payload_of(self, _device: str) -> bytes:
        """Return the file."""
        return self.payload

    def publication_of(self, _device: str, of_all: Publication) -> Publication:
        """Return what the fleet is told."""
        return of_all

    def refuse_others(self, devices: Collection[str]) -> None:
        """Make sure that it is for all of these.

        Raises:
            FleetError: it is not.
        """
        if self.devices is not None and (others := sorted(set(devices) - self.devices)):
            raise FleetError(
                f"This {self.kind} is signed for {len(self.devices)} handsets, and these are not among them: "
                f"{', '.join(others[:10])}. Sign it for them too, or leave them out."
            )


def trusted_keys(kind: PublicationKind, configuration: Path | None, public: Iterable[str]) -> tuple[TrustedKey, ...]:
    """Return the keys whose signature counts.

    Args:
        kind: what they must have signed.
        configuration: a handset's, for its [trust].
        public: or the keys themselves.

    Raises:
        FleetError: there are none, or one is none.
    """
    try:
        signs = {Kind(kind.value), *([Kind.RESET] if kind is PublicationKind.ANSWER else [])}
        keys = tuple(TrustedKey(public=text, signs=frozenset(signs)) for text in public)
    except ValidationError as error:
        raise FleetError("A public key is none; `wecall key new` shows one.") from error
    if configuration is not None and not keys:
        try:
            keys = keys_of_configuration(configuration.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise FleetError(f"The configuration {configuration} cannot be read, whose keys are to count.") from error
        except ProvisioningError as error:
            raise FleetError("\n".join((str(error), *error.mistakes))) from error
    if not keys:
        raise FleetError(
            "Nobody has said whose signature counts: name a handset's configuration with --config, or a key with "
            "--public."
        )
    return keys


def read_signed_file(
    path: Path, kind: PublicationKind, keys: Collection[TrustedKey], *, fleet: str | None, now_s: float
) -> SignedFile:
    """Read a file, and make sure that handsets would take it: what they refuse is found here, once.

    Args:
        path: the file.
        kind: what it must be.
        keys: whose signature counts.
        fleet: the one that it must be for; None for any.
        now_s: the time, in seconds since the epoch.

    Raises:
        FleetError: it cannot be read, or no handset would take it; says why.
    """
    try:
        with path.open("rb") as file:
            payload = file.read(MOST_BYTES[kind.topic] + 1)
    except OSError as error:
        raise FleetError(f"{path} cannot be read: {error.strerror}.") from error
    if len(payload) > MOST_BYTES[kind.topic]:
        raise FleetError(
            f"{path} has more than {MOST_BYTES[kind.topic]} bytes, which is the most that a handset takes of a {kind} "
            "over the network. Leave something out, or bring it by stick."
        )
    try:
        if kind is PublicationKind.BUNDLE:
            signed = _bundle(payload, keys, now_s)
        else:
            signed = _document(payload, kind, keys, now_s)
    except ProvisioningError as error:
        raise FleetError("\n".join((f"{path} is not published. {error}", *error.mistakes))) from error
    if fleet is not None and signed.fleet != fleet:
        raise FleetError(
            f"{path} is not published. It is signed for the fleet {signed.fleet}, and you look after {fleet}."
        )
    return signed


def _document(payload: bytes, kind: PublicationKind, keys: Collection[TrustedKey], now_s: float) -> SignedFile:
    # An order to erase one handset goes the way of answers.
    is_reset = kind is PublicationKind.ANSWER and kind_of(payload) is Kind.RESET
    statement = verify(payload, Kind.RESET if is_reset else _DOCUMENTS[kind], keys)
    statement.check_time(now_s, synced=True)
    name = str(statement.number)
    if kind is PublicationKind.POLICY:
        name = read_content(statement, PolicyDocument).version
    elif kind is PublicationKind.UPDATE:
        name = read_content(statement, UpdateContent).version
    devices = frozenset(statement.devices) or None
    return SignedFile(kind, name, statement.fleet, devices, None, payload)


def _bundle(payload: bytes, keys: Collection[TrustedKey], now_s: float) -> SignedFile:
    bundle = open_bundle(io.BytesIO(payload), keys)
    bundle.manifest.check_time(now_s, synced=True)
    bundle.check_firmware()
    manifest = bundle.manifest
    serials = frozenset(manifest.serials) or None
    return SignedFile(PublicationKind.BUNDLE, str(manifest.number), manifest.fleet, None, serials, payload)
