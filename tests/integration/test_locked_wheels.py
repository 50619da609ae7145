"""The step by which install.sh makes wheels, from a folder: what is not the file that was locked is not installed."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

STEP = Path(__file__).parents[2] / "tools" / "locked-wheels"

# Builds a wheel without any library; what is built says so when it is imported.
_BACKEND = """
import zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = "{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{{folder}}/{{name}}", "w") as archive:
        archive.writestr("{name}.py", "built = True\\n")
        archive.writestr("{name}-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        archive.writestr("{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        archive.writestr("{name}-1.0.dist-info/RECORD", "")
    return name
"""
_PROJECT = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"


@dataclass(frozen=True)
class Project:
    """A project with a lock, and a folder with what it names.

    Attributes:
        python: the interpreter.
        source: of the project.
        packages: a wheel and a source of what it needs, and a tool.
        wheels: where the step's go.
    """

    python: Path
    source: Path
    packages: Path
    wheels: Path

    def install(self) -> subprocess.CompletedProcess[str]:
        """Run the step without an index, and without what this machine's pip is told beside."""
        return subprocess.run(
            [STEP, self.python, self.source, self.wheels, "--no-index", "--find-links", self.packages],
            env={name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
            | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def made(self) -> set[str]:
        return {path.name for path in self.wheels.glob("*")} if self.wheels.exists() else set()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This interpreter, which makes one virtual environment, and where it is asked for another copies that."""
    folder = tmp_path_factory.mktemp("python")
    python = folder / "python"
    python.write_text(
        f"""#!/bin/sh
[ "$*" = "-m venv $3" ] || exec {sys.executable} "$@"
[ -d {folder}/made ] || {sys.executable} -m venv {folder}/made
cp -a {folder}/made "$3"
"""
    )
    python.chmod(0o755)
    return python


@pytest.fixture
def project(python: Path, tmp_path: Path) -> Project:
    source, packages = tmp_path / "source", tmp_path / "packages"
    (source / "requirements").mkdir(parents=True)
    packages.mkdir()
    (source / "pyproject.toml").write_text(_PROJECT)
    (source / "backend.py").write_text(_BACKEND.format(name="phone"))
    _lock(source / "requirements" / "build.lock", _wheel(packages, "tool"))
    _lock(source / "requirements" / "handset.lock", _wheel(packages, "font"), _sdist(packages, "sound"))
    return Project(python, source, packages, tmp_path / "wheels")


def test_wheels_are_made_of_what_the_lock_names_and_of_the_project(project: Project) -> None:
    done = project.install()
    assert done.returncode == 0, done.stderr
    assert project.made() == {f"{name}-1.0-py3-none-any.whl" for name in ("font", "sound", "phone")}


@pytest.mark.parametrize("changed", ["font-1.0-py3-none-any.whl", "sound-1.0.tar.gz", "tool-1.0-py3-none-any.whl"])
def test_a_file_that_was_changed_is_refused_and_nothing_is_made(project: Project, changed: str) -> None:
    path = project.packages / changed
    path.write_bytes(path.read_bytes() + b"\0")
    done = project.install()
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert project.made() == set()


def test_a_package_without_a_hash_is_refused(project: Project) -> None:
    _wheel(project.packages, "extra")
    with (project.source / "requirements" / "handset.lock").open("a") as lock:
        lock.write("extra==1.0\n")
    done = project.install()
    assert done.returncode != 0
    assert "Hashes are required" in done.stderr
    assert project.made() == set()


def test_what_a_package_needs_and_the_lock_does_not_name_is_refused(project: Project) -> None:
    needy = _wheel(project.packages, "needy", "Requires-Dist: extra\n")
    _wheel(project.packages, "extra")
    _lock(project.source / "requirements" / "handset.lock", needy)
    assert project.install().returncode != 0
    assert project.made() == set()


def _lock(path: Path, *files: Path) -> None:
    path.write_text(
        "".join(
            f"{file.name.partition('-')[0]}==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"
            for file in files
        )
    )


def _wheel(folder: Path, name: str, more: str = "") -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}")
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path


def _sdist(folder: Path, name: str) -> Path:
    path = folder / f"{name}-1.0.tar.gz"
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": _PROJECT,
        "backend.py": _BACKEND.format(name=name),
    }
    with tarfile.open(path, "w:gz") as archive:
        for member, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{member}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path
