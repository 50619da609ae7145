import os
from pathlib import Path

import pytest

from firmware.store.errors import StoreKeyMissingError
from firmware.store.key import CREDENTIAL_NAME, load_key

KEY = bytes(range(32))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.key"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.db"


def test_under_systemd_the_key_is_the_credential(tmp_path: Path, key_file: Path, store: Path) -> None:
    (tmp_path / CREDENTIAL_NAME).write_bytes(KEY)
    assert load_key(key_file, store, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == KEY
    assert not key_file.exists()


def test_elsewhere_a_random_key_is_made_with_the_first_store_and_kept(
    key_file: Path, store: Path, tmp_path: Path
) -> None:
    key = load_key(key_file, store, {})
    assert len(key) == 32
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert list(key_file.parent.iterdir()) == [key_file]
    assert load_key(key_file, store, {}) == key
    assert load_key(tmp_path / "other.key", store, {}) != key


def test_a_store_whose_key_is_missing_gets_no_new_one(key_file: Path, store: Path) -> None:
    store.parent.mkdir()
    store.write_bytes(b"encrypted")
    with pytest.raises(StoreKeyMissingError, match=r"is missing\. Put back"):
        load_key(key_file, store, {})
    assert not key_file.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_file_that_others_may_touch_is_refused(key_file: Path, store: Path, mode: int) -> None:
    load_key(key_file, store, {})
    key_file.chmod(mode)
    with pytest.raises(StoreKeyMissingError, match=r"can be read by others .*Set its mode to 0600"):
        load_key(key_file, store, {})


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(tmp_path: Path, key_file: Path, store: Path, length: int) -> None:
    (tmp_path / CREDENTIAL_NAME).write_bytes(bytes(length))
    with pytest.raises(StoreKeyMissingError, match=f"has {length} bytes instead of 32"):
        load_key(key_file, store, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, store: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreKeyMissingError, match="cannot be written"):
        load_key(tmp_path / "file" / "store.key", store, {})


def test_a_key_made_by_another_process_meanwhile_is_kept(
    key_file: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_link = os.link

    def link_late(source: Path, target: Path) -> None:
        target.write_bytes(KEY)
        target.chmod(0o600)
        real_link(source, target)

    monkeypatch.setattr(os, "link", link_late)
    assert load_key(key_file, store, {}) == KEY
    assert list(key_file.parent.iterdir()) == [key_file]
