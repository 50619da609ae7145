"""The steps from source to wheel, with stand-ins for compilers: what is missing or fails is said in a sentence."""

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from engine import recipe, source
from engine.errors import EngineError
from engine.recipe import Build
from engine.target import Target, cross_target, make_sysroot, own_architecture

HAS_TLS = "#define PJ_HAS_SSL_SOCK 1\n"
SYMBOLS = ("wecall_edition", "OpenSSL_version", "opus_get_version_string", "srtp_create", "PyInit__pjsua2")

CONFIGURE = "mkdir -p pjlib/include/pj/compat\nprintf '%s' \"$OS_AUTO\" > pjlib/include/pj/compat/os_auto.h\n"
# Writes whatever the word behind -o names.
WRITES = '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && echo made > "$2"; shift; done\n'
SWIG = WRITES + 'echo "hello = 42" > ../pjsua2.py\n'


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stand-in for each tool, in front of everything else."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, script in {
        "make": "#!/bin/sh\n",
        "swig": SWIG,
        "stand-in-gcc": WRITES,
        "stand-in-g++": WRITES,
        "stand-in-nm": "#!/bin/sh\n" + "".join(f"echo '0 T {symbol}'\n" for symbol in SYMBOLS),
    }.items():
        put_tool(folder, name, script)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def put_tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


@pytest.fixture
def build(tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A build whose source configures itself by what the variable OS_AUTO holds."""

    def fetch(into: Path, say: object) -> None:
        (into / "pjlib/include/pj").mkdir(parents=True)
        (into / "aconfigure").write_text(CONFIGURE)

    monkeypatch.setattr(source, "fetch", fetch)
    monkeypatch.setattr(recipe, "apply_changes", lambda tree: None)
    monkeypatch.setenv("OS_AUTO", HAS_TLS)
    version = sys.version_info[:2]
    stand_ins = {"CC": "stand-in-gcc", "CXX": "stand-in-g++", "NM": "stand-in-nm"}
    folder = tmp_path / "build"
    folder.mkdir()
    return Build(Target(own_architecture(), version, (), stand_ins), folder, sanitize=False, say=lambda _text: None)


def refusal(build: Build) -> str:
    with pytest.raises(EngineError) as caught:
        build.make_wheel()
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    assert not list(build.folder.rglob("*.whl"))
    return said


# --- what is missing or fails ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["CC", "CXX"])
def test_a_compiler_that_is_missing_is_named(build: Build, which: str) -> None:
    target = replace(build.target, tools={**build.target.tools, which: "no-such-compiler --of=any"})
    said = refusal(replace(build, target=target))
    assert said.startswith("no-such-compiler is not installed")
    assert "debian-packages.txt" in said


@pytest.mark.parametrize("name", ["make", "swig"])
def test_a_tool_that_is_missing_is_named(build: Build, tools: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tools / name).unlink()
    put_tool(tools, "sh", '#!/bin/sh\nexec /bin/sh "$@"\n')
    put_tool(tools, "mkdir", '#!/bin/sh\nexec /bin/mkdir "$@"\n')
    monkeypatch.setenv("PATH", str(tools))
    assert refusal(build).startswith(f"{name} is not installed")


@pytest.mark.parametrize("name", ["make", "swig", "stand-in-gcc", "stand-in-g++"])
def test_a_step_that_fails_is_named_with_the_log_that_says_why(
    build: Build, tools: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    put_tool(tools, name, "#!/bin/sh\necho 'error: the fan is too loud' >&2\nexit 2\n")
    said = refusal(build)
    log = build.folder / "build.log"
    assert f"failed in {name}" in said
    assert str(log) in said
    assert "the fan is too loud" in log.read_text()
    assert "the fan is too loud" in capsys.readouterr().err


@pytest.mark.parametrize("found", ["", "#undef PJ_HAS_SSL_SOCK\n", "#define PJ_HAS_SSL_SOCK 0\n"])
def test_a_library_without_tls_is_not_built(build: Build, monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setenv("OS_AUTO", found)
    cross = replace(build.target, architecture="arm64")
    said = refusal(replace(build, target=cross))
    assert "no OpenSSL for arm64" in said
    assert "libssl-dev" in said
    assert not list(build.folder.glob("*.o"))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_library_that_something_was_left_out_of_is_refused(build: Build, tools: Path, symbol: str) -> None:
    others = "".join(f"echo '0 T {each}'\n" for each in SYMBOLS if each != symbol)
    put_tool(tools, "stand-in-nm", f"#!/bin/sh\n{others}")
    assert f"without {symbol}" in refusal(build)


def test_a_compiler_is_missed_before_anything_is_fetched() -> None:
    target = Target("amd64", (3, 13), (), {"CXX": "no-such-compiler"})
    with pytest.raises(EngineError, match=r"^no-such-compiler is not installed.* `tools/setup engine` installs it"):
        target.fingerprint()


def test_another_machines_libraries_that_cannot_be_had_are_a_sentence(tools: Path, tmp_path: Path) -> None:
    said = "I: running\nE: apt-get update failed\nI: main() received signal\nE: mmdebstrap failed to run\n"
    put_tool(tools, "mmdebstrap", f"#!/bin/sh\nprintf '{said}' >&2\nexit 1\n")
    with pytest.raises(EngineError) as caught:
        make_sysroot("arm64", tmp_path / "root")
    assert str(caught.value) == "Debian's libraries for arm64 cannot be had: apt-get update failed."


def test_what_unpacks_another_machines_libraries_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="apt install mmdebstrap"):
        make_sysroot("arm64", tmp_path / "root")


# --- the wheel -------------------------------------------------------------------------------------------------------


def test_the_wheel_lists_each_of_its_files_with_its_hash(build: Build) -> None:
    wheel = build.make_wheel()
    with zipfile.ZipFile(wheel) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    [record] = [name for name in files if name.endswith(".dist-info/RECORD")]
    rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(files[record].decode()))}
    assert rows.keys() == files.keys()
    assert rows.pop(record) == ("", "")
    for name, (digest, size) in rows.items():
        hashed = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
        assert (digest, size) == (f"sha256={hashed}", str(len(files[name])))


def test_the_wheel_is_for_this_interpreter_on_this_machine(build: Build) -> None:
    wheel = build.make_wheel()
    name, version, _, tags = parse_wheel_filename(wheel.name)
    assert name == "wecall-pjsua2"
    assert str(version) == f"{source.RELEASE}.0"
    assert not tags.isdisjoint(sys_tags())
    [tag] = tags
    with zipfile.ZipFile(wheel) as opened:
        [inside] = [name for name in opened.namelist() if name.endswith(".dist-info/WHEEL")]
        assert f"Tag: {tag}" in opened.read(inside).decode().splitlines()


def test_a_wheel_for_a_raspberry_pi_has_its_tag(tmp_path: Path) -> None:
    assert cross_target("arm64", tmp_path).tag == "cp313-cp313-linux_aarch64"


def test_two_builds_of_the_same_make_the_same_wheel(build: Build, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    assert replace(build, folder=again).make_wheel().read_bytes() == build.make_wheel().read_bytes()


def test_pip_installs_the_wheel(build: Build, tmp_path: Path) -> None:
    wheel, into = build.make_wheel(), tmp_path / "installed"
    words = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([sys.executable, "-m", "pip", *words, "--target", into, wheel], check=True)
    assert "hello = 42" in (into / "pjsua2/__init__.py").read_text()
    assert (into / "pjsua2/_pjsua2.so").read_bytes() == b"made\n"
    [metadata] = into.glob("wecall_pjsua2-*.dist-info/METADATA")
    assert f"Version: {source.RELEASE}.0" in metadata.read_text().splitlines()


def test_where_the_library_was_built_does_not_stand_in_it() -> None:
    installed = find_spec("pjsua2")
    assert installed is not None
    content = (Path(str(installed.origin)).parent / "_pjsua2.so").read_bytes()
    for folder in (b".cache/wecall", b".build/source", b"engine-asan", str(recipe.HERE).encode()):
        assert folder not in content
