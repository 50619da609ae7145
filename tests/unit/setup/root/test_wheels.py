"""Wheels are unpacked where packages belong, and nowhere else."""

import io
import platform
import sys
import zipfile
from pathlib import Path

import pytest

from firmware.setup.root.wheels import WheelError, fits, unpack

pytestmark = pytest.mark.feature("networks by bundle")

VERSION = f"cp{sys.version_info.major}{sys.version_info.minor}"
MACHINE = platform.machine()


def packed(*names: str) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), name)
    file.seek(0)
    return file


def test_packages_and_what_goes_beside_them_are_unpacked_and_commands_are_not(tmp_path: Path) -> None:
    names = ("firmware/cli.py", "x-1.dist-info/METADATA", "x-1.data/purelib/p.py", "x-1.data/platlib/q/r.so")
    unpacked = [*unpack(packed(*names, "x-1.data/scripts/wecall", "x-1.data/data/etc/passwd"), tmp_path)]
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["firmware/cli.py", "p.py", "q/r.so", "x-1.dist-info/METADATA"]
    assert unpacked[0] == (tmp_path / "firmware/cli.py", len("firmware/cli.py"))
    assert sorted(str(path.relative_to(tmp_path)) for path, _ in unpacked) == found


@pytest.mark.parametrize("damage", ["encrypted", "stream", "method", "name"])
def test_a_wheel_that_is_damaged_inside_is_refused_in_words(tmp_path: Path, damage: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("firmware/cli.py", "x = 1\n" * 1000)
    content = bytearray(file.getvalue())
    local, central = 0, content.index(b"PK\x01\x02")
    match damage:
        case "encrypted":
            content[local + 6] = content[central + 8] = 1
        case "stream":
            content[local + 30 + len("firmware/cli.py")] = 0xFF
        case "method":
            content[local + 8] = content[central + 10] = 12
        case _:
            content[central + 46 : central + 48] = b"\xff\xfe"
    with pytest.raises(WheelError):
        list(unpack(io.BytesIO(content), tmp_path))


@pytest.mark.parametrize("name", ["../outside.py", "/etc/outside", "a/../../outside", "a\\..\\outside"])
def test_what_would_go_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    packages = tmp_path / "packages"
    with pytest.raises(WheelError):
        list(unpack(packed(name), packages))
    assert not list(tmp_path.rglob("*outside*"))


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WheelError):
        list(unpack(io.BytesIO(b"PK but no zip"), tmp_path))


@pytest.mark.parametrize(
    ("tags", "answer"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        (f"{VERSION}-{VERSION}-manylinux_2_17_{MACHINE}.manylinux2014_{MACHINE}", True),
        (f"cp37-abi3-manylinux_2_28_{MACHINE}", True),
        (f"1build-{VERSION}-{VERSION}-linux_{MACHINE}", True),
        (f"{VERSION}-{VERSION}-manylinux_2_17_riscv64", False),
        (f"cp27-cp27m-linux_{MACHINE}", False),
        ("cp399-abi3-any", False),
        (f"{VERSION}-{VERSION}-win_amd64", False),
        ("any", False),
    ],
)
def test_a_wheel_says_by_its_name_whether_it_runs_here(tags: str, answer: bool) -> None:
    assert fits(f"some_thing-1.0-{tags}.whl") is answer
