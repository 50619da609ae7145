"""Finds the wheels that make the handset run on another machine: those that the lock names, and no others."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from tools.debian.target import Target
from tools.lock.lockfile import Pin
from tools.lock.packages import locked_files


class MissingWheelsError(Exception):
    """Some packages have no wheel for the target."""


class WheelHouse:
    """A folder of wheels that fills itself from others, from the index, and by building them."""

    def __init__(
        self,
        folder: Path,
        target: Target,
        sources: Iterable[Path],
        *,
        download: Callable[[Sequence[Pin], Path], None] | None = None,
        build: Callable[[Sequence[Path], Path], None] | None = None,
    ) -> None:
        """Set up.

        Args:
            folder: where files from the index are kept, for the next time too, and below it what was built of them.
            target: whom the wheels are for.
            sources: folders that are looked through first.
            download: brings wheels or sources of packages into a folder; None where the index may not be asked.
            build: builds wheels of sources into a folder; None where nothing can be built.
        """
        self._folder = folder
        self._built = folder / "built"
        self._target = target
        self._sources = (*sources, folder)
        self._download = download
        self._build = build
        self._tags = frozenset(target.tags())

    def collect(self, pins: Sequence[Pin]) -> list[Path]:
        """Return a wheel of each package.

        Raises:
            MissingWheelsError: some have none; the message names all of them.
        """
        lacking = [pin for pin in pins if self._wheel(pin) is None and self._source(pin) is None]
        if lacking and self._download is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._download(lacking, self._folder)
        sources = [self._source(pin) for pin in pins if self._wheel(pin) is None]
        if self._build is not None and (buildable := [source for source in sources if source is not None]):
            self._built.mkdir(parents=True, exist_ok=True)
            self._build(buildable, self._built)
        wheels = {pin.name: self._wheel(pin) for pin in pins}
        missing = [pin for pin in pins if wheels[pin.name] is None]
        if missing:
            raise MissingWheelsError(
                f"There is no wheel for {self._target.machine} and Python {self._target.python_words} of "
                f"{', '.join(f'{pin.name} {pin.version}' for pin in missing)} that the lock names. "
                "`python -m tools.lock fetch FOLDER` fetches what it names; name that folder with WHEELS=."
            )
        return [wheel for wheel in wheels.values() if wheel is not None]

    def _wheel(self, pin: Pin) -> Path | None:
        """Return a wheel that the lock names, or that was built here of a source that it names."""
        found = [path for folder in self._sources for path in folder.glob("*.whl") if self._fits(path, pin)]
        built = [path for path in self._built.glob("*.whl") if self._fits(path, pin)]
        return next(iter([*locked_files(pin, found), *built]), None)

    def _fits(self, path: Path, pin: Pin) -> bool:
        name, version, _, tags = parse_wheel_filename(path.name)
        return name == pin.name and version == pin.version and not self._tags.isdisjoint(tags)

    def _source(self, pin: Pin) -> Path | None:
        named = [
            path
            for folder in self._sources
            for path in folder.glob(f"*-{pin.version}.tar.gz")
            if canonicalize_name(path.name.removesuffix(f"-{pin.version}.tar.gz")) == pin.name
        ]
        return next(iter(locked_files(pin, named)), None)
