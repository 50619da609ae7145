"""The wheels that were built on this machine, each kept by what went into it."""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine import recipe
from engine.errors import EngineError
from engine.target import MACHINES, SYSROOT, Target, cross_target, make_sysroot, native_target, own_architecture

_SANITIZED: Final = "asan"


def wheel_for(architecture: str = "", *, sanitize: bool = False) -> Path:
    """Return the wheel for an architecture (this machine's by default), built where the cache has none.

    Raises:
        EngineError: it cannot be built.
    """
    architecture = architecture or own_architecture()
    if architecture not in MACHINES:
        raise EngineError(f"The SIP library is built for {' and '.join(MACHINES)}, not for {architecture}.")
    cache = _cache()
    foreign = architecture != own_architecture()
    # The root is another one where other packages are asked for.
    sysroot = cache / f"sysroot-{architecture}-{SYSROOT}"
    target = cross_target(architecture, sysroot) if foreign else native_target()
    key = _key(target, sanitize=sanitize)
    place = cache / key
    with _locked(cache / f"{key}.lock"):
        for wheel in place.glob("*.whl"):
            return wheel
        if foreign:
            _unpack(architecture, sysroot)
        return _build(target, place, sanitize=sanitize)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Wait until no other process builds the same."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("somebody else builds the same already; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack(architecture: str, sysroot: Path) -> None:
    with _locked(sysroot.with_name(f"{sysroot.name}.lock")):
        if sysroot.is_dir():
            return
        say(f"unpacking Debian's libraries for {architecture}")
        unfinished = sysroot.with_name(f"{sysroot.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        make_sysroot(architecture, unfinished)
        unfinished.rename(sysroot)


def _build(target: Target, place: Path, *, sanitize: bool) -> Path:
    began = time.monotonic()
    folder = place.with_name(f"{place.name}.build")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = recipe.Build(target, folder, sanitize, say).make_wheel()
    place.mkdir(exist_ok=True)
    made.replace(place / made.name)
    shutil.rmtree(folder, ignore_errors=True)
    say(f"built in {time.monotonic() - began:.0f} s, and kept in {place}")
    return place / made.name


def _key(target: Target, *, sanitize: bool) -> str:
    """Name a build by all that goes into it."""
    digest = hashlib.sha256(target.fingerprint().encode())
    for file in sorted(path for path in recipe.HERE.rglob("*") if path.suffix in {".py", ".c", ".h", ".sha256"}):
        digest.update(file.relative_to(recipe.HERE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{target.tag}-{_SANITIZED + '-' if sanitize else ''}{digest.hexdigest()[:16]}"


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "wecall" / "engine"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(text: str) -> None:
    """Show progress."""
    print(f"engine: {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress
