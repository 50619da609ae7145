"""Puts the handset's files where they belong on a machine, and packs them with what is to be done when they arrive."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tools.debian.target import Target
from tools.lock.packages import build, source_date
from tools.sbom.document import document_of

_SOURCE: Final = Path(__file__).parents[2]
_SCRIPTS: Final = Path(__file__).parent / "maintainer"
_NAME: Final = "wecall-handset"
_PREFIX: Final = Path("opt/wecall")
_DEBIAN_PYTHON: Final = "/usr/bin/python3"
# What the wheels that were compiled for Debian are linked with.
_LIBRARIES: Final = ("libasound2t64", "libsystemd0", "libc6 (>= 2.36)")

_COMMAND: Final = f"""#!/{_PREFIX}/venv/bin/python
import sys

from firmware.cli import main

sys.exit(main())
"""


def build_wheel(folder: Path, python: Path) -> Path:
    """Build the handset's own wheel into a folder, from a copy: building writes beside the source.

    Args:
        folder: where it goes.
        python: the interpreter of a build environment.

    Raises:
        LockError: it could not be built; the message holds what pip said.
    """
    copy = folder / "source"
    copy_source(copy)
    build([copy], folder, python)
    (wheel,) = folder.glob(f"{_NAME.replace('-', '_')}-*.whl")
    return wheel


def copy_source(copy: Path) -> None:
    """Copy what a handset's wheel is built from into a new folder; a phone has no page, and opens no door for one."""
    copy.mkdir(parents=True)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(_SOURCE / name, copy)
    for name in ("contract", "firmware", "drivers", "mqtt", "provisioning", "tools"):
        shutil.copytree(_SOURCE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(copy / "drivers" / "simulator")
    _make_alike(copy)


def lay_out(root: Path, target: Target, wheels: Iterable[Path]) -> None:
    """Put everything under a root as it will stand on the machine; nothing is left to be built there."""
    environment = root / _PREFIX / "venv"
    packages = environment / "lib" / f"python{target.python_words}" / "site-packages"
    packages.mkdir(parents=True)
    for wheel in wheels:
        _unpack(wheel, packages)
    commands = environment / "bin"
    commands.mkdir()
    for name in ("python", "python3", f"python{target.python_words}"):
        (commands / name).symlink_to(target.interpreter)
    (commands / "wecall").write_text(_COMMAND)
    (commands / "wecall").chmod(0o755)
    # What makes the folder a virtual environment to the interpreter (PEP 405).
    (environment / "pyvenv.cfg").write_text(
        f"home = {Path(target.interpreter).parent}\n"
        "include-system-site-packages = false\n"
        f"version = {target.python_words}\n"
    )
    if target.python == sys.version_info[:2]:
        # Another version's are made on the machine. That a compiled file fits its source is promised here, and not
        # looked for there: the times by which Python would tell are the same for all files, and a phone that found one
        # stale could not write a new one (PEP 552).
        subprocess.run(
            [
                *("env", "PYTHONHASHSEED=0", sys.executable, "-m", "compileall", "-q", "-s", root, "-p", "/"),
                *("--invalidation-mode", "unchecked-hash", packages),
            ],
            check=True,
        )
        (environment / "compiled").touch()
    _with_machine("place_files", _SOURCE, root, "/usr/lib")
    (root / _PREFIX / "share" / "sbom.json").write_text(document_of(root), encoding="utf-8")
    command = root / "usr" / "bin" / "wecall"
    command.parent.mkdir(parents=True)
    command.symlink_to(f"/{_PREFIX}/venv/bin/wecall")
    documents = root / "usr" / "share" / "doc" / _NAME
    documents.mkdir(parents=True)
    shutil.copy(_SOURCE / "LICENSE", documents / "copyright")


def pack(root: Path, target: Target, version: str, compression: str, folder: Path) -> Path:
    """Make the package of what lies under a root, with its maintainer scripts."""
    control = root / "DEBIAN"
    control.mkdir()
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    size_kib = sum(path.stat().st_size for path in files) // 1024
    (control / "control").write_text(_control(target, version, size_kib))
    machine = (_SOURCE / "systemd" / "machine.sh").read_text()
    for script in _SCRIPTS.iterdir():
        # Whole in itself: when a package is purged its files are gone.
        beginning = f"#!/bin/bash\nset -euo pipefail\nspeaker={_NAME}\n"
        (control / script.name).write_text(f"{beginning}{machine}\n{script.read_text()}")
        (control / script.name).chmod(0o755)
    _make_alike(root)
    package = folder / f"{_NAME}_{version}_{target.architecture}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", root, package],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(source_date())},
    )  # fmt: skip
    return package


def _make_alike(folder: Path) -> None:
    """Take away from what is below a folder what it has of the one who builds: their umask, and the time."""
    at = source_date()
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (at, at), follow_symlinks=False)


def _control(target: Target, version: str, size_kib: int) -> str:
    needed = [*_with_machine("printf", "%s\\n", "${runtime_packages[@]}").split(), *_LIBRARIES]
    if target.interpreter == _DEBIAN_PYTHON:
        major, minor = target.python
        needed += [f"python3 (>= {major}.{minor})", f"python3 (<< {major}.{minor + 1})"]
    return (
        f"Package: {_NAME}\n"
        f"Version: {version}\n"
        f"Architecture: {target.architecture}\n"
        "Maintainer: WeCall Handset\n"
        "Section: comm\n"
        "Priority: optional\n"
        f"Installed-Size: {size_kib}\n"
        f"Depends: {', '.join(needed)}\n"
        "Description: telephone of a Raspberry Pi\n"
        " Firmware that makes a Raspberry Pi with a keypad, a display, a hook switch and an\n"
        " earpiece into a phone that people trust.\n"
    )


def _with_machine(command: str, *words: str | Path) -> str:
    """Run a line of shell that knows systemd/machine.sh and return what it printed."""
    quoted = " ".join(f'"{word}"' for word in words)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'. "$0"; {command} {quoted}', _SOURCE / "systemd" / "machine.sh"],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "speaker": "debian"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _unpack(wheel: Path, packages: Path) -> None:
    """Do what installing a wheel is but for its commands, which nobody calls here (PEP 427)."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            parts = Path(entry.filename).parts
            if not parts[0].endswith(".data"):
                target = packages.joinpath(*parts)
            elif parts[1] in {"purelib", "platlib"}:
                target = packages.joinpath(*parts[2:])
            else:
                continue
            # A tenth of all is what packages test themselves with.
            if entry.is_dir() or "tests" in parts[1:-1]:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))
            target.chmod(0o755 if entry.external_attr >> 16 & 0o111 else 0o644)
