"""What of a Debian is changed when a fleet's server is set up: packages, users and files; what is there stays."""

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NoReturn

from firmware.base.durable import replace_durably
from fleet.errors import FleetError

_FAILED: Final = "Mend that, and say the command again: what is done stays."
_SAID_LINES: Final = 5


def run(*command: str | Path, as_user: str | None = None) -> str:
    """Run a program of Debian's, and return what it said.

    Raises:
        FleetError: it is not there, or failed.
    """
    whole = [*(("runuser", "-u", as_user, "--") if as_user else ()), *map(str, command)]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: S603 - programs of Debian's, and no shell reads it
            whole, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise FleetError(f"`{whole[0]}` cannot be run: {error.strerror}. This command is for Debian.") from error
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-_SAID_LINES:])
        raise FleetError(f"`{' '.join(whole)}` failed with {done.returncode}. {_FAILED}\n{said}")
    return done.stdout


def become(user: str, *command: str | Path) -> NoReturn:
    """Go on as another user with another program."""
    sys.stdout.flush()
    os.chdir("/")
    os.execvp("runuser", ["runuser", "-u", user, "--", *map(str, command)])  # noqa: S606, S607 - Debian's own, and no shell


def install(*packages: str) -> list[str]:
    """Install those of Debian's packages that are not there; return them.

    Raises:
        FleetError: one cannot be had.
    """
    missing = [package for package in packages if not _is_installed(package)]
    if missing:
        run("apt-get", "update")
        run("apt-get", "install", "--yes", "--no-install-recommends", *missing)
    return missing


def add_user(name: str) -> None:
    """Make a user for a service where there is none.

    Raises:
        FleetError: it cannot be made.
    """
    try:
        pwd.getpwnam(name)
    except KeyError:
        run("useradd", "--system", name)


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(path, content)
        path.chmod(mode)


def give(folder: Path, owner: str) -> None:
    """Give a folder and all in it to a user alone.

    Raises:
        FleetError: the user is not there.
    """
    try:
        account = pwd.getpwnam(owner)
    except KeyError as error:
        raise FleetError(f"There is no user {owner}. {_FAILED}") from error
    for path in (folder, *sorted(folder.rglob("*"))):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def replace_package_file(package: str, path: Path, content: bytes) -> None:
    """Write a file in the place of the one that a package brought and nobody has changed.

    Raises:
        FleetError: somebody has changed it, to something else than this.
    """
    there = path.read_bytes() if path.exists() else None
    if there == content:
        return
    # No security rests on it: dpkg notes its configuration files so.
    digest = None if there is None else hashlib.md5(there, usedforsecurity=False).hexdigest()
    if digest is not None and f" {path} {digest}\n" not in f"{_conffiles(package)}\n":
        raise FleetError(
            f"{path} is neither Debian's nor ours: somebody has changed it. Move it away, or set the broker up by hand "
            "as fleet/broker/README.md says."
        )
    replace_durably(path, content)
    path.chmod(0o644)


def ours(*names: str) -> bytes:
    """Return a file that ships with this program, by its path below the package `fleet`."""
    return Path(__file__).parents[1].joinpath(*names).read_bytes()


def require_root_on_debian() -> None:
    """See that this can be done here.

    Raises:
        FleetError: it cannot.
    """
    if os.geteuid() != 0:
        raise FleetError("This sets up the whole machine, which only root may. Say it as root.")
    if missing := _missing(("apt-get", "dpkg-query", "systemctl")):
        raise FleetError(f"This is for Debian with systemd, and there is no {missing[0]} here.")


def _missing(programs: Iterable[str]) -> list[str]:
    return [program for program in programs if shutil.which(program) is None]


def _is_installed(package: str) -> bool:
    try:
        return run("dpkg-query", "-W", "-f=${db:Status-Status}", package) == "installed"
    except FleetError:
        return False


def _conffiles(package: str) -> str:
    return run("dpkg-query", "-W", "-f=${Conffiles}", package)
