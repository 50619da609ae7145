"""A stick's folder, prepared by somebody who means harm, and one that fails while it is used."""

import os
from pathlib import Path
from typing import BinaryIO, Self

import pytest

from firmware.base.errors import StickError
from firmware.setup.stick.folder import MOST_NAMES, StickFolder


@pytest.fixture
def folder(tmp_path: Path) -> StickFolder:
    return StickFolder(tmp_path)


def test_bundles_are_known_by_their_names_however_the_stick_spells_them(folder: StickFolder, tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff\x1b[2J.wecall")
    for name in ("a.wecall", "B.WECALL", "话机.wecall", odd, "report.json", "wecall", "a.wecall.txt", "._a.wecall"):
        (tmp_path / name).touch()
    assert sorted(folder.bundle_names()) == sorted(["a.wecall", "B.WECALL", "话机.wecall", odd])


def test_no_other_folder_is_looked_into(folder: StickFolder, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.wecall").touch()
    assert folder.bundle_names() == ()


def test_of_a_folder_of_many_names_only_so_many_are_looked_at(
    folder: StickFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    class Entry:
        def __init__(self, name: str) -> None:
            self._name = name

        @property
        def name(self) -> str:
            nonlocal looked_at
            looked_at += 1
            return self._name

    class Endless:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def __iter__(self) -> Self:
            return self

        def __next__(self) -> Entry:
            return Entry("no bundle")

    monkeypatch.setattr(os, "scandir", lambda _path: Endless())
    assert folder.bundle_names() == ()
    assert looked_at == MOST_NAMES


def test_a_stick_that_was_pulled_out_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(StickError, match="The stick cannot be read: No such file"):
        StickFolder(tmp_path / "gone").bundle_names()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_pipe, make_link, make_folder, make_device])
def test_what_is_no_plain_file_is_neither_opened_nor_waited_for(
    folder: StickFolder, tmp_path: Path, make: object
) -> None:
    make(tmp_path / "a.wecall")  # type: ignore[operator]
    with pytest.raises(StickError):
        folder.open("a.wecall")


def test_a_file_is_on_the_stick_whole_and_by_its_name_alone(folder: StickFolder, tmp_path: Path) -> None:
    with folder.writing("report.json") as file:
        file.write(b"{}")
        assert not (tmp_path / "report.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert (tmp_path / "report.json").read_bytes() == b"{}"


def test_what_cannot_be_written_to_its_end_leaves_what_was_there(folder: StickFolder, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b"old")

    def half(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StickError, match="No space left"), folder.writing("report.json") as file:
        half(file)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert (tmp_path / "report.json").read_bytes() == b"old"


def test_a_link_in_the_way_of_a_report_leads_nowhere(folder: StickFolder, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / "report.json").symlink_to("victim")
    (tmp_path / "report.json.new").symlink_to("victim")
    with folder.writing("report.json") as file:
        file.write(b"{}")
    assert (tmp_path / "victim").read_bytes() == b"mine"
    assert not (tmp_path / "report.json").is_symlink()


@pytest.mark.parametrize("name", ["report.json", "report.json.new"])
def test_a_folder_in_the_way_of_a_report_is_told_and_left(folder: StickFolder, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(StickError, match="The stick cannot be written"), folder.writing("report.json") as file:
        file.write(b"{}")
    assert (tmp_path / name).is_dir()


def test_a_stick_that_is_gone_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StickError), StickFolder(tmp_path / "gone").writing("report.json"):
        pytest.fail("there was nothing to write to")


@pytest.mark.feature("updates by stick and network")
def test_updates_are_known_by_strict_names_and_so_many_are_offered(folder: StickFolder, tmp_path: Path) -> None:
    for name in ("a-0.3.0.raucb", "B.RAUCB", "._a.raucb", "a b.raucb", "话机.raucb", "a.raucb.proof", ".raucb"):
        (tmp_path / name).touch()
    assert folder.update_names() == ("a-0.3.0.raucb", "B.RAUCB")
    for number in range(20):
        (tmp_path / f"z-{number:02}.raucb").touch()
    assert folder.update_names() == tuple(f"z-{number:02}.raucb" for number in range(19, 11, -1))


@pytest.mark.feature("updates by stick and network")
def test_a_small_file_is_read_where_it_is_there_and_a_plain_file(folder: StickFolder, tmp_path: Path) -> None:
    assert folder.read_beside("keys", 4) == b""
    (tmp_path / "keys").write_bytes(b"1234")
    assert folder.read_beside("keys", 4) == b"1234"
    with pytest.raises(StickError, match="more than 3 bytes"):
        folder.read_beside("keys", 3)
    (tmp_path / "link").symlink_to(tmp_path / "keys")
    with pytest.raises(StickError):
        folder.read_beside("link", 4)
