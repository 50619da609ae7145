"""What stands in the lock files and in tools/setup, and how they are held against pyproject.toml."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.debian.target import MACHINES, Target
from tools.lock.lockfile import BUILD, EXTRAS, HANDSET, Lock, LockError, build_requirements, requirements_of

TARGETS = [Target(architecture, (3, 13), "") for architecture in sorted(MACHINES)]
HASH = f"--hash=sha256:{'0' * 64}"


def lock(folder: Path, *lines: str) -> Lock:
    path = folder / "test.lock"
    path.write_text("".join(f"{line}\n" for line in lines))
    return Lock.read(path)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.architecture)
def test_what_is_locked_meets_all_that_a_phone_requires(target: Target) -> None:
    assert list(Lock.read(HANDSET).mismatches(requirements_of(EXTRAS), target.markers())) == []
    assert list(Lock.read(BUILD).mismatches(build_requirements(), target.markers())) == []


@pytest.mark.parametrize("path", [HANDSET, BUILD], ids=lambda path: path.name)
def test_every_package_is_locked_with_hashes_and_the_file_names_no_place_to_get_it_from(path: Path) -> None:
    pins = Lock.read(path).pins
    assert pins
    assert all(pin.hashes for pin in pins)
    assert "://" not in path.read_text()
    assert not [line for line in path.read_text().splitlines() if line.startswith("-")]


def test_a_package_without_a_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"test\.lock: font has no SHA-256"):
        lock(tmp_path, f"display==1.0 \\\n    {HASH}", "font==2.0")


def test_a_hash_of_a_weaker_kind_is_none(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="font has no SHA-256"):
        lock(tmp_path, f"font==2.0 --hash=md5:{'0' * 32}")


@pytest.mark.parametrize("line", ["font>=2.0", "font", "font>=2,<3"])
def test_a_package_that_may_be_of_several_releases_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(LockError, match="font is not locked to one release"):
        lock(tmp_path, f"{line} {HASH}")


@pytest.mark.parametrize(
    ("required", "sentence"),
    [
        ("font>=2", None),
        ("Font_X>=1", None),
        ("font>=3", "font is locked to 2.0, but >=3 is required."),
        ("sound", "sound is not locked for aarch64."),
        ("pins; platform_machine == 'aarch64'", None),
        ("sound; python_version < '3.13'", None),
    ],
)
def test_what_does_not_agree_is_named(tmp_path: Path, required: str, sentence: str | None) -> None:
    locked = lock(
        tmp_path, f"font==2.0 {HASH}", f"font-x==1.5 {HASH}", f"pins==1.0 ; platform_machine == 'aarch64' {HASH}"
    )
    found = list(locked.mismatches([Requirement(required)], Target("arm64", (3, 13), "").markers()))
    assert found == ([] if sentence is None else [sentence])


def test_what_is_locked_for_one_machine_alone_is_missed_on_the_other(tmp_path: Path) -> None:
    locked = lock(tmp_path, f"pins==1.0 ; platform_machine == 'aarch64' {HASH}")
    pc = Target("amd64", (3, 13), "").markers()
    assert locked.on(pc) == []
    assert list(locked.mismatches([Requirement("pins")], pc)) == ["pins is not locked for x86_64."]


def test_an_environment_that_lacks_any_package_of_the_bench_is_completed() -> None:
    looked_for = re.search(r'"\$target" = bench .* -c \'import (.+?)\'', Path("tools/setup").read_text())
    extra = set(requirements_of(["bench"])) - set(requirements_of([]))
    assert looked_for is not None
    assert set(looked_for[1].split(", ")) == {requirement.name for requirement in extra}
