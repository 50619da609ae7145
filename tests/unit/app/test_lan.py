"""The process that looks for a bundle on the local network: it is there as long as the handset's socket for it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.handset import WecallProcess
from tests.lab.patience import wait_until

pytestmark = pytest.mark.feature("set-up by the local network")


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "lan.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


@pytest.fixture
def process(tmp_path: Path) -> Iterator[WecallProcess]:
    process = WecallProcess("lan", ["lan", "--runtime-dir", str(tmp_path)], tmp_path, {})
    yield process
    process.kill()


@pytest.mark.usefixtures("door")
def test_it_ends_in_good_order_when_it_is_told(process: WecallProcess) -> None:
    process.start()
    assert process.stop() == 0


def test_it_ends_at_once_when_the_handset_shuts_the_door(process: WecallProcess, door: Path) -> None:
    process.start()
    door.unlink()
    wait_until(lambda: not process.is_running())
    assert process.stop() == 0
    assert process.log.endswith("Stopped.\n")
