"""A wire that is cut is missed: the test that is named with it fails on a copy of the phone without that wire."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import chance
from tests.wires import ROOT, WIRES, Wire

_LIMIT_S = 400


@pytest.mark.soak
@pytest.mark.timeout(_LIMIT_S + 60)
@pytest.mark.parametrize("place", range(chance.counted(len(WIRES), 1)))
def test_a_wire_that_is_cut_is_missed(tmp_path: Path, place: int) -> None:
    wire = WIRES[place] if chance.SOAK else chance.dice().choice(WIRES)
    copy = tmp_path / "copy"
    copy_checkout(copy)
    cut(wire, copy)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--timeout={_LIMIT_S - 60}", wire.test],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    # 1: tests were run, and some failed.
    assert done.returncode == 1, f"nothing missed it: {wire.name}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"


def copy_checkout(target: Path) -> None:
    """Copy all that is in the repository, and what was built beside it."""
    known = ["git", "ls-files", "-z", "--cached", "--others"]
    for also in (
        [],
        ["--ignored", "--exclude-standard", "contract", "firmware", "drivers", "mqtt", "provisioning", "fleet"],
    ):
        listed = subprocess.run([*known, *also], cwd=ROOT, capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            if not name.startswith((".venv/", "build/", ".", "tools/page/node_modules")) and "__pycache__" not in name:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                if not (target / name).exists() and (ROOT / name).is_file():
                    shutil.copy2(ROOT / name, target / name)


def cut(wire: Wire, checkout: Path) -> None:
    path = checkout / wire.file
    text = path.read_text(encoding="utf-8")
    assert text.count(wire.uncut) == 1
    path.write_text(text.replace(wire.uncut, wire.cut), encoding="utf-8")
