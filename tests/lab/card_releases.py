"""Releases of a card's system: the root that `make image` has made, under other versions and with changes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firmware.installer.release_folder import ReleaseFolder
from tests.lab.debian_kernel import amd64_kernel, archive
from tests.lab.pc_card import IMAGE

_CHECKOUT: Final = Path(__file__).parents[2]
_PACKAGES: Final = "opt/wecall/venv/lib/python3.13/site-packages"
# An emulated processor reads all of a slot, for what of the update is there already.
_SIZES: Final = {"DATA_MIB": "512", "ROOT_MIB": "832"}

Change = Callable[[Path], None]
"""Changes a root; files are replaced and not written to, as other roots share them."""


@dataclass(frozen=True, slots=True)
class CardRelease:
    """A release.

    Attributes:
        version: what it calls itself.
        card: the image of a card that begins with it.
        update: what brings it to other cards.
    """

    version: str
    card: Path
    update: Path


def make_release_keys(folder: Path) -> Path:
    """Make the keys of somebody who makes releases, without a passphrase, and return their folder."""
    release = ReleaseFolder(folder)
    release.new_root("")
    release.new_signer()
    release.sign((), None, datetime.now(UTC))
    return folder


class CardReleases:
    """Whoever makes releases.

    Attributes:
        keys: the folder with the keys.
    """

    def __init__(self, folder: Path, keys: Path | None = None) -> None:
        """Make keys, unless there are some.

        Raises:
            RuntimeError: there is no root.
        """
        if not (IMAGE / "root").is_dir():
            raise RuntimeError(f"There is no root in {IMAGE}. Make one first: make image ARCH=amd64")
        self._folder = folder
        self.keys = keys or make_release_keys(folder / "keys")

    def make(self, version: str, *changes: Change) -> CardRelease:
        """Make a release with some changes."""
        out = self._folder / version
        root = self._folder / "root"
        # Links and not copies, so that a release costs the room of its image alone.
        subprocess.run(("cp", "-al", IMAGE / "root", root), check=True)
        image = json.loads((root / "usr/lib/wecall/image.json").read_text())
        replace(root / "usr/lib/wecall/image.json", json.dumps({**image, "version": version}, indent=None))
        for change in changes:
            change(root)
        subprocess.run(
            (_CHECKOUT / "tools/image/pack", "amd64", root, self.keys, out),
            check=True,
            capture_output=True,
            env={**os.environ, **_SIZES},
        )
        shutil.rmtree(root)
        return CardRelease(version, out / "wecall.img", out / "wecall.raucb")


def replace(path: Path, text: str) -> None:
    """Write a file of a root anew, in the root's own spelling of it."""
    mode = path.stat().st_mode
    path.unlink()
    path.write_text(text)
    path.chmod(mode)


def other_package(name: str, version: str) -> Change:
    """Return a change that exchanges one Python package for another release of it."""

    def change(root: Path) -> None:
        packages = root / _PACKAGES
        fetched = root.with_name("package")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        subprocess.run((*pip, "--no-compile", f"--target={fetched}", f"{name}=={version}"), check=True)
        for each in fetched.iterdir():
            there = packages / each.name
            if there.is_dir():
                shutil.rmtree(there)
            if each.is_dir() and each.name != "bin":
                shutil.copytree(each, there)
        compiled = ("-m", "compileall", "-q", "-s", root, "-p", "/", "--invalidation-mode", "unchecked-hash")
        subprocess.run((sys.executable, *compiled, packages), check=True)
        shutil.rmtree(fetched)

    return change


def handset_that_ends(root: Path) -> None:
    """Have the handset end before it says that it runs."""
    path = root / _PACKAGES / "firmware/app/handset.py"
    replace(path, 'raise SystemExit("This release is broken.")\n')
    for compiled in (path.parent / "__pycache__").glob("handset.*"):
        compiled.unlink()


def kernel_that_hangs(root: Path) -> None:
    """Have the first root, which the kernel starts, wait for ever."""
    (image,) = (root / "boot").glob("initrd.img-*")
    image.unlink()
    image.write_bytes(
        archive(
            {
                "init": (0o755, b"#!/bin/busybox sh\nexec /bin/busybox sleep 1000000\n"),
                "bin/busybox": (0o755, amd64_kernel().busybox.read_bytes()),
            },
            ("bin",),
        )
    )
