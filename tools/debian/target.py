"""Which machine a package is built for, in the words of Debian, of the kernel and of Python's wheels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from packaging.tags import Tag, compatible_tags, cpython_tags

MACHINES: Final = {"arm64": "aarch64", "amd64": "x86_64"}
"""What the kernel calls an architecture of Debian's."""

# glibc 2.41 is Debian 13's; wheels for an older one run with it.
_NEWEST_GLIBC_MINOR: Final = 41
_OLDEST_GLIBC_MINOR: Final = 17
_LEGACY_PLATFORMS: Final = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True, slots=True)
class Target:
    """A machine that the package is to run on.

    Attributes:
        architecture: Debian's name, "arm64" or "amd64".
        python: its interpreter's version, as in (3, 13).
        interpreter: where the interpreter is on that machine.
    """

    architecture: str
    python: tuple[int, int]
    interpreter: str

    @property
    def machine(self) -> str:
        """What the kernel calls the architecture."""
        return MACHINES[self.architecture]

    @property
    def python_words(self) -> str:
        """The version as it is written."""
        return f"{self.python[0]}.{self.python[1]}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms whose wheels run there, best first."""
        names: list[str] = []
        for minor in range(_NEWEST_GLIBC_MINOR, _OLDEST_GLIBC_MINOR - 1, -1):
            names.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in _LEGACY_PLATFORMS:
                names.append(f"{_LEGACY_PLATFORMS[minor]}_{self.machine}")
        return (*names, f"linux_{self.machine}")

    def tags(self) -> Iterator[Tag]:
        """Yield the tags of the wheels that run there, best first."""
        yield from cpython_tags(self.python, platforms=self.platforms)
        yield from compatible_tags(self.python, f"cp{self.python[0]}{self.python[1]}", self.platforms)

    def markers(self) -> dict[str, str]:
        """Return what the conditions of a requirement are judged by there."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python_words}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python_words}.0",
            "python_version": self.python_words,
            "sys_platform": "linux",
        }
