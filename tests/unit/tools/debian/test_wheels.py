"""Which wheels go into the package for another machine; those here hold nothing but what they say of themselves."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.debian.target import Target
from tools.debian.wheels import MissingWheelsError, WheelHouse

PI = Target("arm64", (3, 13), "/usr/bin/python3")
PC = Target("amd64", (3, 11), "/usr/bin/python3")


def wheel(folder: Path, name: str, tag: str = "py3-none-any", *requires: str, version: str = "1.0") -> Path:
    """Make a wheel that requires this."""
    path = folder / f"{name}-{version}-{tag}.whl"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in requires]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines))
    return path


def collect(first: Path, target: Target, *extras: str) -> set[str]:
    """Return what goes into a package, of what lies beside the first."""
    found = WheelHouse(first.parent, target, (), index=False).collect(first, extras)
    return {path.name for path in found}


def test_a_wheel_comes_with_all_that_it_needs_and_what_these_need(tmp_path: Path) -> None:
    phone = wheel(
        tmp_path, "phone", "py3-none-any", "display>=1", "sound; extra == 'handset'", "fleet; extra == 'fleet'"
    )
    wheel(tmp_path, "display", "py3-none-any", "font<2")
    for name in ("font", "sound", "fleet"):
        wheel(tmp_path, name)
    wheel(tmp_path, "font", version="2.0")
    assert collect(phone, PI, "handset") == {
        f"{name}-1.0-py3-none-any.whl" for name in ("phone", "display", "font", "sound")
    }


@pytest.mark.parametrize(
    ("target", "tag"), [(PI, "cp313-cp313-manylinux_2_28_aarch64"), (PC, "cp311-abi3-linux_x86_64")]
)
def test_of_each_the_one_for_that_machine_is_taken(tmp_path: Path, target: Target, tag: str) -> None:
    phone = wheel(tmp_path, "phone", "py3-none-any", "store")
    for other in (
        "cp313-cp313-manylinux_2_28_aarch64",
        "cp311-abi3-linux_x86_64",
        "cp313-cp313-manylinux_2_99_aarch64",
    ):
        wheel(tmp_path, "store", other)
    assert f"store-1.0-{tag}.whl" in collect(phone, target)


def test_conditions_are_judged_by_that_machine_and_not_by_this_one(tmp_path: Path) -> None:
    of_pi = "pins; platform_machine == 'aarch64' and python_version >= '3.13'"
    phone = wheel(tmp_path, "phone", "py3-none-any", of_pi, "wheels; platform_machine == 'x86_64'")
    wheel(tmp_path, "pins")
    wheel(tmp_path, "wheels")
    assert "pins-1.0-py3-none-any.whl" in collect(phone, PI)
    assert "wheels-1.0-py3-none-any.whl" in collect(phone, PC)
    assert len(collect(phone, PI)) == len(collect(phone, PC)) == 2


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    phone = wheel(tmp_path, "phone", "py3-none-any", "pins", "store>=2", "font")
    wheel(tmp_path, "store")
    wheel(tmp_path, "font")
    with pytest.raises(MissingWheelsError, match=r"aarch64 and Python 3\.13 of pins, store>=2\."):
        collect(phone, PI)


def test_what_has_no_wheel_is_built(tmp_path: Path) -> None:
    asked: list[str] = []

    def build(requirements: Sequence[Requirement], folder: Path) -> None:
        asked.extend(map(str, requirements))
        wheel(folder, "pins", "cp313-cp313-linux_aarch64")

    phone = wheel(tmp_path, "phone", "py3-none-any", "pins", "font")
    wheel(tmp_path, "font")
    found = WheelHouse(tmp_path, PI, (), index=False, build=build).collect(phone, ())
    assert tmp_path / "pins-1.0-cp313-cp313-linux_aarch64.whl" in found
    assert asked == ["pins"]


def test_a_sip_library_is_taken_where_there_is_one_and_missed_by_nobody(tmp_path: Path) -> None:
    of_pc = "pjsua2-python; platform_machine == 'x86_64'"
    phone = wheel(tmp_path, "phone", "py3-none-any", of_pc)
    assert len(collect(phone, PI)) == len(collect(phone, PC)) == 1
    own = tmp_path / "own"
    own.mkdir()
    # Upstream calls it otherwise than the index does.
    wheel(own, "pjsua2", "cp313-cp313-linux_aarch64", version="2.15.1")
    found = WheelHouse(tmp_path, PI, (own,), index=False).collect(phone, ())
    assert own / "pjsua2-2.15.1-cp313-cp313-linux_aarch64.whl" in found


def test_two_that_need_different_versions_of_a_third_are_a_mistake(tmp_path: Path) -> None:
    phone = wheel(tmp_path, "phone", "py3-none-any", "font", "display")
    wheel(tmp_path, "display", "py3-none-any", "font<2")
    wheel(tmp_path, "font", version="2.0")
    wheel(tmp_path, "font", version="1.0")
    with pytest.raises(MissingWheelsError, match=r"font-2\.0-py3-none-any\.whl was taken, but something needs font<2"):
        collect(phone, PI)
