"""The folder for imports: what a reset and erasing can destroy, and what becomes of what they cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.base.errors import StorageError
from firmware.phone.my_data import DataCategory
from firmware.services import exchange
from firmware.services.account.factory_reset import begin_reset, finish_reset
from firmware.services.account.last_word import LAST_WORD_NAME, LastWord
from provisioning.broker import Sync
from tests.lab.small_disk import AS_ROOT, read_only

ROOT = Path(__file__).parents[3]
_PHONE = 65_534
"""The user whom the phone is run as here."""

RESET = f"""
import os
from pathlib import Path
from firmware.services.account.factory_reset import finish_reset
os.setgroups([])
os.setgid({_PHONE})
os.setuid({_PHONE})
assert finish_reset(Path(), {{}})
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with a store and what somebody has put in for an import."""
    state = tmp_path / "state"
    (state / "exchange").mkdir(parents=True)
    (state / "store.db").write_bytes(b"Anna")
    word = LastWord(device="handset-7", fleet="lab", sync=Sync(host="broker.example.org"), epochs=())
    (state / LAST_WORD_NAME).write_text(word.model_dump_json(), encoding="ascii")
    (state / "exchange/friends.vcf").write_text("Anna", encoding="ascii")
    return state


def reset(state: Path) -> None:
    begin_reset(state)
    assert finish_reset(state, {})


def files_of(state: Path) -> set[str]:
    return {path.relative_to(state).as_posix() for path in state.rglob("*") if not path.is_dir()}


def contacts_of(state: Path) -> list[str]:
    return [path.name for path in exchange.files_of(state / "exchange", DataCategory.CONTACTS)]


def test_a_reset_destroys_what_lies_there_and_leaves_the_folder_for_the_next_holder(state: Path) -> None:
    (state / "exchange/more").mkdir()
    (state / "exchange/more/others.vcf").write_text("Bert", encoding="ascii")
    reset(state)
    assert files_of(state) == set()
    assert list((state / "exchange").iterdir()) == []
    assert not exchange.is_left(state / "exchange")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's files can only be made by root")
@pytest.mark.parametrize("folder_is_the_phones", [True, False], ids=["the phone's folder", "root's folder"])
def test_what_root_put_there_stops_no_reset(state: Path, folder_is_the_phones: bool) -> None:
    begin_reset(state)
    for path in (state, *(path for path in state.iterdir() if path.name != "exchange" or folder_is_the_phones)):
        os.chown(path, _PHONE, _PHONE)
    subprocess.run([sys.executable, "-c", RESET], cwd=state, env={"PYTHONPATH": str(ROOT)}, check=True, timeout=60)
    assert files_of(state) == (set() if folder_is_the_phones else {"exchange/friends.vcf", "exchange-left"})
    assert exchange.is_left(state / "exchange") is not folder_is_the_phones


def test_what_cannot_be_deleted_is_left_last_and_told_of_until_somebody_has_seen_to_it(state: Path) -> None:
    folder = state / "exchange"
    with read_only(folder):
        reset(state)
        assert files_of(state) == {"exchange/friends.vcf", "exchange-left"}
        with pytest.raises(StorageError, match=f"sudo rm -r {folder}, then sudo systemctl restart wecall-handset"):
            exchange.forget_left(folder)
        # The next holder's reset comes as far.
        reset(state)
        assert exchange.is_left(folder)
    exchange.forget_left(folder)
    assert files_of(state) == set()


def test_where_the_folder_is_gone_nothing_is_left(state: Path) -> None:
    folder = state / "exchange"
    with read_only(folder):
        reset(state)
    subprocess.run(["rm", "-r", folder], check=True)
    exchange.forget_left(folder)
    assert not exchange.is_left(folder)


def test_without_a_mark_a_start_destroys_nothing(state: Path) -> None:
    exchange.forget_left(state / "exchange")
    assert contacts_of(state) == ["friends.vcf"]


def test_of_a_folder_that_is_mounted_there_the_content_goes(state: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "others.vcf").write_text("Bert", encoding="ascii")
    subprocess.run([*AS_ROOT, "mount", "--bind", elsewhere, state / "exchange"], check=True)
    try:
        assert contacts_of(state) == ["others.vcf"]
        reset(state)
        assert not exchange.is_left(state / "exchange")
    finally:
        subprocess.run([*AS_ROOT, "umount", state / "exchange"], check=True)
    assert list(elsewhere.iterdir()) == []


def test_what_a_link_leads_to_is_neither_imported_nor_destroyed(state: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (state / "exchange").rename(elsewhere)
    (state / "exchange").symlink_to(elsewhere)
    assert contacts_of(state) == []
    exchange.forget(state / "exchange", list(DataCategory))
    reset(state)
    assert contacts_of(state) == []
    assert not (state / "exchange").is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["friends.vcf"]


def test_one_that_stays_keeps_no_other_from_being_destroyed(state: Path) -> None:
    stays = state / "exchange/a"
    stays.mkdir()
    (stays / "stays.vcf").write_text("Anna", encoding="ascii")
    with read_only(stays):
        reset(state)
        assert files_of(state) == {"exchange/a/stays.vcf", "exchange-left"}
