"""The wheels that are kept: each built once, and none that is not whole."""

import platform
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import __main__ as command
from engine import cache, recipe
from engine.errors import EngineError
from engine.recipe import Build
from engine.target import Target, own_architecture

MACHINE = Target(own_architecture(), (3, 13), (), {"CXX": "true"})
"""This one, with a stand-in for its compiler."""


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "native_target", lambda: MACHINE)
    return tmp_path / "cache" / "wecall" / "engine"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Build]:
    """Takes note of each build, which makes a wheel at once."""
    made: list[Build] = []

    def make(build: Build) -> Path:
        made.append(build)
        return put_wheel(build)

    monkeypatch.setattr(Build, "make_wheel", make)
    return made


def put_wheel(build: Build) -> Path:
    wheel = build.folder / f"{recipe.NAME}-{recipe.VERSION}-{build.target.tag}.whl"
    wheel.write_text("whole")
    return wheel


def key_of(target: Target) -> str:
    return cache._key(target, sanitize=False)


def wheels(folder: Path) -> list[Path]:
    """All that would be taken for a wheel."""
    return [path for path in folder.glob("*/*.whl") if path.parent.suffix != ".build"]


# --- built once ------------------------------------------------------------------------------------------------------


def test_what_has_been_built_is_not_built_again(builds: list[Build], kept: Path) -> None:
    wheel = cache.wheel_for()
    assert cache.wheel_for() == wheel
    assert wheels(kept) == [wheel]
    assert len(builds) == 1
    assert not builds[0].folder.exists(), "the build's own folder is in the way of nobody"


def test_the_build_for_the_fuzzer_is_another_one(builds: list[Build]) -> None:
    assert cache.wheel_for(sanitize=True) != cache.wheel_for()
    assert [build.sanitize for build in builds] == [True, False]


def test_two_at_once_build_it_once(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began, waits, may_end = threading.Event(), threading.Event(), threading.Event()
    builds: list[Build] = []

    def make(build: Build) -> Path:
        builds.append(build)
        began.set()
        assert may_end.wait(30)
        return put_wheel(build)

    def say(text: str) -> None:
        if "somebody else builds the same" in text:
            waits.set()

    monkeypatch.setattr(Build, "make_wheel", make)
    monkeypatch.setattr(cache, "say", say)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(cache.wheel_for)
        assert began.wait(30)
        second = pool.submit(cache.wheel_for)
        try:
            assert waits.wait(30)
            assert not second.done()
        finally:
            may_end.set()
        assert first.result(30) == second.result(30)
    assert len(builds) == 1
    assert len(wheels(kept)) == 1


# --- not whole -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [EngineError("A step failed."), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_a_build_that_does_not_end_leaves_nothing_that_is_taken_for_a_wheel(
    end: BaseException, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(build: Build) -> Path:
        put_wheel(build).write_text("half")
        raise end

    monkeypatch.setattr(Build, "make_wheel", make)
    with pytest.raises(type(end)):
        cache.wheel_for()
    assert not wheels(kept)


def test_after_a_build_that_was_killed_it_is_built_from_the_start(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(MACHINE)
    # Killed within the build, and between making the wheel's folder and putting it there.
    for folder in (kept / f"{key}.build" / "source", kept / key):
        folder.mkdir(parents=True)
    (kept / f"{key}.build" / "half.whl").write_text("half")
    (kept / f"{key}.lock").touch()

    def make(build: Build) -> Path:
        assert not list(build.folder.iterdir())
        return put_wheel(build)

    monkeypatch.setattr(Build, "make_wheel", make)
    assert cache.wheel_for().read_text() == "whole"


def test_libraries_of_another_machine_that_were_unpacked_in_part_are_unpacked_anew(
    kept: Path, builds: list[Build], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "arm64" if own_architecture() == "amd64" else "amd64"
    monkeypatch.setattr(cache, "cross_target", lambda name, root: Target(name, (3, 13), (), {"CXX": "true"}))

    def fail(architecture: str, into: Path) -> None:
        into.mkdir()
        (into / "half").touch()
        raise EngineError("The disk is full.")

    def unpack(architecture: str, into: Path) -> None:
        assert not into.exists()
        into.mkdir()

    monkeypatch.setattr(cache, "make_sysroot", fail)
    with pytest.raises(EngineError):
        cache.wheel_for(other)
    assert not builds
    monkeypatch.setattr(cache, "make_sysroot", unpack)
    assert cache.wheel_for(other).exists()
    [root] = [path for path in kept.glob("sysroot-*") if path.is_dir()]
    assert not list(root.iterdir())


# --- what tells one build from another -------------------------------------------------------------------------------


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for the folder engine/."""
    folder = tmp_path / "engine"
    for name in ("recipe.py", "config_site.h", "native/gate.c", "files.sha256", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    monkeypatch.setattr(recipe, "HERE", folder)
    return folder


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("recipe.py", True),
        ("config_site.h", True),
        ("native/gate.c", True),
        ("native/new.c", True),
        ("files.sha256", True),
        ("README.md", False),
        ("__pycache__/recipe.cpython-313.pyc", False),
    ],
)
def test_the_recipe_is_a_part_of_the_key(recipes: Path, name: str, counts: bool) -> None:
    before = key_of(MACHINE)
    (recipes / name).parent.mkdir(exist_ok=True)
    (recipes / name).write_text("changed")
    assert (key_of(MACHINE) != before) is counts


def test_another_name_for_a_file_of_the_recipe_is_another_recipe(recipes: Path) -> None:
    before = key_of(MACHINE)
    (recipes / "native/gate.c").rename(recipes / "native/guard.c")
    assert key_of(MACHINE) != before


def test_another_compiler_interpreter_or_machine_has_another_key(recipes: Path, tmp_path: Path) -> None:
    compilers = {}
    for version in ("14.2.0", "15.1.0"):
        compilers[version] = tmp_path / f"g++-{version}"
        compilers[version].write_text(f"#!/bin/sh\necho {version}\n")
        compilers[version].chmod(0o755)
    old, new = ({"CXX": str(path)} for path in compilers.values())
    targets = [
        Target("amd64", (3, 13), (), old),
        Target("amd64", (3, 13), (), new),
        Target("amd64", (3, 14), (), old),
        Target("arm64", (3, 13), (), old),
    ]
    assert len({key_of(target) for target in targets}) == len(targets)


# --- what cannot be built --------------------------------------------------------------------------------------------


def test_an_architecture_that_there_is_none_for_is_named_with_those_that_there_are(kept: Path) -> None:
    with pytest.raises(EngineError, match="amd64 and arm64, not for riscv64") as caught:
        cache.wheel_for("riscv64")
    assert str(caught.value).endswith(".")
    assert not kept.exists()


def test_a_machine_that_there_is_none_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "sparc64")
    with pytest.raises(EngineError, match=r"this machine is sparc64\.$"):
        cache.wheel_for()


def test_the_command_says_in_a_line_why_there_is_no_wheel_and_names_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["engine", "--arch", "riscv64"])
    assert command.main() == 1
    said = capsys.readouterr()
    assert not said.out, "tools/setup would install it"
    assert said.err == "engine: The SIP library is built for amd64 and arm64, not for riscv64.\n"


def test_a_cache_that_cannot_be_written_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(sys, "argv", ["engine"])
    assert command.main() == 1
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith("engine: The SIP library cannot be built: ")
    assert said.err.count("\n") == 1


def test_the_command_prints_the_wheel_alone(
    builds: list[Build], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["engine"])
    assert command.main() == 0
    assert Path(capsys.readouterr().out.rstrip("\n")).read_text() == "whole"
