"""The codes that are typed on keypads: each handset keeps its own, and none that was printed is replaced unsaid."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from firmware.installer.labels import has_code
from firmware.installer.mass_record import CODE_IS_SEALED, MassRecord
from firmware.installer.sealed_secrets import SealedSecrets
from firmware.installer.signing import BUNDLE_SUFFIX
from provisioning.bundle import open_bundle
from provisioning.errors import ProvisioningError
from provisioning.sealing import SEALED_TO_CODE, new_code


@dataclass(frozen=True, slots=True)
class Traces:
    """Where it shows that a handset was given a code before.

    Attributes:
        record: what was made of the table.
        labels: the sheet, which may be gone.
        stick: the bundles.
    """

    record: MassRecord
    labels: Path
    stick: Path

    def of(self, serial: str) -> bool:
        """Whether there is one of this handset."""
        made = self.record.latest(serial)
        if made is not None and made.code:
            return True
        if self.labels.exists() and has_code(self.labels.read_text(encoding="utf-8", errors="replace"), serial):
            return True
        try:
            with (self.stick / f"{serial}{BUNDLE_SUFFIX}").open("rb") as file:
                return SEALED_TO_CODE in open_bundle(file, None).names
        except (OSError, ProvisioningError):
            return False


class Codes(NamedTuple):
    """The code of each handset.

    Attributes:
        of: by serial.
        new: so many of them are.
    """

    of: Mapping[str, str]
    new: int


def codes_for(serials: Iterable[str], sealed: SealedSecrets, traces: Traces, *, anew: bool) -> Codes:
    """Return the code of each handset: the one that it has, or a new one where it never had any.

    Args:
        serials: of the handsets.
        sealed: where codes are kept.
        traces: of those that were given.
        anew: they are all to have other ones.

    Raises:
        ProvisioningError: some had a code that is known no more.
    """
    serials = tuple(serials)
    codes = {} if anew else {serial: code for serial in serials if (code := _code(serial, sealed, traces.record))}
    if not anew and (lost := [serial for serial in serials if serial not in codes and traces.of(serial)]):
        raise ProvisioningError(
            f"{len(lost)} handset(s) have been given a code that is not known any more, so that labels which are "
            f"printed would be wrong: {', '.join(lost)}. Put a copy of {sealed.path.name} back; or make all bundles "
            "with other codes (--anew), and print the sheet again."
        )
    new = {serial: new_code() for serial in serials if serial not in codes}
    return Codes(codes | new, len(new))


def _code(serial: str, sealed: SealedSecrets, record: MassRecord) -> str:
    made = record.latest(serial)
    # Tools of before kept it in the record.
    in_record = made.code if made is not None and made.code != CODE_IS_SEALED else ""
    return sealed.code_of(serial) or in_record
