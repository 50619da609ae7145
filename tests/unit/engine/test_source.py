"""Where the SIP library's source comes from, and that nothing but the release that was looked at is built."""

import bz2
import gzip
import hashlib
import http.client
import io
import lzma
import os
import random
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import source
from engine.errors import EngineError

RELEASE = {"COPYING": b"the licence\n", "pjlib/src/pj/os.c": b"int main;\n", "pjsip/build/Makefile": b"all:\n"}
"""All that a build of these tests wants."""
MORE = {**RELEASE, "tests/pjsua/run.py": b"nobody builds this\n"}

Form = Callable[[dict[str, bytes], Path], Path]

_download = source._download


@pytest.fixture(autouse=True)
def hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "files.sha256"
    file.write_text("".join(f"{hashlib.sha256(RELEASE[path]).hexdigest()}  {path}\n" for path in RELEASE))
    monkeypatch.setattr(source, "HASHES", file)
    return file


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither origin can be had; a test that wants one puts its own in its place."""
    monkeypatch.delenv(source.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(source, "_download", lambda folder, suite: "could not resolve the archive's name")

    def refuse(url: str, timeout: float) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "build" / "source"


def folder_of(files: dict[str, bytes], folder: Path) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def archive_of(
    files: dict[str, bytes], pack: Callable[[bytes], bytes] = gzip.compress, top: str = f"pjproject-{source.RELEASE}/"
) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{top}{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return pack(made.getvalue())


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def as_folder(files: dict[str, bytes], place: Path) -> Path:
    return folder_of(files, place)


def as_gzip(files: dict[str, bytes], place: Path) -> Path:
    place.write_bytes(archive_of(files))
    return place


def as_bzip2(files: dict[str, bytes], place: Path) -> Path:
    place.write_bytes(archive_of(files, bz2.compress))
    return place


FORMS = pytest.mark.parametrize("form", [as_folder, as_gzip, as_bzip2])


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def fetch_from(path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(source.PATH_VARIABLE, str(path))
    source.fetch(into, lambda _text: None)


def refusal(path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(EngineError) as caught:
        fetch_from(path, into, monkeypatch)
    return assert_sentence(caught.value)


def assert_sentence(error: EngineError) -> str:
    said = str(error)
    assert said[0].isupper()
    assert said.endswith(".")
    assert "\n" not in said
    return said


# --- the path that somebody names ------------------------------------------------------------------------------------


@FORMS
def test_a_source_that_has_every_file_is_taken_and_nothing_else_of_it(
    form: Form, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_from(form(MORE, tmp_path / "named"), into, monkeypatch)
    assert contents(into) == RELEASE


def test_what_an_earlier_try_has_left_is_gone(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of({"pjlib/src/pj/old.c": b"int old;\n"}, into)
    fetch_from(as_gzip(RELEASE, tmp_path / "named"), into, monkeypatch)
    assert contents(into) == RELEASE


@FORMS
def test_one_byte_that_differs_is_refused_with_the_name_of_its_file(
    form: Form, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = form({**RELEASE, "pjlib/src/pj/os.c": b"int mAin;\n"}, tmp_path / "named")
    said = refusal(named, into, monkeypatch)
    assert "pjlib/src/pj/os.c differs" in said
    assert source.PATH_VARIABLE in said
    assert not (into / "pjlib/src/pj/os.c").exists()


@FORMS
def test_a_file_that_is_missing_is_named(
    form: Form, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = {path: content for path, content in RELEASE.items() if path != "COPYING"}
    said = refusal(form(lacking, tmp_path / "named"), into, monkeypatch)
    assert "COPYING" in said
    assert source.PATH_VARIABLE in said


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Not found</html>",
        half(archive_of(RELEASE)),
        half(archive_of(RELEASE, lzma.compress)),
        half(archive_of(RELEASE, bz2.compress)),
        gzip.compress(b"no archive at all"),
    ],
    ids=["empty", "a web page", "half of a gzip", "half of an xz", "half of a bzip2", "no archive in it"],
)
def test_an_archive_that_cannot_be_read_is_refused(
    content: bytes, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "named.tar"
    named.write_bytes(content)
    assert "The SIP library's source is no archive that can be read" in refusal(named, into, monkeypatch)


def test_an_archive_with_a_byte_that_was_damaged_is_refused(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = archive_of({"COPYING": random.Random(1).randbytes(100_000)})
    named = tmp_path / "named.tar.gz"
    for at in range(20, len(content), 5000):
        named.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        refusal(named, into, monkeypatch)


def test_a_folder_with_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = as_folder(RELEASE, tmp_path / "named")
    (named / "COPYING").unlink()
    # Nobody can read the first page of a process's memory.
    (named / "COPYING").symlink_to("/proc/self/mem")
    assert "cannot be read" in refusal(named, into, monkeypatch)


def test_a_path_that_does_not_exist_is_named(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nowhere.tar.gz" in refusal(tmp_path / "nowhere.tar.gz", into, monkeypatch)


@pytest.mark.parametrize("top", ["../", "a/../../", "/", "a/../", "../../outside/"])
def test_an_archive_writes_nothing_outside_the_folder(
    top: str, tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "named.tar"
    named.write_bytes(archive_of({**MORE, "../COPYING": RELEASE["COPYING"], "../../etc/COPYING": b"x"}, bytes, top))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    try:
        fetch_from(named, into, monkeypatch)
    except EngineError as error:
        assert_sentence(error)
    after = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(path.is_relative_to(into) for path in after - before)
    assert not set(contents(into)) - set(RELEASE)


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = folder_of({"secret": RELEASE["COPYING"]}, tmp_path / "elsewhere") / "secret"
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo("pjproject/COPYING")
        member.type, member.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(member)
    named = tmp_path / "named.tar"
    named.write_bytes(made.getvalue())
    assert "lacks" in refusal(named, into, monkeypatch)
    assert not into.exists()


def test_the_network_is_not_asked_where_a_path_is_named(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "from_debian", lambda: pytest.fail("Debian was asked"))
    monkeypatch.setattr(source, "from_upstream", lambda: pytest.fail("upstream was asked"))
    refusal(tmp_path / "nowhere", into, monkeypatch)


# --- the two origins -------------------------------------------------------------------------------------------------


def test_without_a_network_both_origins_and_the_way_around_are_named(into: Path) -> None:
    with pytest.raises(EngineError) as caught:
        source.fetch(into, lambda _text: None)
    said = assert_sentence_of_both(caught.value)
    assert "could not resolve the archive's name" in said
    assert "no route to host" in said
    assert source.UPSTREAM in said
    assert not into.exists() or not contents(into)


def assert_sentence_of_both(error: EngineError) -> str:
    said = str(error)
    assert "\n" not in said
    assert "Debian's source package asterisk" in said
    assert "Upstream's release" in said
    assert f"{source.PATH_VARIABLE}=" in said
    return said


def test_another_system_than_debian_is_said_to_be_one(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_download", _download)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        source.fetch(into, lambda _text: None)
    assert "this is not a Debian system" in assert_sentence_of_both(caught.value)


def test_an_apt_that_knows_no_archive_of_debians_is_said_to(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_download", _download)
    put_apt(tmp_path, "[ $1 = indextargets ] && echo 'Ubuntu http://ubuntu.example/ubuntu/ '\nexit 0\n", monkeypatch)
    with pytest.raises(EngineError) as caught:
        source.fetch(into, lambda _text: None)
    assert "apt names no archive of Debian's here" in assert_sentence_of_both(caught.value)


def test_what_apt_says_of_a_silent_network_is_passed_on(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_download", _download)
    script = (
        "[ $1 = indextargets ] && { echo 'Debian http://debian.example/debian/ /usr/share/key.pgp'; exit 0; }\n"
        "echo 'W: a warning' >&2\necho 'E: Failed to fetch the index' >&2\nexit 100\n"
    )
    put_apt(tmp_path, script, monkeypatch)
    with pytest.raises(EngineError) as caught:
        source.fetch(into, lambda _text: None)
    assert "sid: Failed to fetch the index; testing:" in assert_sentence_of_both(caught.value)


def put_apt(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "apt-get").write_text(f"#!/bin/sh\n{script}")
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def answer_with(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(content))


def test_debians_archive_is_taken_first(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(folder: Path, suite: str) -> str:
        (folder / "asterisk_23.orig-Xpjproject.tar.xz").write_bytes(archive_of(MORE, lzma.compress, "Xpjproject/"))
        (folder / "asterisk_23.orig.tar.xz").write_bytes(b"not this one")
        return ""

    monkeypatch.setattr(source, "_download", download)
    said: list[str] = []
    source.fetch(into, said.append)
    assert contents(into) == RELEASE
    assert len(said) == 1
    assert "Debian" in said[0]


def test_where_sid_cannot_be_had_testing_is_asked(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(folder: Path, suite: str) -> str:
        if suite == "sid":
            return "no such suite"
        (folder / "asterisk_22.orig-Xpjproject.tar.bz2").write_bytes(archive_of(RELEASE, bz2.compress))
        return ""

    monkeypatch.setattr(source, "_download", download)
    source.fetch(into, lambda _text: None)
    assert contents(into) == RELEASE


def test_a_package_without_the_component_is_said_to_be_gone(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_download", lambda folder, suite: "")
    with pytest.raises(EngineError, match=r"asterisk cannot be downloaded \(sid: it is gone"):
        source.fetch(into, lambda _text: None)


def lacks_a_file() -> Iterator[tuple[str, bytes]]:
    yield "COPYING", RELEASE["COPYING"]


def has_another_release() -> Iterator[tuple[str, bytes]]:
    yield from {**RELEASE, "pjsip/build/Makefile": b"all: newer\n"}.items()


def cannot_be_had() -> Iterator[tuple[str, bytes]]:
    raise EngineError("It cannot be downloaded.")
    yield  # type: ignore[unreachable] # an iterator, like the others


@pytest.mark.parametrize("first", [lacks_a_file, has_another_release, cannot_be_had])
def test_upstream_takes_the_place_of_a_first_origin_that_does_not_do(
    first: Callable[[], Iterator[tuple[str, bytes]]], into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "from_debian", first)
    answer_with(archive_of(MORE), monkeypatch)
    said: list[str] = []
    source.fetch(into, said.append)
    assert contents(into) == RELEASE
    assert ["Debian" in each for each in said] == [True, False]


def test_where_both_origins_have_another_release_the_files_are_named(
    into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "from_debian", has_another_release)
    answer_with(archive_of({**RELEASE, "COPYING": b"another licence\n"}), monkeypatch)
    with pytest.raises(EngineError) as caught:
        source.fetch(into, lambda _text: None)
    said = str(caught.value)
    assert "pjsip/build/Makefile differs" in said
    assert "COPYING differs" in said
    assert f"{source.PATH_VARIABLE}=" in said


def test_an_answer_of_upstreams_that_breaks_off_is_an_origin_that_cannot_be_had(
    into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(half(archive_of(RELEASE)), monkeypatch)
    with pytest.raises(EngineError, match="no archive that can be read"):
        source.fetch(into, lambda _text: None)


def test_an_answer_that_is_no_http_is_an_origin_that_cannot_be_had(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(url: str, timeout: float) -> None:
        raise http.client.BadStatusLine("SSH-2.0-portal")

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    with pytest.raises(EngineError) as caught:
        source.fetch(into, lambda _text: None)
    assert_sentence_of_both(caught.value)


def test_the_list_of_hashes_names_files_below_the_source_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    wanted = source.wanted()
    assert len(wanted) > 500
    assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in wanted.values())
    assert not any(Path(path).is_absolute() or ".." in Path(path).parts for path in wanted)
