"""Debian's newest Asterisk, unpacked under build/ with all that it needs, its own C library too, and installed nowhere.

Trixie has none. What is fetched comes from sid by apt, which checks the archive's signature as it does for the system.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from tests.lab.debian_kernel import CACHE

_FOLDER: Final = CACHE / "asterisk"
_SOURCES: Final = """\
Types: deb
URIs: http://deb.debian.org/debian
Suites: sid
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp
"""
_PACKAGES: Final = ("asterisk", "asterisk-core-sounds-en-g722")
MODULES: Final = f"usr/lib/{sysconfig.get_config_var('MULTIARCH')}/asterisk/modules"


def asterisk_root() -> Path:
    """Return a root with Asterisk in it; fetched once.

    Raises:
        RuntimeError: it could not be fetched; the message says why.
    """
    root = _FOLDER / "root"
    CACHE.mkdir(parents=True, exist_ok=True)
    # One of several processes fetches it; the others wait.
    with (CACHE / "asterisk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.is_dir():
            return root
        draft = _FOLDER.with_name("asterisk.new")
        shutil.rmtree(draft, ignore_errors=True)
        _fetch(draft)
        shutil.rmtree(_FOLDER, ignore_errors=True)
        draft.rename(_FOLDER)
        return root


def asterisk_version() -> str:
    """Return the version that is there, as Debian names it: sid moves."""
    return (_FOLDER / "version").read_text()


def _fetch(folder: Path) -> None:
    root = folder / "root"
    for needed in ("state/lists/partial", "cache/archives/partial", "root/proc", "root/dev", "root/pbx"):
        (folder / needed).mkdir(parents=True)
    # Nothing counts as installed, so all that it needs comes as well.
    (folder / "state/status").touch()
    (folder / "sid.sources").write_text(_SOURCES)
    (folder / "apt.conf").write_text(
        f'Dir::State "{folder}/state/";\nDir::State::status "{folder}/state/status";\nDir::Cache "{folder}/cache/";\n'
        f'Dir::Etc::sourcelist "{folder}/sid.sources";\nDir::Etc::sourceparts "/dev/null";\n'
        'APT::Install-Recommends "false";\nAPT::Sandbox::User "root";\n'
        # Otherwise an archive that is not reached is a warning, and what it has is "not found".
        'APT::Update::Error-Mode "any";\n'
    )
    _run(folder, "apt-get", "update")
    _run(folder, "apt-get", "install", "--yes", "--download-only", *_PACKAGES)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
        (root / "usr" / name).mkdir(parents=True)
    for package in (folder / "cache/archives").glob("*.deb"):
        _run(folder, "dpkg-deb", "--extract", str(package), str(root))
        if found := re.fullmatch(r"asterisk_(.*)_[a-z0-9]+\.deb", package.name):
            (folder / "version").write_text(found[1].replace("%3a", ":"))
    for spent in ("cache", "state"):
        shutil.rmtree(folder / spent)


def _run(folder: Path, *command: str) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "APT_CONFIG": str(folder / "apt.conf")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"Asterisk cannot be fetched, for which Debian's archive has to be reached once: `{' '.join(command)}` "
            f"failed.\n{done.stderr[-2000:]}"
        )


def asterisk_or_skip() -> None:
    """Have an Asterisk; where Debian's archive is not reached, the run tells of tests that it did without."""
    try:
        asterisk_root()
    except RuntimeError as error:
        pytest.skip(str(error).splitlines()[0])
