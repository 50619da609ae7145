"""Builds the SIP library's wheel, unless it has been built from the same things before, and prints where it is."""

import argparse
import fcntl
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from engine import recipe
from engine.errors import EngineError
from engine.target import MACHINES, Target, cross_target, make_sysroot, native_target, own_architecture

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
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _wheel(cache, architecture, sanitize=sanitize)


def _wheel(cache: Path, architecture: str, *, sanitize: bool) -> Path:
    foreign = architecture != own_architecture()
    sysroot = cache / f"sysroot-{architecture}"
    target = cross_target(architecture, sysroot) if foreign else native_target()
    key = _key(target, sanitize=sanitize)
    place = cache / key
    for wheel in place.glob("*.whl"):
        return wheel
    if foreign and not (sysroot / "usr").is_dir():
        _say(f"unpacking Debian's libraries for {architecture}")
        unfinished = cache / f"sysroot-{architecture}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_sysroot(architecture, unfinished)
        unfinished.rename(sysroot)
    began = time.monotonic()
    folder = cache / f"{key}.build"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = recipe.Build(target, folder, sanitize, _say).make_wheel()
    place.mkdir()
    made.replace(place / made.name)
    shutil.rmtree(folder, ignore_errors=True)
    _say(f"built in {time.monotonic() - began:.0f} s, and kept in {place}")
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


def _say(text: str) -> None:
    print(f"engine: {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python3 -m engine", description=__doc__)
    parser.add_argument("--arch", default="", help="amd64 or arm64; this machine's by default")
    parser.add_argument("--sanitize", action="store_true", help="with assertions and AddressSanitizer, for the fuzzer")
    words = parser.parse_args()
    try:
        print(wheel_for(words.arch, sanitize=words.sanitize))  # noqa: T201 - the answer
    except EngineError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
