"""Packages of Debian's that only a virtual machine has: fetched and unpacked under build/, and installed nowhere.

NetworkManager, once installed, takes the network of the machine in hand that it is installed on.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.lab.debian_kernel import CACHE, run


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """Return a folder with what these packages hold and this machine has not; fetched once.

    Args:
        name: what the folder is called.
        packages: their names; what they need comes as well.

    Raises:
        RuntimeError: they could not be fetched; the message says why.
    """
    folder = CACHE / name
    if folder.is_dir():
        return folder
    draft = CACHE / f"{name}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    planned = run("apt-get", "install", "--dry-run", "--no-install-recommends", *packages)
    missing = [line.split()[1] for line in planned.splitlines() if line.startswith("Inst ")]
    if missing:
        run("apt-get", "download", *missing, folder=draft)
    for package in draft.glob("*.deb"):
        run("dpkg-deb", "--extract", str(package), str(draft))
        package.unlink()
    draft.rename(folder)
    return folder
