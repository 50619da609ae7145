"""What a bundle says about itself: for which handsets it is, its number, and until when it may be taken."""

import json
from collections.abc import Collection
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contract.results import OutcomeCode
from provisioning.errors import BundleRefusedError, refuse
from provisioning.section import Identifier, sentences_of
from provisioning.validity import Validity

MANIFEST_FORMAT: Final = 2
"""The newest format that is read, with every one before it: that of bundles with firmware, which nobody writes now."""

SERIAL_PATTERN: Final = r"[0-9a-z][0-9a-z-]{6,62}[0-9a-z]"

Serial = Annotated[str, StringConstraints(pattern=rf"^{SERIAL_PATTERN}$")]
"""What the hardware calls itself: 8 to 64 of lower-case letters, digits and hyphens, such as a Raspberry Pi's 16."""

BundleNumber = Annotated[int, Field(ge=1, lt=2**53)]


class Manifest(Validity):
    """What a bundle says about itself.

    Attributes:
        format: of the manifest and of what stands beside it; 2 where that is firmware.
        number: rises with each bundle; a handset takes none below its newest, and none twice.
        fleet: the handsets that it is for.
        serials: only these of the fleet; all of them where empty.
        note: a line for the people who handle it; the handset does not act on it.
    """

    format: Literal[1, 2] = 1
    number: BundleNumber
    fleet: Identifier
    serials: Annotated[tuple[Serial, ...], Field(max_length=1000)] = ()
    note: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""

    def check_scope(self, serial: str, fleet: str | None) -> None:
        """Refuse a bundle for others.

        Args:
            serial: the handset's own.
            fleet: the one that the handset is of; None where it has no configuration yet.

        Raises:
            BundleRefusedError: this handset is not one of those that the bundle is for.
        """
        if fleet is not None and self.fleet != fleet:
            refuse(OutcomeCode.WRONG_FLEET, f"This bundle is for the fleet {self.fleet}; this handset is of {fleet}.")
        if self.serials and serial not in self.serials:
            refuse(
                OutcomeCode.WRONG_SERIAL,
                f"This bundle is for other handsets: {serial}, the serial of this one, is not in its list.",
            )

    def check_time(self, now_s: float, *, synced: bool) -> None:
        """Refuse a bundle that is over, or not yet issued.

        Args:
            now_s: the time, in seconds since the epoch.
            synced: whether a time service keeps the clock right.

        Raises:
            BundleRefusedError: the bundle is expired, or from the future.
        """
        if self.is_over(now_s):
            refuse(OutcomeCode.EXPIRED, f"This bundle was not to be taken after {self.not_after:%Y-%m-%d}.")
        if self.is_from_the_future(now_s, synced=synced):
            refuse(
                OutcomeCode.NOT_YET_VALID,
                f"This bundle is from the future, {self.issued_at:%Y-%m-%d}; the signer's clock was wrong.",
            )

    def check_number(self, newest: int, reverted: Collection[int]) -> None:
        """Refuse a bundle that the handset has had.

        Args:
            newest: the highest number that was ever applied; 0 for none.
            reverted: the numbers that were tried and did not work.

        Raises:
            BundleRefusedError: it is not newer, or did not work before.
        """
        if self.number in reverted:
            refuse(
                OutcomeCode.REVERTED_BEFORE,
                f"Bundle {self.number} was tried before and did not work. Sign a mended one with a higher number.",
            )
        if self.number <= newest:
            refuse(
                OutcomeCode.OLD,
                f"This is bundle {self.number}, and this handset has had {newest}. Sign it with a higher number.",
            )


class _Format(BaseModel):
    """The one field that every format has."""

    model_config = ConfigDict(extra="ignore", strict=True)

    format: Annotated[int, Field(ge=1)]


def read_manifest(text: bytes) -> Manifest:
    """Read a manifest of any format up to the newest.

    Raises:
        BundleRefusedError: it is none, has something that no manifest has, or is of a newer format.
    """
    try:
        found = _Format.model_validate_json(text).format
        if found > MANIFEST_FORMAT:
            refuse(
                OutcomeCode.UNSUPPORTED,
                f"This bundle is of format {found}; this firmware reads up to {MANIFEST_FORMAT}. Bring newer firmware.",
            )
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        mistakes = tuple(f"manifest.json: {sentence}" for sentence in sentences_of(error))
        raise BundleRefusedError(
            OutcomeCode.UNREADABLE, "This bundle is signed, but its manifest is not understood.", mistakes
        ) from error


def manifest_text(manifest: Manifest) -> bytes:
    """Write a manifest as it stands in a bundle."""
    return json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"
