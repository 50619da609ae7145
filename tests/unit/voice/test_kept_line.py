import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.phone.news import CallsFound
from firmware.voice import channel, client, kept_line
from firmware.voice.client import VoiceClient
from firmware.voice.kept_line import Door, forget, keep, open_door
from firmware.voice.messages import Configure, Hello, decode_order, encode

LINE, OTHER = b"the line", b"another line"


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text("[device]")
    return path


class Voice:
    """A voice that says who it is, and keeps what it is told."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        connection = channel.connect(folder / channel.SOCKET_NAME)
        assert connection is not None
        self._connection = connection
        connection.settimeout(5)
        connection.send(encode(Hello(channel.PROGRAM, settings)))
        connection.send(encode(CallsFound(())))

    def told(self) -> bytes:
        data, file = channel.receive(self._connection)
        assert decode_order(data) == Configure()
        assert file is not None
        content = os.pread(file, 1000, 0)
        os.close(file)
        return content

    def is_told_nothing_more(self) -> bool:
        self._connection.settimeout(0.2)
        try:
            self._connection.recv(1)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def door(tmp_path: Path, configuration: Path) -> Iterator[Door]:
    keep(tmp_path, configuration, LINE)
    door = open_door(tmp_path, configuration)
    assert door is not None
    yield door
    door.close()
    door.listener.close()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_LEAVE_S", 0.01)


def make_client(folder: Path, settings: bytes) -> VoiceClient:
    return VoiceClient(folder, settings, ("",), lambda _uri: False)


def test_the_order_is_the_one_that_voice_knows() -> None:
    assert encode(Configure()) == kept_line.CONFIGURE


def test_a_line_is_the_handsets_alone(tmp_path: Path, configuration: Path) -> None:
    keep(tmp_path, configuration, LINE)
    assert stat.S_IMODE((tmp_path / "line").stat().st_mode) == 0o600


def test_voice_is_told_the_line_before_anybody_asks_what_came_of_it(tmp_path: Path, door: Door) -> None:
    voice = Voice(tmp_path)
    assert voice.told() == LINE
    voice.close()


def test_whoever_comes_late_finds_the_socket_and_is_told_nothing(tmp_path: Path, door: Door) -> None:
    door.close()
    assert (door.connection, door.settings) == (None, b"")
    voice = Voice(tmp_path)
    assert voice.is_told_nothing_more()
    voice.close()


def test_a_line_of_another_configuration_counts_for_nothing(tmp_path: Path, configuration: Path) -> None:
    keep(tmp_path, configuration, LINE)
    configuration.rename(tmp_path / "old.toml")
    configuration.write_text("[device]")
    assert open_door(tmp_path, configuration) is None


def test_a_line_of_other_firmware_counts_for_nothing(
    tmp_path: Path, configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, configuration, LINE)
    monkeypatch.setattr(channel, "PROGRAM", "/elsewhere")
    assert open_door(tmp_path, configuration) is None


def test_what_was_forgotten_is_told_nobody(tmp_path: Path, configuration: Path) -> None:
    keep(tmp_path, configuration, LINE)
    forget(tmp_path)
    assert open_door(tmp_path, configuration) is None
    assert not list(tmp_path.glob("line*"))


def test_the_socket_of_a_handset_that_runs_is_left_to_it(tmp_path: Path, door: Door, configuration: Path) -> None:
    assert open_door(tmp_path, configuration) is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.connect(str(tmp_path / channel.SOCKET_NAME))


async def test_settings_that_are_the_line_are_not_told_again(tmp_path: Path, door: Door) -> None:
    voice = Voice(tmp_path)
    assert voice.told() == LINE
    handset = make_client(tmp_path, LINE)
    handset.listen(0, door)
    assert handset.is_ready
    assert voice.is_told_nothing_more()
    await handset.stop()
    voice.close()


async def test_a_voice_that_was_told_another_line_is_told_the_settings_and_starts_anew(
    tmp_path: Path, door: Door
) -> None:
    voice = Voice(tmp_path)
    assert voice.told() == LINE
    handset = make_client(tmp_path, OTHER)
    handset.listen(0, door)
    assert voice.told() == OTHER
    assert not handset.is_ready
    await handset.stop()
    voice.close()
