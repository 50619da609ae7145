"""Which bundle of many is for this handset, and what is said where none is."""

import os
import re
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.results import OutcomeCode
from firmware.setup.stick import choice as choice_module
from firmware.setup.stick.choice import MOST_READ, Choice, choose
from firmware.setup.stick.folder import StickFolder
from provisioning.bundle import MAX_BUNDLE_BYTES
from tests.lab.bundles import SERIAL, Installer

INSTALLER = Installer()
ANOTHER_SERIAL = "20000000ffff0000"


def chosen(path: Path) -> Choice:
    folder = StickFolder(path)
    return choose(folder, folder.bundle_names(), SERIAL)


def test_of_several_the_one_with_the_highest_number_is_taken(tmp_path: Path) -> None:
    for name, number in {"z": 7, "a": 12, f"site-{SERIAL}": 9}.items():
        (tmp_path / f"{name}.wecall").write_bytes(INSTALLER.bundle(number=number))
    assert chosen(tmp_path) == Choice("a.wecall", 12)


def test_one_that_is_for_other_handsets_is_passed_over_whatever_its_number(tmp_path: Path) -> None:
    (tmp_path / "theirs.wecall").write_bytes(INSTALLER.bundle(number=99, serials=(ANOTHER_SERIAL,)))
    (tmp_path / "ours.wecall").write_bytes(INSTALLER.bundle(number=3, serials=(ANOTHER_SERIAL, SERIAL)))
    assert chosen(tmp_path) == Choice("ours.wecall", 3)


def test_one_stick_serves_a_whole_site(tmp_path: Path) -> None:
    for number in range(100):
        serial = f"{number:016x}"
        (tmp_path / f"{serial}.wecall").write_bytes(INSTALLER.bundle(number=5, serials=(serial,)))
    folder = StickFolder(tmp_path)
    for number in (0, 57, 99):
        assert choose(folder, folder.bundle_names(), f"{number:016x}") == Choice(f"{number:016x}.wecall", 5)


class Watched(StickFolder):
    """Remembers which files were opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.opened: list[str] = []

    def open(self, name: str) -> BinaryIO:
        self.opened.append(name)
        return super().open(name)


def test_of_a_whole_sites_bundles_those_that_are_called_as_other_handsets_are_not_read(tmp_path: Path) -> None:
    for serial in (ANOTHER_SERIAL, f"{1:016x}", SERIAL.upper()):
        bundle = INSTALLER.bundle(number=5, serials=(serial.lower(),))
        (tmp_path / f"{serial}.wecall").write_bytes(bundle)
    (tmp_path / "all of the site.wecall").write_bytes(INSTALLER.bundle(number=4))
    folder = Watched(tmp_path)
    assert choose(folder, folder.bundle_names(), SERIAL) == Choice(f"{SERIAL.upper()}.wecall", 5)
    assert folder.opened == [f"{SERIAL.upper()}.wecall", "all of the site.wecall"]


OWN = [
    INSTALLER.bundle(number=5, serials=(SERIAL,)),
    INSTALLER.bundle(number=5)[:-1],
    INSTALLER.bundle(serials=("x" * 8,)),
]
ANOTHERS = [INSTALLER.bundle(number=9, serials=(ANOTHER_SERIAL,)), b"rubbish"]
NOBODYS = [
    INSTALLER.bundle(number=7),
    INSTALLER.bundle(number=3, serials=(ANOTHER_SERIAL, SERIAL)),
    INSTALLER.bundle(number=8, serials=(ANOTHER_SERIAL,)),
    b"rubbish",
]


@pytest.mark.parametrize("own", [None, *OWN], ids=["no own", "own", "own cut", "own lies"])
@pytest.mark.parametrize("anothers", [None, *ANOTHERS], ids=["no other's", "another's", "another's rubbish"])
@pytest.mark.parametrize("nobodys", [None, *NOBODYS], ids=["none", "newer", "older", "for others", "rubbish"])
def test_whatever_lies_there_together_the_choice_is_that_of_whoever_reads_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bytes | None, anothers: bytes | None, nobodys: bytes | None
) -> None:
    for name, content in {SERIAL: own, ANOTHER_SERIAL: anothers, "site": nobodys}.items():
        if content is not None:
            (tmp_path / f"{name}.wecall").write_bytes(content)
    made = chosen(tmp_path)
    monkeypatch.setattr(choice_module, "_A_SERIAL", re.compile("nothing is called so"))
    assert made == chosen(tmp_path)


def test_damaged_ones_do_not_hide_the_one_that_is_whole(tmp_path: Path) -> None:
    whole = INSTALLER.bundle(number=4)
    (tmp_path / "a.wecall").write_bytes(whole[:-1])
    (tmp_path / "b.wecall").write_bytes(b"")
    os.mkfifo(tmp_path / "c.wecall")
    (tmp_path / "d.wecall").symlink_to("b.wecall")
    (tmp_path / "e.wecall").mkdir()
    (tmp_path / "f.wecall").write_bytes(whole)
    assert chosen(tmp_path) == Choice("f.wecall", 4)


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ({"a": b"rubbish"}, OutcomeCode.UNREADABLE),
        ({"a": INSTALLER.bundle()[:-1] + b"!"}, OutcomeCode.FORGED),
        ({"a": INSTALLER.bundle(serials=(ANOTHER_SERIAL,))}, OutcomeCode.WRONG_SERIAL),
        ({"a": b"rubbish", "b": INSTALLER.bundle(serials=(ANOTHER_SERIAL,))}, OutcomeCode.WRONG_SERIAL),
        ({SERIAL: b"rubbish", "b": INSTALLER.bundle(serials=(ANOTHER_SERIAL,))}, OutcomeCode.UNREADABLE),
    ],
    ids=["rubbish", "a flipped bit", "others'", "rubbish and others'", "ours is rubbish"],
)
def test_the_reason_is_the_one_that_helps_most(tmp_path: Path, files: dict[str, bytes], refusal: OutcomeCode) -> None:
    for name, content in files.items():
        (tmp_path / f"{name}.wecall").write_bytes(content)
    assert chosen(tmp_path) == Choice(refusal=refusal)


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "a.wecall").open("wb") as file:
        file.truncate(MAX_BUNDLE_BYTES * 1000)
    assert chosen(tmp_path) == Choice(refusal=OutcomeCode.TOO_LARGE)


def test_only_so_much_is_read_of_all_together_and_the_one_with_our_serial_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = INSTALLER.bundle(number=4)
    for number in range(10):
        (tmp_path / f"{number}.wecall").write_bytes(whole)
    (tmp_path / f"{SERIAL}.wecall").write_bytes(whole)
    monkeypatch.setattr(choice_module, "MOST_READ_BYTES", 3 * len(whole))
    folder = Watched(tmp_path)
    assert choose(folder, folder.bundle_names(), SERIAL).number == 4
    assert folder.opened == [f"{SERIAL}.wecall", "0.wecall", "1.wecall", "2.wecall"]


def test_of_many_bundles_only_so_many_are_read_and_the_own_one_however_many_were_put_there_before_it(
    tmp_path: Path,
) -> None:
    for number in range(MOST_READ + 5):
        (tmp_path / f"{number:016x}.wecall").touch()
    folder = Watched(tmp_path)
    assert choose(folder, folder.bundle_names(), SERIAL) == Choice(refusal=OutcomeCode.UNREADABLE)
    assert len(folder.opened) == MOST_READ
    (tmp_path / f"{SERIAL}.wecall").write_bytes(INSTALLER.bundle(number=4))
    assert choose(folder, folder.bundle_names(), SERIAL).number == 4


def test_a_file_that_cannot_be_read_on_is_as_good_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.wecall").write_bytes(INSTALLER.bundle(number=4))
    (tmp_path / "b.wecall").write_bytes(INSTALLER.bundle(number=9))

    class Worn(StickFolder):
        def open(self, name: str) -> BinaryIO:
            file = super().open(name)
            if name == "b.wecall":
                # What a worn-out stick answers; reading a folder is the nearest thing that a test can do for real.
                os.dup2(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY), file.fileno())
            return file

    folder = Worn(tmp_path)
    assert choose(folder, folder.bundle_names(), SERIAL) == Choice("a.wecall", 4)
