"""What is known against the libraries that this project links or bundles, compared with what is installed.

The list, `advisories.toml`, ships with the firmware: a phone asks nobody.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

LIST: Final = Path(__file__).with_name("advisories.toml")

# Libraries inside wheels, asked in a process of its own: who asks here loads none of them.
_INSIDE: Final = {
    "sqlite": "import sqlcipher3; print(sqlcipher3.sqlite_version)",
    "sqlcipher": "import sqlcipher3; db = sqlcipher3.connect(':memory:'); "
    "print(db.execute('pragma cipher_version').fetchone()[0])",
    "sqlcipher-openssl": "import sqlcipher3; db = sqlcipher3.connect(':memory:'); db.execute(\"pragma key = 'x'\"); "
    "print(db.execute('pragma cipher_provider_version').fetchone()[0].split()[1])",
    "cryptography-openssl": "from cryptography.hazmat.backends.openssl import backend; "
    "print(backend.openssl_version_text().split()[1])",
    "libsndfile": "import soundfile; print(soundfile.__libsndfile_version__)",
    "libjpeg-turbo": "from PIL import features; print(features.version('libjpeg_turbo'))",
    "freetype": "from PIL import features; print(features.version('freetype2'))",
    "libtiff": "from PIL import features; print(features.version('libtiff'))",
}
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)*")


class Affects(StrEnum):
    """What an advisory means for a phone."""

    NO = "no"
    MITIGATED = "mitigated"
    YES = "yes"
    UNKNOWN = "unknown"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Advisory(_Closed):
    """One advisory.

    Attributes:
        id: its CVE, else its GHSA.
        also: its other name.
        since: the first version that has the fault; every older one too where it is missing.
        fixed_in: the first version without it; no release where it is missing.
        affects: what it means for a phone whose version has the fault.
        why: that in a sentence.
    """

    id: str
    also: str = ""
    since: str | None = None
    fixed_in: str | None = None
    affects: Affects
    why: str


class Component(_Closed):
    """A library that is linked or bundled.

    Attributes:
        name: as people know it.
        ask: what knows its version: "python PACKAGE", "debian PACKAGE", "inside LIBRARY"; empty where nothing does.
        ours: the version that this project's releases have.
        looked_at: when somebody last looked for advisories; missing where nobody has.
        note: who brings it, and keeps it up to date.
        advisory: what was found.
    """

    name: str
    ask: str = ""
    ours: str = ""
    looked_at: date | None = None
    note: str
    advisory: tuple[Advisory, ...] = ()


class NothingKnown(_Closed):
    """Python packages of which no advisory was found for any release that is allowed."""

    looked_at: date
    packages: tuple[str, ...]


class AdvisoryList(_Closed):
    """The whole list."""

    component: tuple[Component, ...]
    nothing_known: NothingKnown

    @classmethod
    def read(cls, path: Path = LIST) -> "AdvisoryList":
        return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Row:
    """A component as it is installed.

    Attributes:
        component: of the list.
        installed: its version here; None where it is not installed.
        applying: the advisories of that version.
    """

    component: Component
    installed: str | None
    applying: tuple[Advisory, ...]

    @property
    def harmful(self) -> bool:
        """Whether something has to be done: a phone is affected, or nobody knows."""
        return any(advisory.affects in {Affects.YES, Affects.UNKNOWN} for advisory in self.applying)


def compare(components: Iterable[Component]) -> Iterator[Row]:
    """Yield a row for each component."""
    for component in components:
        installed = installed_version(component)
        applying = [] if installed is None else [each for each in component.advisory if applies(each, installed)]
        yield Row(component, installed, tuple(applying))


def applies(advisory: Advisory, installed: str) -> bool:
    """Tell whether a version has the fault of an advisory."""
    if advisory.since is not None and _is_older(installed, advisory.since):
        return False
    return advisory.fixed_in is None or _is_older(installed, advisory.fixed_in)


def installed_version(component: Component) -> str | None:
    """Return a component's version on this machine; None where it is not installed."""
    kind, _, name = component.ask.partition(" ")
    if kind == "python":
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None
    if kind == "debian":
        return _output("dpkg-query", "--show", "--showformat=${Version}", name)
    if kind == "inside":
        return _output(sys.executable, "-I", "-c", _INSIDE[name])
    return component.ours


def _is_older(version: str, than: str) -> bool:
    if "-" in than:
        return subprocess.run(["dpkg", "--compare-versions", version, "lt", than], check=False).returncode == 0  # noqa: S603, S607 - versions of this machine and of the list
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers without zeros at the end, for 2.17.0 is 2.17."""
    found = _NUMBERS.match(version)
    numbers = [int(number) for number in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed commands
    except OSError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
