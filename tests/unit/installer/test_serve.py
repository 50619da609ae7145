"""What of a folder is served to new handsets, and what whoever asks is told."""

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from contract.downlink import MAX_NETWORK_BUNDLE_BYTES
from firmware.installer import serve_command
from firmware.installer.cli import bundle as command
from firmware.setup.lan.offers import offers
from provisioning.lan import MOST_BUNDLE_BYTES
from provisioning.sealing import CodeCost, seal_to_code
from tests.lab.bundles import Installer
from tests.lab.chance import dice
from tests.lab.lan_server import listed

pytestmark = pytest.mark.feature("set-up by the local network")

INSTALLER = Installer()
OWN = INSTALLER.bundle({"config.toml": b"# one"})
WITH_CODE = INSTALLER.bundle(
    {"sealed/code": seal_to_code({"sip-password": "x"}, "0123456789", CodeCost(memory_kib=64, passes=1))}
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.wecall").write_bytes(OWN)
    (tmp_path / "devices.csv").write_text("password\nsecret\n")
    return tmp_path


def test_bundles_are_served_and_no_other_file(folder: Path) -> None:
    (folder / "b.wecall").write_bytes(INSTALLER.bundle(number=8))
    assert serve_command._read(folder, codes=False) == ([OWN, INSTALLER.bundle(number=8)], [])


def test_what_a_code_opens_stays_off_the_network_unless_that_is_wanted(folder: Path) -> None:
    (folder / "b.wecall").write_bytes(WITH_CODE)
    bundles, [sentence] = serve_command._read(folder, codes=False)
    assert bundles == [OWN]
    assert sentence.startswith("b.wecall is not served: its passwords are sealed to a code")
    assert serve_command._read(folder, codes=True) == ([OWN, WITH_CODE], [])


def test_what_handsets_do_not_take_over_a_network_is_named(folder: Path) -> None:
    chance = dice()
    large = INSTALLER.bundle({f"pictures/{number}.png": chance.randbytes(2 << 20) for number in range(3)})
    assert len(large) > MOST_BUNDLE_BYTES
    (folder / "b.wecall").write_bytes(large)
    bundles, [sentence] = serve_command._read(folder, codes=False)
    assert bundles == [OWN]
    assert sentence == "b.wecall is not served: it has more than 4 MiB. Bring it by stick."


def test_it_may_be_as_long_as_one_that_comes_from_the_operator() -> None:
    assert MOST_BUNDLE_BYTES == MAX_NETWORK_BUNDLE_BYTES


def test_a_damaged_bundle_is_named_and_the_others_are_served(folder: Path) -> None:
    (folder / "b.wecall").write_bytes(OWN[:-5])
    bundles, [sentence] = serve_command._read(folder, codes=False)
    assert bundles == [OWN]
    assert sentence.startswith("b.wecall is not served. The signature does not fit this bundle")


def test_all_of_it_is_written_into_a_file_for_a_web_server(folder: Path) -> None:
    (folder / "b.wecall").write_bytes(WITH_CODE)
    done = CliRunner().invoke(command, ["serve", str(folder), "--to", str(folder / "bundles")])
    assert (done.exit_code, done.stdout) == (0, f"1 bundle in {folder / 'bundles'}.\n")
    assert (folder / "bundles").read_bytes() == listed(OWN)
    done = CliRunner().invoke(command, ["serve", str(folder), "--to", str(folder / "missing" / "bundles")])
    assert (done.exit_code, "could not be written" in done.stderr) == (1, True)


def test_a_folder_without_a_bundle_is_an_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["serve", str(tmp_path)])
    assert done.exit_code == 1
    assert "There is nothing to serve" in done.output


def test_without_the_package_that_announces_it_is_said_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    done = CliRunner().invoke(command, ["serve", str(folder)])
    assert done.exit_code == 1
    assert "pip install 'wecall-handset[serve]'" in done.output


@pytest.fixture
def server() -> Iterator[serve_command._Server]:
    with serve_command._Server(0, listed(OWN, WITH_CODE)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_everybody_is_told_the_same_and_devices_are_counted(server: serve_command._Server) -> None:
    told: list[int] = []
    server.when_served = told.append
    place = (socket.AF_INET, ("127.0.0.1", server.server_port))
    for _ in range(2):
        assert [each async for each in offers(place)] == [OWN, WITH_CODE]
    assert (server.count, set(told)) == (1, {1})


def test_nothing_else_is_told_whatever_is_asked(server: serve_command._Server) -> None:
    for path in ("/", "/bundles/", "/../devices.csv", "/bundles?serial=1"):
        with socket.create_connection(("127.0.0.1", server.server_port)) as asking:
            asking.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert asking.makefile("rb").readline() == b"HTTP/1.1 404 Not Found\r\n"
    assert server.count == 0
