"""Finds the wheels that make the handset run on another machine, with everything that they need in turn."""

import subprocess
import sys
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from email.parser import BytesParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tools.debian.target import Target

OPTIONAL = "pjsua2"
"""What the SIP library's wheels are called at the beginning: the package is built without one where there is none."""


class MissingWheelsError(Exception):
    """Some requirements have no wheel for the target."""


class WheelHouse:
    """A folder of wheels that fills itself from others, from the index, and by building them."""

    def __init__(
        self,
        folder: Path,
        target: Target,
        sources: Iterable[Path],
        *,
        index: bool,
        build: Callable[[Sequence[Requirement], Path], None] | None = None,
    ) -> None:
        """Set up.

        Args:
            folder: where wheels from the index are kept, for the next time too.
            target: whom they are for.
            sources: folders that are looked through first.
            index: whether the package index may be asked.
            build: builds what has no wheel into a folder; None where nothing can be built.
        """
        self._folder = folder
        self._target = target
        self._sources = (*sources, folder)
        self._index = index
        self._build = build
        self._ranks = {tag: rank for rank, tag in enumerate(target.tags())}

    def collect(self, first: Path, extras: Iterable[str]) -> list[Path]:
        """Return a wheel and all that it needs with these extras.

        Raises:
            MissingWheelsError: some have none; the message names all of them.
        """
        chosen: dict[str, Path] = {canonicalize_name(parse_wheel_filename(first.name)[0]): first}
        wanted = deque(self._requirements(first, frozenset(extras)))
        while wanted:
            batch = [wanted.popleft() for _ in range(len(wanted))]
            for requirement, wheel in self._find_all(batch):
                name = canonicalize_name(requirement.name)
                if name not in chosen:
                    chosen[name] = wheel
                    wanted.extend(self._requirements(wheel, frozenset(requirement.extras)))
                elif not requirement.specifier.contains(parse_wheel_filename(chosen[name].name)[1], prereleases=True):
                    raise MissingWheelsError(f"{chosen[name].name} was taken, but something needs {requirement}.")
        if not any(name.startswith(OPTIONAL) for name in chosen) and (sip := self._best(OPTIONAL, None)) is not None:
            chosen[OPTIONAL] = sip
        return [*chosen.values()]

    def _find_all(self, requirements: list[Requirement]) -> Iterator[tuple[Requirement, Path]]:
        lacking = [requirement for requirement in requirements if self._find(requirement) is None]
        if lacking and self._index and not self._download(lacking):
            # One that has no wheel keeps pip from bringing the others.
            for requirement in lacking:
                self._download([requirement])
        lacking = [requirement for requirement in lacking if self._find(requirement) is None]
        if lacking and self._build is not None:
            self._build(lacking, self._folder)
        missing: list[Requirement] = []
        for requirement in requirements:
            wheel = self._find(requirement)
            if wheel is not None:
                yield requirement, wheel
            elif not canonicalize_name(requirement.name).startswith(OPTIONAL):
                missing.append(requirement)
        if missing:
            raise MissingWheelsError(
                f"There is no wheel for {self._target.machine} and Python {self._target.python_words} of "
                f"{', '.join(map(str, missing))}. Build them on such a machine with `pip wheel` and name their folder "
                "with WHEELS=."
            )

    def _find(self, requirement: Requirement) -> Path | None:
        return self._best(canonicalize_name(requirement.name), requirement)

    def _best(self, beginning: str, requirement: Requirement | None) -> Path | None:
        """Return the newest wheel that runs on the target, of those of a version the one built for it most closely."""
        fitting = [
            (version, -fits, path)
            for path in (path for source in self._sources for path in source.glob("*.whl"))
            for name, version, _, tags in [parse_wheel_filename(path.name)]
            for fits in [min((self._ranks[tag] for tag in tags if tag in self._ranks), default=None)]
            if fits is not None
            and (name == beginning if requirement else name.startswith(beginning))
            and (requirement is None or requirement.specifier.contains(version, prereleases=True))
        ]
        return max(fitting)[2] if fitting else None

    def _download(self, requirements: list[Requirement]) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        major, minor = self._target.python
        options = [f"--platform={platform}" for platform in self._target.platforms]
        options += [f"--python-version={self._target.python_words}", "--implementation=cp", "--abi=abi3", "--abi=none"]
        words = [f"{requirement.name}{requirement.specifier}" for requirement in requirements]
        done = subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--only-binary=:all:", f"--abi=cp{major}{minor}", *options, f"--dest={self._folder}", *words,
            ],
            capture_output=True,
            check=False,
        )  # fmt: skip
        return done.returncode == 0

    def _requirements(self, wheel: Path, extras: frozenset[str]) -> Iterator[Requirement]:
        environments = [{**self._target.markers(), "extra": extra} for extra in (extras or {""})]
        for line in _metadata(wheel):
            requirement = Requirement(line)
            if requirement.marker is None or any(requirement.marker.evaluate(each) for each in environments):
                yield requirement


def _metadata(wheel: Path) -> list[str]:
    """Return the lines that say what a wheel requires."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        return BytesParser().parsebytes(archive.read(name)).get_all("Requires-Dist") or []
