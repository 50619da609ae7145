"""The bundles of a whole site, each for one handset, as `wecall bundle mass` leaves them on a stick or in a folder."""

import hashlib
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.results import BundleResult
from firmware.installer.stick_files import bundle_paths, configuration_in, printable, read_report_file
from fleet.errors import FleetError
from fleet.publications import Publication, PublicationKind
from fleet.publisher.signed_file import SignedFile, read_signed_file
from provisioning.bundle import open_bundle
from provisioning.errors import ProvisioningError
from provisioning.report import REPORT_NAME
from provisioning.trust import TrustedKey


@dataclass(frozen=True, slots=True)
class SiteBundle:
    """One handset's bundle, which stays where it lies until it is sent: all of a site may be more than a memory.

    Attributes:
        path: the file.
        serial: the handset's.
        number: the bundle's.
        message: SHA-256 of the file in hexadecimal, by which its outcomes name it.
        size_bytes: of the file.
    """

    path: Path
    serial: str
    number: int
    message: str
    size_bytes: int


class Site:
    """What one roll-out brings to the handsets of a site, to each its own; see `Published`.

    Attributes:
        fleet: the handsets' own.
        bundles: by device id.
        visited: the handsets that have theirs by stick, as their reports beside the bundles say: they know it, and
            would say nothing. Whoever can write a report there can take the bundle away as well.
    """

    kind = PublicationKind.BUNDLE

    def __init__(self, fleet: str, bundles: Mapping[str, SiteBundle], visited: Collection[str] = ()) -> None:
        self.fleet = fleet
        self.bundles = bundles
        self.visited = frozenset(visited)

    @property
    def name(self) -> str:
        """The highest number: those that were made together have the same."""
        return str(max(bundle.number for bundle in self.bundles.values()))

    @property
    def message(self) -> str:
        """SHA-256 of who gets what, by which the roll-out of the same bundles is found again."""
        lines = "".join(f"{device} {message}\n" for device, message in sorted(self.messages.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def messages(self) -> dict[str, str]:
        """The SHA-256 of each handset's bundle, by device id."""
        return {device: bundle.message for device, bundle in self.bundles.items()}

    @property
    def size_bytes(self) -> int:
        """Of the largest."""
        return max(bundle.size_bytes for bundle in self.bundles.values())

    def file_of(self, device: str) -> str:
        """Return what a handset's bundle is called."""
        return printable(self.bundles[device].path.name)

    def payload_of(self, device: str) -> bytes:
        """Read a handset's bundle.

        Raises:
            FleetError: it is not there any more, or is another one.
        """
        bundle = self.bundles[device]
        try:
            payload = bundle.path.read_bytes()
        except OSError as error:
            raise FleetError(
                f"{self.file_of(device)} cannot be read any more: {error.strerror}. Say the command again when it is "
                "back; it goes on where it was."
            ) from error
        if hashlib.sha256(payload).hexdigest() != bundle.message:
            raise FleetError(
                f"{self.file_of(device)} was changed meanwhile, and is not sent. Say the command again: the bundles "
                "that lie there then are a roll-out of their own, and go to those that have not taken theirs."
            )
        return payload

    def publication_of(self, device: str, of_all: Publication) -> Publication:
        """Return what the fleet is told of a handset's bundle; `of_all` is what it is a part of."""
        bundle = self.bundles[device]
        return Publication(
            kind=self.kind, name=str(bundle.number), message=bundle.message, published_at=of_all.published_at
        )


def read_site(folder: Path, keys: Collection[TrustedKey], *, fleet: str | None, now_s: float) -> Site:
    """Read the bundles of a folder, and make sure that their handsets would take them.

    Of two for one handset the higher number counts, as it does on a stick.

    Args:
        folder: where they lie.
        keys: whose signature counts.
        fleet: the one that they must be for; None for any, but for the same one.
        now_s: the time, in seconds since the epoch.

    Raises:
        FleetError: there is none, or some cannot be published, with every one of those.
    """
    newest: dict[str, tuple[str, SiteBundle]] = {}
    fleets: set[str] = set()
    mistakes: list[str] = []
    for path in bundle_paths(folder):
        if not path.is_file():
            mistakes.append(f"{path} is no plain file.")
            continue
        try:
            signed = read_signed_file(path, PublicationKind.BUNDLE, keys, fleet=fleet, now_s=now_s)
            device, bundle = _for_one(path, signed)
        except FleetError as error:
            mistakes.append(str(error))
            continue
        fleets.add(signed.fleet)
        if bundle.serial not in newest or newest[bundle.serial][1].number < bundle.number:
            newest[bundle.serial] = device, bundle
    bundles: dict[str, SiteBundle] = {}
    for device, bundle in newest.values():
        other = bundles.setdefault(device, bundle)
        if other is not bundle:
            mistakes.append(f"{bundle.path} and {other.path} are for two handsets with one device id, {device}.")
    if len(fleets) > 1:
        mistakes.append(f"They are for several fleets, {', '.join(sorted(fleets))}: publish each from its own folder.")
    if mistakes:
        raise FleetError("\n".join(("Nothing is published.", *map(_in_lines, mistakes))))
    if not bundles:
        raise FleetError(f"There is no bundle in {folder}. Make them: wecall bundle mass DEVICES.CSV --stick {folder}")
    return Site(fleets.pop(), bundles, [device for device, bundle in bundles.items() if _was_visited(folder, bundle)])


def _was_visited(folder: Path, bundle: SiteBundle) -> bool:
    """Tell whether a handset has reported that it runs with this bundle."""
    try:
        report = read_report_file(folder / f"{REPORT_NAME.format(serial=bundle.serial)}.json")
    except (ProvisioningError, OSError):
        return False
    return report.number == bundle.number and report.result in {BundleResult.APPLIED, BundleResult.NOTHING_TO_DO}


def _for_one(path: Path, signed: SignedFile) -> tuple[str, SiteBundle]:
    """Return for which device a bundle is.

    Raises:
        FleetError: it is for several, or its configuration says nothing that a handset would take.
    """
    if signed.serials is None or len(signed.serials) != 1:
        count = "all handsets" if signed.serials is None else f"{len(signed.serials)} handsets"
        raise FleetError(
            f"{path} is for {count} of the fleet, and not for one. Take it away, and publish it by itself: "
            "wecall fleet publish bundle"
        )
    try:
        device = configuration_in(open_bundle(io.BytesIO(signed.payload), None)).device
    except ProvisioningError as error:
        raise FleetError("\n".join((f"{path} is not published. {error}", *error.mistakes))) from error
    if device.fleet != signed.fleet:
        raise FleetError(
            f"{path} is not published. It is signed for the fleet {signed.fleet}, and its configuration is for "
            f"{device.fleet}."
        )
    (serial,) = signed.serials
    return device.id, SiteBundle(path, serial, int(signed.name), signed.message, len(signed.payload))


def _in_lines(mistake: str) -> str:
    return "\n".join(map(printable, mistake.split("\n")))
