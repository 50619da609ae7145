"""A kernel of Debian's and a small root to start it with, kept under build/ and installed nowhere."""

import lzma
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).parents[2] / "build" / "machine"
# What is needed to reach the root that a machine goes on with; everything else is loaded from there.
_FIRST_MODULES: Final = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_net", "virtio_console")


@dataclass(frozen=True, slots=True)
class DebianKernel:
    """A kernel.

    Attributes:
        image: the file that it starts from.
        modules: the folder with its modules, as it stands below /lib/modules.
        busybox: a shell and its tools in one file that needs no library.
    """

    image: Path
    modules: Path
    busybox: Path

    @property
    def release(self) -> str:
        """What `uname -r` says when it runs."""
        return self.modules.name

    def first_modules(self) -> list[tuple[str, bytes]]:
        """Return the modules that reach the root, in the order to load them: name and content."""
        asked = subprocess.run(
            [
                "modprobe", "--dirname", self.modules.parents[2], "--set-version", self.release,
                "--show-depends", "--all", *_FIRST_MODULES,
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout  # fmt: skip
        paths = dict.fromkeys(line.split()[1] for line in asked.splitlines() if line.startswith("insmod "))
        return [(Path(path).name.removesuffix(".xz"), _content(Path(path))) for path in paths]


def amd64_kernel() -> DebianKernel:
    """Return the newest kernel that Debian has for machines like this one; fetched once.

    Raises:
        RuntimeError: it could not be fetched; the message says why.
    """
    folder = CACHE / "amd64"
    root = folder / "root"
    if not root.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        depends = run("apt-cache", "depends", "linux-image-amd64")
        image = next(word for word in depends.split() if word.startswith("linux-image-6"))
        run("apt-get", "download", image, "busybox-static", folder=folder)
        for package in folder.glob("*.deb"):
            run("dpkg-deb", "--extract", str(package), str(folder / "unpacked"))
            package.unlink()
        unpacked = folder / "unpacked"
        if not (unpacked / "lib").exists():
            (unpacked / "lib").symlink_to("usr/lib")
        (release,) = (unpacked / "lib" / "modules").iterdir()
        run("depmod", "--basedir", str(unpacked), release.name)
        unpacked.rename(root)
    (modules,) = (root / "lib" / "modules").iterdir()
    return DebianKernel(next((root / "boot").glob("vmlinuz-*")), modules.resolve(), root / "usr" / "bin" / "busybox")


def archive(files: Mapping[str, tuple[int, bytes]], folders: Iterable[str]) -> bytes:
    """Pack files, by name with mode and content, for the kernel to unpack as its first root (cpio's "newc")."""
    packed = bytearray()
    entries = [(folder, stat.S_IFDIR | 0o755, b"") for folder in folders]
    entries += [(name, stat.S_IFREG | mode, content) for name, (mode, content) in files.items()]
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        packed += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        packed += bytes(-len(packed) % 4) + content
        packed += bytes(-len(packed) % 4)
    return bytes(packed)


def _content(module: Path) -> bytes:
    content = module.read_bytes()
    return lzma.decompress(content) if module.suffix == ".xz" else content


def run(*command: str, folder: Path | None = None) -> str:
    """Run one of Debian's tools and return what it said; lists of packages that are too old are brought up to date.

    Raises:
        RuntimeError: it failed; the message holds its errors.
    """
    # apt fetches as a user of its own, who may not write here.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    for attempt in ("", "again"):
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
        if done.returncode == 0:
            return done.stdout
        if command[0] == "apt-get" and not attempt:
            # The lists may be older than what the archive still has.
            subprocess.run(["apt-get", "update"], capture_output=True, check=False)
    raise RuntimeError(f"`{' '.join(command)}` failed, and with it what the machine test needs:\n{done.stderr}")
