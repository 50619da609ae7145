"""Gets and builds what a lock names: every file is held against the lock's hashes before anything of it is used."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tools.debian.target import Target
from tools.lock.lockfile import BUILD, ROOT, Lock, LockError, Pin

_PIP: Final = ("-m", "pip", "--quiet", "--disable-pip-version-check")
_LINES: Final = ("--requirement", "/dev/stdin")
_UMASK: Final = 0o022


def source_date() -> int:
    """Return when the source was written, in seconds of Unix time: whatever is built of it bears this time.

    Raises:
        LockError: nothing says when; the message asks for it.
    """
    done = subprocess.run(  # noqa: S603 - a script of this project
        [ROOT / "tools" / "epoch"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LockError(done.stderr.strip())
    return int(done.stdout)


def building() -> tuple[str, ...]:
    """Return the settings under which every build of a wheel comes out the same, as `env` takes them.

    Compilers are told to leave out what debuggers read: it names the folder of the build. lgpio brings its C library
    along, and builds it in when it is told by PYPI that the result is for an index.
    """
    return (
        f"SOURCE_DATE_EPOCH={source_date()}", "LC_ALL=C.UTF-8", "TZ=UTC", "PYTHONHASHSEED=0", "CFLAGS=-g0", "PYPI=1",
    )  # fmt: skip


def build_environment(folder: Path, target: Target, *options: str) -> Path:
    """Make a virtual environment of this interpreter's that has what building takes, and return its interpreter.

    Args:
        folder: where it is, and stays for the next time.
        target: for whose conditions the build lock is read.
        options: tell pip where to take packages from.

    Raises:
        LockError: something cannot be had, or is not what the lock names.
    """
    python = folder / "bin" / "python"
    stamp = folder / "made-of"
    made_of = hashlib.sha256(BUILD.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text(encoding="ascii") != made_of:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        pins = Lock.read(BUILD).on(target.markers())
        _run(python, *_PIP, "install", "--require-hashes", *options, *_LINES, lines=pins)
        stamp.write_text(made_of, encoding="ascii")
    return python


def download(pins: Iterable[Pin], folder: Path, target: Target, python: Path, *options: str) -> None:
    """Download the wheel of each package that runs on the target, or its source where there is none.

    Args:
        pins: of the lock.
        folder: where they go.
        target: whom they are for.
        python: the interpreter of a build environment, with which sources say what they are.
        options: tell pip where to take packages from.

    Raises:
        LockError: something cannot be had, or is not what the lock names.
    """
    platforms = [f"--platform={platform}" for platform in target.platforms]
    _run(
        python, *_PIP, "download", "--require-hashes", "--no-deps", "--no-build-isolation", *platforms,
        f"--python-version={target.python_words}", "--implementation=cp", "--abi=abi3", "--abi=none",
        f"--abi=cp{target.python_words.replace('.', '')}", *options, f"--dest={folder}", *_LINES, lines=pins,
    )  # fmt: skip


def build(sources: Iterable[Path], folder: Path, python: Path) -> None:
    """Build wheels for this machine and interpreter.

    Args:
        sources: files that were held against the lock, or folders of this project's.
        folder: where the wheels go.
        python: the interpreter of a build environment.

    Raises:
        LockError: one could not be built; the message holds what pip said.
    """
    _run(
        "env", *building(), python, *_PIP, "wheel", "--no-cache-dir", "--no-index", "--no-deps", "--no-build-isolation",
        f"--wheel-dir={folder}", *sources,
    )  # fmt: skip


def locked_files(pin: Pin, files: Sequence[Path]) -> list[Path]:
    """Return those of some files that are what the lock names."""
    return [path for path in files if hashlib.sha256(path.read_bytes()).hexdigest() in pin.hashes]


def _run(*command: str | Path, lines: Iterable[Pin] = ()) -> None:
    text = "".join(f"{pin}\n" for pin in lines)
    done = subprocess.run(  # noqa: S603 - pip, of this interpreter
        command, input=text, capture_output=True, text=True, check=False, umask=_UMASK
    )
    if done.returncode:
        raise LockError((done.stderr or done.stdout).strip()[-2000:])
