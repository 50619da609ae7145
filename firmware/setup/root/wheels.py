"""Unpacks wheels (PEP 427): what installing one is, but for its commands and scripts, which nobody calls here."""

import platform
import re
import shutil
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from firmware.base.errors import HandsetError

HANDSET: Final = "wecall_handset-"
"""What the name of the handset's own wheel begins with."""

_MAX_BYTES: Final = 1 << 30
_PACKINGS: Final = frozenset({ZIP_STORED, ZIP_DEFLATED})
_NAME: Final = re.compile(
    r"(?:.*/)?[^/-]+-[^/-]+(?:-[0-9][^/-]*)?-(?P<python>[^/-]+)-(?P<abi>[^/-]+)-(?P<platform>[^/-]+)\.whl"
)


class WheelError(HandsetError):
    """A file is no wheel that can be unpacked."""


def fits(name: str) -> bool:
    """Tell by its name whether a wheel runs with this interpreter on this machine."""
    found = _NAME.fullmatch(name)
    if found is None:
        return False
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    pythons = found["python"].split(".")
    python = (
        version in pythons or "py3" in pythons or (found["abi"] == "abi3" and any(_is_older(one) for one in pythons))
    )
    abi = found["abi"] in {"none", "abi3", version}
    machine = platform.machine()
    return python and abi and any(one == "any" or one.endswith(f"_{machine}") for one in found["platform"].split("."))


def unpack(wheel: BinaryIO, packages: Path) -> Iterator[tuple[Path, int]]:
    """Put the packages of a wheel into a folder of packages, and yield each file with how large it was in the wheel.

    Raises:
        WheelError: it is no wheel, or something in it would go elsewhere.
        OSError: the disk is full, read-only or broken.
    """
    try:
        with ZipFile(wheel) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _MAX_BYTES:
                raise WheelError("A wheel in this bundle is larger than any of ours, once it is unpacked.")
            if any(entry.compress_type not in _PACKINGS for entry in entries):
                raise WheelError("A wheel in this bundle is packed in a way that no wheel is.")
            for entry in entries:
                if (target := _target(entry)) is not None:
                    _write(archive, entry, packages / target)
                    yield packages / target, entry.compress_size
    # What is encrypted is a RuntimeError.
    except (BadZipFile, EOFError, RuntimeError, UnicodeDecodeError, zlib.error) as error:
        raise WheelError("A wheel in this bundle is damaged, or is no wheel.") from error


def _target(entry: ZipInfo) -> Path | None:
    """Return where an entry goes, below the packages; None where it goes nowhere."""
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in entry.filename:
        raise WheelError("Something in a wheel of this bundle would go where no package belongs.")
    if entry.is_dir():
        return None
    if not path.parts[0].endswith(".data"):
        return Path(path)
    if len(path.parts) > 2 and path.parts[1] in {"purelib", "platlib"}:  # noqa: PLR2004 - folder, scheme, a name
        return Path(*path.parts[2:])
    return None


def _write(archive: ZipFile, entry: ZipInfo, target: Path) -> None:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(0o644)


def _is_older(tag: str) -> bool:
    """Tell whether a tag such as cp39 is of this interpreter's or of an older one (PEP 384)."""
    found = re.fullmatch(r"cp3([0-9]+)", tag)
    return found is not None and int(found[1]) <= sys.version_info.minor
