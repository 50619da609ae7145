import re
from pathlib import Path

import pytest

from provisioning.manifest import SERIAL_PATTERN
from provisioning.serial import UNKNOWN, serial

pytestmark = pytest.mark.feature("bundle trial")


def read(folder: Path) -> str:
    return serial(override=folder / "serial", board=folder / "board", machine=folder / "machine-id")


def test_the_boards_own_serial_is_read_without_the_device_trees_zero(tmp_path: Path) -> None:
    (tmp_path / "board").write_bytes(b"10000000ABCD1234\0")
    (tmp_path / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    assert read(tmp_path) == "10000000abcd1234"


def test_what_an_installer_wrote_down_comes_first(tmp_path: Path) -> None:
    (tmp_path / "board").write_bytes(b"10000000abcd1234\0")
    (tmp_path / "serial").write_text("shelf-3-left\n")
    assert read(tmp_path) == "shelf-3-left"


def test_without_a_board_the_serial_follows_from_the_machines_id_and_does_not_show_it(tmp_path: Path) -> None:
    machine_id = "0123456789abcdef0123456789abcdef"
    (tmp_path / "machine-id").write_text(f"{machine_id}\n")
    made = read(tmp_path)
    assert re.fullmatch("[0-9a-f]{16}", made)
    assert made == read(tmp_path)
    assert made not in machine_id


def test_what_is_no_serial_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "serial").write_text("../../etc")
    assert read(tmp_path) == UNKNOWN
    assert re.fullmatch(SERIAL_PATTERN, UNKNOWN)
