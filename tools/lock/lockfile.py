"""Reads the lock files in `requirements/` and compares them with pyproject.toml."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "requirements"
HANDSET: Final = FOLDER / "handset.lock"
"""What a phone gets."""
BUILD: Final = FOLDER / "build.lock"
"""What runs while packages without wheels, and the handset's own, are built."""
FLEET: Final = FOLDER / "fleet.lock"
"""What a fleet's server gets."""
EXTRAS: Final = ("handset", "pi", "sync")
"""What a phone installs of the handset's own package."""
FLEET_EXTRAS: Final = ("fleet",)
"""What a fleet's server installs of it."""

_HASH: Final = re.compile(r"--hash=(\S+)")
_SHA256: Final = re.compile(r"sha256:([0-9a-f]{64})")


class LockError(Exception):
    """A lock file cannot be used, or does not fit pyproject.toml."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock.

    Attributes:
        name: its normalized name.
        requirement: its one release, and where it is needed.
        hashes: the SHA-256 of each file of that release, as hexadecimal digits.
    """

    name: str
    requirement: Requirement
    hashes: frozenset[str]

    @property
    def version(self) -> Version:
        return Version(next(iter(self.requirement.specifier)).version)

    def applies(self, markers: Mapping[str, str]) -> bool:
        """Tell whether a machine with these markers gets the package."""
        return self.requirement.marker is None or self.requirement.marker.evaluate(dict(markers))

    def __str__(self) -> str:
        """Return the pin as it stands in a file of requirements; whoever writes it has judged the marker."""
        return f"{self.name}=={self.version} " + " ".join(f"--hash=sha256:{digits}" for digits in sorted(self.hashes))


class Lock:
    """The pins of one file."""

    def __init__(self, pins: Iterable[Pin]) -> None:
        self.pins = tuple(pins)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a lock file.

        Raises:
            LockError: a line names no single release, or has no hash.
        """
        lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        return cls(_pin(line, path) for line in lines if line.strip() and not line.lstrip().startswith("#"))

    def on(self, markers: Mapping[str, str]) -> list[Pin]:
        """Return what a machine with these markers gets."""
        return [pin for pin in self.pins if pin.applies(markers)]

    def mismatches(self, requirements: Iterable[Requirement], markers: Mapping[str, str]) -> Iterator[str]:
        """Yield a sentence for each requirement that the lock does not meet on a machine with these markers."""
        pins = {pin.name: pin for pin in self.on(markers)}
        for wanted in requirements:
            if wanted.marker is not None and not wanted.marker.evaluate(dict(markers)):
                continue
            pin = pins.get(canonicalize_name(wanted.name))
            if pin is None:
                yield f"{wanted.name} is not locked for {markers['platform_machine']}."
            elif not wanted.specifier.contains(pin.version, prereleases=True):
                yield f"{wanted.name} is locked to {pin.version}, but {wanted.specifier} is required."


def requirements_of(extras: Iterable[str], *, project: Path = ROOT) -> list[Requirement]:
    """Return what pyproject.toml requires for these extras, the base included."""
    table = _pyproject(project)["project"]
    lines = [*table["dependencies"], *(line for extra in extras for line in table["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


def build_requirements(*, project: Path = ROOT) -> list[Requirement]:
    """Return what pyproject.toml requires while the handset's own package is built."""
    return [Requirement(line) for line in _pyproject(project)["build-system"]["requires"]]


def _pyproject(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))


def _pin(line: str, path: Path) -> Pin:
    requirement = Requirement(_HASH.split(line, maxsplit=1)[0].strip())
    hashes = [_SHA256.fullmatch(found) for found in _HASH.findall(line)]
    if not hashes or not all(hashes):
        raise LockError(f"{path.name}: {requirement.name} has no SHA-256. Run `make lock`.")
    if [specifier.operator for specifier in requirement.specifier] != ["=="]:
        raise LockError(f"{path.name}: {requirement.name} is not locked to one release. Run `make lock`.")
    return Pin(canonicalize_name(requirement.name), requirement, frozenset(found[1] for found in hashes if found))
