"""What the SIP library is built for, and the tools that build it."""

import hashlib
import os
import platform
import shlex
import subprocess
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.errors import EngineError

MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""What the kernel calls an architecture of Debian's."""
# The libraries that are linked, and the interpreter's headers.
_SYSROOT_PACKAGES: Final = (
    "libc6-dev", "libstdc++-14-dev", "libssl-dev", "libopus-dev", "libsrtp2-dev", "libspeexdsp-dev",
    "libpython3.13-dev",
)  # fmt: skip
_CROSS_PYTHON: Final = (3, 13)
_SUITE: Final = "trixie"
SYSROOT: Final = hashlib.sha256(" ".join((_SUITE, *_SYSROOT_PACKAGES)).encode()).hexdigest()[:8]
"""Tells a root of these packages from one of others."""


@dataclass(frozen=True, slots=True)
class Target:
    """A processor and an interpreter.

    Attributes:
        architecture: Debian's name, "amd64" or "arm64".
        python: the interpreter's version, as in (3, 13).
        python_includes: where its headers are.
        tools: the compilers, as environment variables; empty for the usual ones.
        configure: what `configure` is told about them.
    """

    architecture: str
    python: tuple[int, int]
    python_includes: tuple[str, ...]
    tools: dict[str, str] = field(default_factory=dict)
    configure: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag of its wheels."""
        interpreter = f"cp{self.python[0]}{self.python[1]}"
        return f"{interpreter}-{interpreter}-linux_{MACHINES[self.architecture]}"

    def compiler(self, which: str) -> list[str]:
        """Return the command behind "CC", "CXX" or "NM"."""
        usual = {"CC": os.environ.get("CC", "gcc"), "CXX": os.environ.get("CXX", "g++"), "NM": "nm"}
        return shlex.split(self.tools.get(which, usual[which]))

    def fingerprint(self) -> str:
        """Return what tells one compiler from another."""
        words = [*self.compiler("CXX"), "-dumpfullversion", "-dumpmachine"]
        try:
            version = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        except FileNotFoundError as error:
            raise EngineError(
                f"{words[0]} is not installed, and the SIP library cannot be built without it. `tools/setup engine` "
                "installs it; debian-packages.txt has the list."
            ) from error
        return f"{self.tag} {version}"


def own_architecture() -> str:
    """Return this machine's architecture, in Debian's words.

    Raises:
        EngineError: none that a handset has.
    """
    machine = platform.machine()
    for architecture, name in MACHINES.items():
        if name == machine:
            return architecture
    raise EngineError(f"The SIP library is built for {' and '.join(MACHINES.values())}, and this machine is {machine}.")


def native_target() -> Target:
    """Return this machine and the interpreter that runs this."""
    version = sysconfig.get_python_version().split(".")
    folder = sysconfig.get_path("include")
    if not (Path(folder) / "Python.h").exists():
        raise EngineError(f"Python's headers are missing ({folder}): apt install python3-dev.")
    return Target(own_architecture(), (int(version[0]), int(version[1])), (f"-I{folder}",))


def cross_target(architecture: str, sysroot: Path) -> Target:
    """Return another machine with Debian's interpreter, whose headers and libraries are below `sysroot`."""
    triple = f"{MACHINES[architecture]}-linux-gnu"
    root = f"--sysroot={sysroot}"
    include = sysroot / f"usr/include/python{_CROSS_PYTHON[0]}.{_CROSS_PYTHON[1]}"
    return Target(
        architecture,
        _CROSS_PYTHON,
        (f"-I{include}", f"-I{sysroot / 'usr/include'}"),
        {
            "CC": f"{triple}-gcc {root}",
            "CXX": f"{triple}-g++ {root}",
            "LD": f"{triple}-gcc {root}",
            "AR": f"{triple}-ar",
            "RANLIB": f"{triple}-ranlib",
            "NM": f"{triple}-nm",
        },
        (f"--host={triple}", f"--with-ssl={sysroot}/usr"),
    )


def make_sysroot(architecture: str, into: Path) -> None:
    """Unpack Debian's headers and libraries for another architecture; nothing of them runs.

    Raises:
        EngineError: they cannot be had.
    """
    command = [
        "mmdebstrap", "--quiet", "--variant=extract", f"--architectures={architecture}",
        f"--include={','.join(_SYSROOT_PACKAGES)}", _SUITE, str(into),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise EngineError("mmdebstrap is not installed, and there is no other way to build for another processor: "
                          "apt install mmdebstrap.") from error  # fmt: skip
    if done.returncode != 0:
        # mmdebstrap ends with the removal of what it had made; the reason stands before.
        said = [line.removeprefix("E: ") for line in done.stderr.splitlines() if line.startswith("E: ")]
        reason = said[0] if said else f"mmdebstrap ended with {done.returncode}"
        raise EngineError(f"Debian's libraries for {architecture} cannot be had: {reason.rstrip('.')}.")
