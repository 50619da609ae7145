"""What stands in the package, and in its scripts."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.debian.package import copy_source, lay_out, pack
from tools.debian.target import Target

TARGET = Target("arm64", sys.version_info[:2], sys.executable)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of one line."""
    folder = tmp_path_factory.mktemp("package")
    wheel = folder / "phone-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("firmware/__init__.py", "")
        archive.writestr("firmware/cli.py", "import sys\n\n\ndef main():\n    print('called with', *sys.argv[1:])\n")
        archive.writestr("phone-1.0.data/purelib/helper.py", "")
        archive.writestr("phone-1.0.data/scripts/elsewhere", "")
        archive.writestr("phone-1.0.dist-info/METADATA", "Name: phone\nVersion: 1.0\n")
    return wheel


@pytest.fixture(scope="module")
def root(wheel: Path) -> Path:
    """A root with that program in it."""
    root = wheel.parent / "root"
    lay_out(root, TARGET, [wheel])
    return root


def test_what_is_laid_out_is_an_environment_that_runs_as_it_stands(root: Path) -> None:
    python = root / "opt/wecall/venv/bin/python"
    program = "import firmware.cli, helper, sys; print(sys.prefix); firmware.cli.main()"
    said = subprocess.run([python, "-I", "-c", program, "run"], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [str(python.parents[1]), "called with run"]
    assert not list(root.rglob("elsewhere"))


def test_every_unit_program_and_rule_is_in_it(root: Path) -> None:
    installed = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    for path in (Path(__file__).parents[4] / "systemd").iterdir():
        places = {
            ".service": f"usr/lib/systemd/system/{path.name}",
            ".socket": f"usr/lib/systemd/system/{path.name}",
            ".timer": f"usr/lib/systemd/system/{path.name}",
            ".path": f"usr/lib/systemd/system/{path.name}",
            ".rules": f"usr/lib/udev/rules.d/{path.name}",
            ".sh": f"opt/wecall/lib/{path.name}",
            ".py": f"opt/wecall/lib/{path.name}",
        }
        if path.name != "install.sh" and path.suffix in places:
            assert places[path.suffix] in installed
    assert {"usr/lib/sysusers.d/wecall.conf", "usr/lib/tmpfiles.d/wecall.conf"} <= installed


def test_a_phone_has_no_simulator(tmp_path: Path) -> None:
    source = tmp_path / "source"
    copy_source(source)
    assert (source / "drivers" / "keypad.py").is_file()
    assert not (source / "drivers" / "simulator").exists()
    assert not list(source.rglob("phone.js"))


def test_dpkg_reads_the_package_and_its_scripts_are_whole(root: Path, tmp_path: Path) -> None:
    package = pack(root, TARGET, "1.0", "none", tmp_path)
    fields = subprocess.run(["dpkg-deb", "--field", package], capture_output=True, text=True, check=True).stdout
    assert "Architecture: arm64" in fields
    assert "nftables" in fields
    subprocess.run(["dpkg-deb", "--control", package, tmp_path / "control"], check=True)
    for script in ("preinst", "postinst", "prerm", "postrm"):
        path = tmp_path / "control" / script
        subprocess.run(["bash", "-n", path], check=True)
        # What it uses is in it: on a purge nothing else is there any more.
        assert "make_users_and_folders()" in path.read_text()
    listed = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())


def test_two_packages_of_the_same_are_the_same_whoever_builds_them_where_and_when(wheel: Path, tmp_path: Path) -> None:
    packages = []
    for name, umask, at in (("a", 0o022, 1_000_000_000), ("another/folder", 0o077, 2_000_000_000)):
        root, made = tmp_path / name / "root", tmp_path / name / "made"
        mask = os.umask(umask)
        try:
            lay_out(root, TARGET, [wheel])
            for path in root.rglob("*"):
                os.utime(path, (at, at), follow_symlinks=False)
            made.mkdir()
            packages.append(pack(root, TARGET, "1.0", "xz", made).read_bytes())
        finally:
            os.umask(mask)
    assert packages[0] == packages[1]


def test_what_is_compiled_counts_whatever_the_times_of_files_say(root: Path) -> None:
    packages = next(root.glob("opt/wecall/venv/lib/*/site-packages"))
    compiled = [path.read_bytes() for path in packages.rglob("*.pyc")]
    assert len(compiled) == len(list(packages.rglob("*.py")))
    # PEP 552: by a hash that is not looked at.
    assert {content[4:8] for content in compiled} == {b"\x01\0\0\0"}
