"""Which wheels go into the package for another machine; those here hold nothing but their names."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from engine.errors import EngineError
from tools.debian.engine import engine_wheel
from tools.debian.target import Target
from tools.debian.wheels import MissingWheelsError, WheelHouse
from tools.lock.lockfile import Pin

PI = Target("arm64", (3, 13), "/usr/bin/python3")
PC = Target("amd64", (3, 11), "/usr/bin/python3")


def file(folder: Path, name: str) -> Path:
    """Make a file that is told from every other."""
    path = folder / name
    path.write_text(name)
    return path


def wheel(folder: Path, name: str, tag: str = "py3-none-any", version: str = "1.0") -> Path:
    return file(folder, f"{name}-{version}-{tag}.whl")


def pin(name: str, *files: Path) -> Pin:
    """Lock a package to these files of its release 1.0."""
    return Pin(
        name,
        Requirement(f"{name}==1.0"),
        frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in files),
    )


@pytest.mark.parametrize(
    ("target", "tag"), [(PI, "cp313-cp313-manylinux_2_28_aarch64"), (PC, "cp311-abi3-linux_x86_64")]
)
def test_of_each_the_one_for_that_machine_is_taken(tmp_path: Path, target: Target, tag: str) -> None:
    tags = ("cp313-cp313-manylinux_2_28_aarch64", "cp311-abi3-linux_x86_64", "cp313-cp313-manylinux_2_99_aarch64")
    store = pin("store", *(wheel(tmp_path, "store", each) for each in tags))
    assert WheelHouse(tmp_path, target, ()).collect([store]) == [tmp_path / f"store-1.0-{tag}.whl"]


def test_a_wheel_that_is_not_what_was_locked_counts_for_nothing(tmp_path: Path) -> None:
    font = pin("font", wheel(tmp_path, "font"))
    (tmp_path / "font-1.0-py3-none-any.whl").write_text("something else")
    with pytest.raises(MissingWheelsError, match=r"font 1\.0"):
        WheelHouse(tmp_path, PI, ()).collect([font])


def test_a_newer_release_than_the_locked_one_is_left(tmp_path: Path) -> None:
    font = pin("font", wheel(tmp_path, "font"))
    wheel(tmp_path, "font", version="2.0")
    assert WheelHouse(tmp_path, PI, ()).collect([font]) == [tmp_path / "font-1.0-py3-none-any.whl"]


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    pins = [pin("pins"), pin("store"), pin("font", wheel(tmp_path, "font"))]
    with pytest.raises(MissingWheelsError, match=r"aarch64 and Python 3\.13 of pins 1\.0, store 1\.0 that"):
        WheelHouse(tmp_path, PI, ()).collect(pins)


def test_only_what_is_not_there_is_downloaded(tmp_path: Path) -> None:
    given, kept = tmp_path / "given", tmp_path / "kept"
    given.mkdir()
    asked: list[str] = []
    store = pin("store", file(tmp_path, "store-1.0-py3-none-any.whl"))

    def download(pins: Sequence[Pin], folder: Path) -> None:
        asked.extend(each.name for each in pins)
        file(folder, "store-1.0-py3-none-any.whl")

    found = WheelHouse(kept, PI, (given,), download=download).collect([pin("font", wheel(given, "font")), store])
    assert [path.parent for path in found] == [given, kept]
    assert asked == ["store"]


def test_what_has_no_wheel_is_built_of_the_source_that_was_locked_once(tmp_path: Path) -> None:
    pins = [pin("systemd-python", file(tmp_path, "systemd-python-1.0.tar.gz")), pin("font", wheel(tmp_path, "font"))]
    asked: list[str] = []

    def build(sources: Sequence[Path], folder: Path) -> None:
        asked.extend(source.name for source in sources)
        wheel(folder, "systemd_python", "cp313-cp313-linux_aarch64")

    house = WheelHouse(tmp_path, PI, (), build=build)
    for _ in range(2):
        found = house.collect(pins)
    assert found[0] == tmp_path / "built" / "systemd_python-1.0-cp313-cp313-linux_aarch64.whl"
    assert asked == ["systemd-python-1.0.tar.gz"]


def test_a_source_that_is_not_what_was_locked_is_not_built(tmp_path: Path) -> None:
    pins = pin("pins", file(tmp_path, "pins-1.0.tar.gz"))
    (tmp_path / "pins-1.0.tar.gz").write_text("something else")

    def build(sources: Sequence[Path], folder: Path) -> None:
        pytest.fail(f"{sources} were built into {folder}")

    with pytest.raises(MissingWheelsError):
        WheelHouse(tmp_path, PI, (), build=build).collect([pins])


def test_the_sip_library_is_taken_from_a_folder_that_has_one_for_the_machine(tmp_path: Path) -> None:
    wheel(tmp_path, "wecall_pjsua2", "cp313-cp313-linux_x86_64", "2.17.0")
    newest = wheel(tmp_path, "wecall_pjsua2", "cp313-cp313-linux_aarch64", "2.17.1")
    wheel(tmp_path, "wecall_pjsua2", "cp313-cp313-linux_aarch64", "2.17.0")
    assert engine_wheel(PI, [tmp_path]) == newest


def test_the_sip_library_is_this_projects_own_where_no_folder_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = wheel(tmp_path, "wecall_pjsua2", "cp313-cp313-linux_aarch64", "2.17.0")
    monkeypatch.setattr("tools.debian.engine.wheel_for", lambda architecture: {"arm64": own}[architecture])
    assert engine_wheel(PI, [tmp_path / "elsewhere"]) == own


def test_a_sip_library_that_was_built_for_another_python_is_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = wheel(tmp_path, "wecall_pjsua2", "cp311-cp311-linux_aarch64", "2.17.0")
    monkeypatch.setattr("tools.debian.engine.wheel_for", lambda _architecture: other)
    with pytest.raises(EngineError, match=r"3\.13"):
        engine_wheel(PI, [tmp_path / "elsewhere"])
