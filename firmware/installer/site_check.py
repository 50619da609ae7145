"""What has to fit together for a site besides the table: its folder, and each handset's certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from firmware.configuration.files import missing_files
from firmware.configuration.inspection import inspect_configuration
from firmware.installer.batch import BROKER_CERTIFICATE
from firmware.installer.bundle_folder import CONFIGURATION, SECRETS, BundleFolder
from firmware.installer.check_command import line_of
from firmware.installer.configuration_text import change_text
from firmware.installer.folder_check import check_folder
from firmware.installer.site import Handset
from provisioning.authority import common_name
from provisioning.errors import ProvisioningError
from provisioning.places import Places
from provisioning.remarks import Remark, Severity, counted


def certificates_of(handsets: Sequence[Handset], folder: Path | None) -> Mapping[str, bytes]:
    """Read each handset's certificate, and make sure that it is its own.

    Raises:
        ProvisioningError: some are missing, or are another's.
    """
    if folder is None:
        return {}
    found: dict[str, bytes] = {}
    mistakes = []
    for handset in handsets:
        path = folder / f"{handset.serial}.pem"
        try:
            content = path.read_bytes()
            named = common_name(x509.load_pem_x509_certificate(content))
        except FileNotFoundError:
            mistakes.append(f"row {handset.row.number}: there is no {path}. Make it with: wecall fleet ca issue")
        except ValueError:
            mistakes.append(f"row {handset.row.number}: {path} is no certificate in PEM.")
        else:
            if named != handset.device:
                mistakes.append(
                    f"row {handset.row.number}: {path} is for {named}, and this handset is {handset.device}."
                )
            found[handset.serial] = content
    if mistakes:
        raise ProvisioningError("Some certificates cannot be used.", tuple(mistakes))
    return found


def check_files(handsets: Sequence[Handset], contents: Mapping[str, Path], certificates: Mapping[str, bytes]) -> None:
    mistakes = {
        mistake: handset
        for handset in reversed(handsets)
        for mistake in missing_files(
            handset.configuration, {*contents, *([BROKER_CERTIFICATE] if handset.serial in certificates else [])}
        )
    }
    if mistakes:
        raise ProvisioningError(
            "The configuration names files that are missing.",
            tuple(f"row {handset.row.number}: {mistake}" for mistake, handset in sorted(mistakes.items())),
        )


def check_common(source: BundleFolder, first: Handset, *, has_certificates: bool) -> tuple[Remark, ...]:
    """Look at what all have in common, as the first handset gets it.

    Returns:
        Warnings.

    Raises:
        ProvisioningError: something has to be corrected, with all of that.
    """
    of_files = check_folder(source.folder, datetime.now(UTC)).remarks
    remarks = [remark for remark in of_files if remark.file not in {CONFIGURATION, SECRETS}]
    if has_certificates:
        remarks = [remark for remark in remarks if remark.file != BROKER_CERTIFICATE]
    text = source.configuration_text()
    places = Places(text)
    inspected = inspect_configuration(change_text(text, first.settings, without=first.in_clear), packed=True).remarks
    remarks += [replace(remark, file=CONFIGURATION, place=places.nearest(remark.path)) for remark in inspected]
    if mistakes := [line_of(remark) for remark in remarks if remark.severity is Severity.MISTAKE]:
        raise ProvisioningError(f"The folder {source.folder} has {counted(len(mistakes), 'mistake')}.", tuple(mistakes))
    return tuple(remarks)
