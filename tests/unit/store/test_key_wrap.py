import json
from typing import Any

import pytest

from firmware.phone.pin import Guard
from firmware.store.errors import StoreKeyMissingError, StoreKeyWrongError
from firmware.store.key import HostKeys
from firmware.store.key_wrap import KeyWrap, StoreKeys, stretch

HOST = HostKeys(bytes(32))
BOARD = HostKeys(bytes(32), board=bytes(range(32)))
KEYS = StoreKeys(b"c" * 32)
TWO_KEYS = StoreKeys(b"c" * 32, b"n" * 32)
PIN = stretch("258036", memory_kib=64, passes=1)


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
