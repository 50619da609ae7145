"""The handset's Debian package: of this checkout, and of a commit before by that commit's own tools."""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.lab.installed_box import _TARGET, CHECKOUT, PYTHON, _wheels
from tools.lock.packages import build_environment

_EARLIER: Final = CHECKOUT / "build" / "earlier"
# Of those that the SIP library of then has wheels for.
_EARLIER_PYTHON: Final = "python3.11"


def build_package(folder: Path) -> Path:
    """Build this checkout's package into a folder, for the interpreter that the tests run with, seen at `PYTHON`."""
    words = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _build(CHECKOUT, sys.executable, words, folder, _wheels(), PYTHON)


def builder() -> Path:
    """Return the interpreter that this checkout's own wheel is built with."""
    return build_environment(CHECKOUT / "build" / "builder", _TARGET, "--no-index", f"--find-links={_wheels()}")


def why_no_earlier_package(commit: str) -> str:
    """Say why the package of a commit cannot be had here; empty where it can."""
    if shutil.which(_EARLIER_PYTHON) is None:
        return (
            f"The phone of {commit} runs with {_EARLIER_PYTHON}, which its SIP library has a wheel for; here is none."
        )
    known = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    if _built(commit) or subprocess.run(known, cwd=CHECKOUT, capture_output=True, check=False).returncode == 0:
        return ""
    return f"This repository is without commit {commit}, as shallow clones are: `git fetch --unshallow` brings it."


def earlier_python() -> Path:
    """Return the folder of the interpreter that earlier packages are built for."""
    asked = [_EARLIER_PYTHON, "-c", "import sys; print(sys.base_prefix)"]
    return Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())


def earlier_package(commit: str, python: str) -> Path:
    """Return the package of a commit, built by its own tools the first time.

    Args:
        commit: which.
        python: where the interpreter's folder is on the machine that gets it.
    """
    if built := _built(commit):
        return built[0]
    _EARLIER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_EARLIER) as name:
        scratch = Path(name)
        source, wheels, made = (scratch / each for each in ("source", "wheels", "made"))
        source.mkdir()
        archived = subprocess.run(["git", "archive", commit], cwd=CHECKOUT, capture_output=True, check=True)
        subprocess.run(["tar", "--extract", "--directory", source], input=archived.stdout, check=True)
        _run(_EARLIER_PYTHON, "-m", "venv", scratch / "venv")
        builder = scratch / "venv" / "bin" / "python"
        pip = (builder, "-m", "pip", "--quiet", "--disable-pip-version-check")
        _run(*pip, "wheel", f"--wheel-dir={wheels}", *_requirements(source))
        _run(*pip, "install", "--no-index", f"--find-links={wheels}", "click", "packaging")
        _build(source, builder, _EARLIER_PYTHON.removeprefix("python"), made, wheels, python)
        made.rename(_EARLIER / commit)
    return _built(commit)[0]


def _built(commit: str) -> Sequence[Path]:
    return list((_EARLIER / commit).glob("*.deb"))


def _requirements(source: Path) -> list[str]:
    """Return what a checkout from before the locks needs on a phone, and for its own wheel."""
    project = tomllib.loads((source / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = [
        *project["project"]["dependencies"],
        *(line for each in ("handset", "pi", "sync") for line in extras[each]),
    ]
    return [*wanted, *project["build-system"]["requires"], "wheel", "packaging"]


def _build(  # noqa: PLR0917 - the words of one command
    source: Path, builder: str | Path, version: str, folder: Path, wheels: Path, python: str
) -> Path:
    said = _run(
        builder, "-m", "tools.debian", "--arch=amd64", f"--python-version={version}",
        f"--interpreter={python}/bin/python{version}", "--offline", f"--wheels={wheels}", "--compression=none",
        f"--output={folder}", at=source,
    )  # fmt: skip
    return Path(said.splitlines()[-1])


def _run(*command: str | Path, at: Path = CHECKOUT) -> str:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
