"""Two builds of one source are the same, bit by bit (tools/reproducible, tools/image/twice)."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import chance
from tests.lab.card_releases import make_release_keys
from tests.lab.handset_package import builder
from tests.lab.installed_box import CHECKOUT

_BUILD = """
import sys
from pathlib import Path
from tools.debian.package import build_wheel
build_wheel(*map(Path, sys.argv[1:]))
"""


def test_two_wheels_of_the_handset_are_the_same_whoever_builds_them_where_and_when(tmp_path: Path) -> None:
    python = builder()
    builds = [
        (tmp_path / "a", 0o022, {"TZ": "UTC", "LC_ALL": "C"}),
        (tmp_path / "another/folder", 0o077, {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"}),
    ]
    for folder, umask, settings in builds:
        folder.mkdir(parents=True)
        subprocess.run(
            [sys.executable, "-c", _BUILD, folder, python],
            cwd=CHECKOUT, env={**os.environ, **settings}, umask=umask, check=True,
        )  # fmt: skip
    first, second = (next(folder.glob("*.whl")) for folder, _, _ in builds)
    assert first.name == second.name
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()


@pytest.mark.skipif(not chance.SOAK, reason="for make soak")
@pytest.mark.soak
def test_two_builds_of_library_package_and_card_are_the_same(tmp_path: Path) -> None:
    said = run("tools/reproducible", tmp_path / "built")
    assert said.count("the same: ") == 2
    (package,) = (tmp_path / "built/a/made").glob("*.deb")
    keys = make_release_keys(tmp_path / "release")
    said = run("tools/image/twice", "amd64", package, keys, tmp_path / "cards")
    assert said.count("the same: ") == 2


def run(tool: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [CHECKOUT / tool, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
