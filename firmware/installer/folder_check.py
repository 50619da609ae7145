"""Finds all that is wrong, or risky, in the folder that a bundle is made from."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from cryptography.x509.oid import NameOID

from firmware.configuration.inspection import inspect_configuration
from firmware.installer.bundle_folder import CONFIGURATION, SECRETS, BundleFolder, read_text
from firmware.installer.file_check import Beside, certificates_in, check_file
from provisioning.bundle import size_limit
from provisioning.errors import ProvisioningError
from provisioning.examination import Examination
from provisioning.mistake_words import near_to
from provisioning.network import check_wifi_password
from provisioning.remarks import KeyPath, Place, Remark, Severity, joined, mistake, warning
from provisioning.ring_tone import RING_TONES
from provisioning.schema import Configuration
from provisioning.secret_names import secrets_of

_CERTIFICATES: Final = "certificates/"
_RING_TONES: Final = f"{RING_TONES}/"
_TONE: Final[KeyPath] = ("ringer", "tone")
_WIFI_PASSWORD: Final = "wifi-password-"  # noqa: S105 - how their names begin
_NAMES: Final = (
    "contacts.vcf",
    "certificates",
    "policies",
    "notices",
    "reset",
    "pictures",
    "ring_tones",
    "firmware",
    "sealed",
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found.

    Attributes:
        remarks: mistakes and warnings, file by file.
        to_seal: the names of secrets that stand nowhere in the folder, and have to be sealed yet.
    """

    remarks: tuple[Remark, ...]
    to_seal: tuple[str, ...]

    @property
    def mistakes(self) -> tuple[Remark, ...]:
        """What has to be corrected."""
        return tuple(remark for remark in self.remarks if remark.severity is Severity.MISTAKE)

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """What is allowed, but risky."""
        return tuple(remark for remark in self.remarks if remark.severity is Severity.WARNING)


def check_configuration_file(path: Path) -> Findings:
    """Look at a configuration by itself.

    Raises:
        ProvisioningError: it cannot be read.
    """
    inspection = inspect_configuration(read_text(path))
    remarks = tuple(replace(remark, file=path.name) for remark in inspection.remarks)
    return Findings(remarks, _to_seal(inspection.configuration, frozenset()))


def check_folder(folder: Path, now: datetime) -> Findings:
    """Look at everything in a folder.

    Raises:
        ProvisioningError: there is no configuration in it, or it cannot be read.
        OSError: another file cannot be read.
    """
    source = BundleFolder(folder)
    files = dict(source.files())
    examination, remarks = _configuration(source)
    rest = examination.rest
    if rest is not None:
        remarks += _in_configuration(examination.located(_paths(rest, files)))
        remarks += _unused(rest, files)
    for name, path in files.items():
        remarks += [replace(remark, file=name) for remark in _file(name, path, Beside(now, rest))]
    secrets, about_secrets = _secrets(source, rest)
    remarks += [replace(remark, file=SECRETS) for remark in about_secrets]
    return Findings(tuple(sorted(remarks, key=_order)), _to_seal(examination.configuration, secrets))


def _order(remark: Remark) -> tuple[bool, str, Place]:
    return remark.file != CONFIGURATION, remark.file, remark.place or Place(0, 0)


def _configuration(source: BundleFolder) -> tuple[Examination, list[Remark]]:
    inspection = inspect_configuration(source.configuration_text(), packed=True)
    return inspection.examination, _in_configuration(inspection.remarks)


def _in_configuration(remarks: Iterable[Remark]) -> list[Remark]:
    return [replace(remark, file=CONFIGURATION) for remark in remarks]


def _file(name: str, path: Path, beside: Beside) -> Iterator[Remark]:
    most_bytes = size_limit(name)
    size_bytes = path.stat().st_size
    if most_bytes is None:
        yield warning(f"no bundle has a file of this name, so it stays here{_advice(name)}")
    elif size_bytes > most_bytes:
        yield mistake(f"this file has {size_bytes} bytes; in a bundle it has {most_bytes} at most")
    else:
        yield from check_file(name, path, beside)


def _advice(name: str) -> str:
    """Return what to call a file that may be meant to go along."""
    folder, _, rest = name.rpartition("/")
    if folder == "certificates":
        return "; certificates are called certificates/NAME.pem"
    near = near_to(folder or name, _NAMES)
    return f"; did you mean {near}{'/' + rest if folder and near else ''}?" if near else ""


def _paths(configuration: Configuration, names: Collection[str]) -> Iterator[Remark]:
    """Look at the files that the configuration names."""
    for path, file in _named(configuration):
        name = str(PurePosixPath(file))
        if file.is_absolute():
            yield warning("this is a path on the handset, where the bundle brings nothing; put the file in "
                          f"{_folder(path)} to bring it along", *path)  # fmt: skip
        elif path[-1] == "key":
            yield mistake(
                "a bundle carries no private key; leave key out, and the handset uses the one that it made", *path
            )
        elif name not in names:
            yield mistake(f"there is no {name} in this folder", *path)
        elif not name.startswith(_folder(path)) or size_limit(name) is None:
            ending = ".wav" if path == _TONE else ".pem"
            yield mistake(
                f"a bundle does not carry {name}; put it in {_folder(path)}, under a name that ends in {ending}", *path
            )


def _folder(path: KeyPath) -> str:
    """Return where in a bundle the file of a setting lies."""
    return _RING_TONES if path == _TONE else _CERTIFICATES


def _unused(configuration: Configuration, files: Mapping[str, Path]) -> list[Remark]:
    used = {str(PurePosixPath(file)) for _, file in _named(configuration)}
    remarks = [
        replace(warning("nothing in the configuration names this file"), file=name)
        for name in files
        if name.startswith((_CERTIFICATES, _RING_TONES)) and size_limit(name) is not None and name not in used
    ]
    sync = configuration.sync
    if sync is not None and sync.certificate is not None and (path := files.get(str(PurePosixPath(sync.certificate)))):
        remarks += [
            replace(remark, file=str(PurePosixPath(sync.certificate))) for remark in _of_device(path, configuration)
        ]
    return remarks


def _of_device(path: Path, configuration: Configuration) -> Iterator[Remark]:
    """Look whether the certificate for the broker is this handset's."""
    try:
        subject = certificates_in(path.read_bytes())[0].subject
    except ValueError:
        return
    names = [str(name.value) for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [configuration.device.id]:
        yield mistake(
            f"this certificate is of {joined(names, 'and') if names else 'nobody'}, and the device is called "
            f'"{configuration.device.id}": the broker knows a handset by its certificate'
        )


def _named(configuration: Configuration) -> Iterator[tuple[KeyPath, Path]]:
    for position, account in enumerate(configuration.accounts):
        if account.tls_ca is not None:
            yield ("accounts", position, "tls_ca"), account.tls_ca
    if (sync := configuration.sync) is not None:
        for key in ("ca", "certificate", "key"):
            if (file := getattr(sync, key)) is not None:
                yield ("sync", key), file
    if configuration.ringer.tone is not None:
        yield _TONE, configuration.ringer.tone


def _secrets(source: BundleFolder, configuration: Configuration | None) -> tuple[frozenset[str], list[Remark]]:
    """Look at the secrets that are sealed into bundles."""
    try:
        secrets = source.secrets()
    except ProvisioningError as error:
        return frozenset(), [mistake(str(error).removesuffix("."))]
    remarks = []
    wanted = {name for secret in secrets_of(configuration) for name in secret.names} if configuration else set(secrets)
    for name, value in secrets.items():
        if name not in wanted:
            remarks.append(warning("the configuration needs no secret of this name", name))
        elif not value:
            remarks.append(mistake("has to be filled in", name))
        elif name.startswith(_WIFI_PASSWORD):
            try:
                check_wifi_password(value)
            except ValueError as error:
                remarks.append(mistake(str(error), name))
    return frozenset(secrets), remarks


def _to_seal(configuration: Configuration | None, at_hand: frozenset[str]) -> tuple[str, ...]:
    secrets = secrets_of(configuration) if configuration is not None else ()
    return tuple(secret.names[0] for secret in secrets if secret.in_clear is None and not at_hand & set(secret.names))
