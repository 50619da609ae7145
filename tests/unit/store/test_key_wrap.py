import json
import os
from pathlib import Path
from typing import Any

import pytest

from firmware.phone.pin import Guard
from firmware.store.errors import StoreKeyMissingError, StoreKeyWrongError
from firmware.store.key_wrap import CREDENTIAL_NAME, HostKeys, KeyWrap, StoreKeys, load_key, stretch

KEY = bytes(range(32))

HOST = HostKeys(bytes(32))
BOARD = HostKeys(bytes(32), board=bytes(range(32)))
KEYS = StoreKeys(b"c" * 32)
TWO_KEYS = StoreKeys(b"c" * 32, b"n" * 32)
PIN = stretch("258036", memory_kib=64, passes=1)


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


@pytest.mark.parametrize("keys", [KEYS, TWO_KEYS])
@pytest.mark.parametrize("host", [HOST, BOARD])
@pytest.mark.parametrize("pin", [None, PIN])
def test_what_sealed_the_keys_opens_them(keys: StoreKeys, host: HostKeys, pin: Any) -> None:
    wrap = KeyWrap.read(KeyWrap.seal(keys, host, pin).content)
    wrap.check(host)
    assert wrap.open(host, pin) == keys


def test_neither_key_stands_in_the_file() -> None:
    content = KeyWrap.seal(TWO_KEYS, HOST, PIN).content
    for secret in (TWO_KEYS.current, TWO_KEYS.newest, HOST.secret, PIN.key):
        assert secret not in content
        assert secret.hex().encode() not in content
    assert "258036" not in content.decode()


def test_the_same_keys_are_never_sealed_alike() -> None:
    assert KeyWrap.seal(KEYS, HOST, PIN).sealed != KeyWrap.seal(KEYS, HOST, PIN).sealed


def test_another_pin_does_not_open_them() -> None:
    wrap = KeyWrap.seal(KEYS, HOST, PIN)
    assert wrap.open(HOST, wrap.stretch("258036")) == KEYS
    for wrong in (None, wrap.stretch("258037")):
        with pytest.raises(StoreKeyWrongError, match="not the PIN"):
            wrap.open(HOST, wrong)


def test_another_machine_is_told_before_anybody_types_a_pin_in_vain() -> None:
    with pytest.raises(StoreKeyWrongError, match="another machine"):
        KeyWrap.seal(KEYS, HOST, PIN).check(HostKeys(b"x" * 32))
    with pytest.raises(StoreKeyWrongError, match="another machine"):
        KeyWrap.seal(KEYS, BOARD, None).check(HostKeys(BOARD.secret, board=b"x" * 32))
    with pytest.raises(StoreKeyMissingError, match="Put the card back into it"):
        KeyWrap.seal(KEYS, BOARD, None).check(HOST)


def test_a_board_key_that_is_there_and_not_used_changes_nothing() -> None:
    wrap = KeyWrap.seal(KEYS, HOST, None)
    wrap.check(BOARD)
    assert wrap.open(BOARD, None) == KEYS


def test_it_says_what_it_takes() -> None:
    assert KeyWrap.seal(KEYS, HOST, None).guards == frozenset()
    assert KeyWrap.seal(KEYS, BOARD, PIN).guards == {Guard.BOARD, Guard.PIN}


@pytest.mark.parametrize("name", ["salt", "journal", "format", "board", "host"])
def test_no_part_of_the_file_can_be_changed(name: str) -> None:
    content = json.loads(KeyWrap.seal(KEYS, HOST, None).content)
    other = json.loads(KeyWrap.seal(StoreKeys(b"o" * 32), BOARD, None).content)
    content[name] = 2 if name == "format" else other[name]
    with pytest.raises((StoreKeyMissingError, StoreKeyWrongError)):
        KeyWrap.read(json.dumps(content).encode()).open(HOST, None)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b"null", b'{"sealed": 1}', b"[" * 100_000, b'{"sealed": "", "format": 1}']
)
def test_a_damaged_file_is_told_of(content: bytes) -> None:
    with pytest.raises(StoreKeyMissingError, match="is damaged"):
        KeyWrap.read(content)


@pytest.mark.parametrize("work", [{"memory_kib": 1 << 30}, {"passes": 10_000}, {"memory_kib": "64"}, {"passes": 0}])
def test_a_file_that_asks_for_endless_work_is_refused(work: dict[str, Any]) -> None:
    content = json.loads(KeyWrap.seal(KEYS, HOST, PIN).content)
    content["pin"] |= work
    with pytest.raises(StoreKeyMissingError, match="is damaged"):
        KeyWrap.read(json.dumps(content).encode())
