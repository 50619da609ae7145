"""A factory reset of a whole running handset: it forgets, and goes on as the same process."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from firmware.cli import main
from firmware.services.account.factory_reset import KEY_NAME, MARKER_NAME, STORE_NAME
from firmware.store.keyring import WRAP_NAME
from tests.lab.patience import wait_until
from tests.lab.small_disk import read_only
from tests.lab.stage import Choices, Stage

ROOT = Path(__file__).parents[2]
# The handset as `wecall run` has it, whose holder orders a reset as soon as the first run is ready.
PROGRAM = """
import sys
from pathlib import Path
from firmware.app import handset as app
from firmware import cli
from firmware.phone.requests.handset import FactoryReset
first = Path(sys.argv[1])
class Handset(app.Handset):
    async def start(self):
        await super().start()
        if not first.exists():
            first.touch()
            self._bus.errands.run(FactoryReset())
app.Handset = Handset
cli.main(sys.argv[2:])
"""
CONFIGURATION = """
version = 1
[device]
id = "handset-7"
country = "CN"
[[accounts]]
username = "201"
domain = "127.0.0.1"
port = 9
transport = "udp"
srtp = "off"
password = "x"
[sip]
local_port = 0
"""


def test_a_reset_forgets_everything_and_the_same_process_is_a_phone_again(tmp_path: Path) -> None:
    state, configuration = tmp_path / "state", tmp_path / "config.toml"
    configuration.write_text(CONFIGURATION, encoding="ascii")
    notify = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(notify))
        systemd.settimeout(60)
        command = [
            sys.executable, "-c", PROGRAM, str(tmp_path / "first"), "run", "--config", str(configuration),
            "--state-dir", str(state), "--runtime-dir", str(tmp_path / "run"), "--simulated-devices",
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "NOTIFY_SOCKET": str(notify)}) as handset:
            try:
                wait_until_ready(systemd)
                old_key = (state / KEY_NAME).read_bytes()
                said = wait_until_ready(systemd)
                assert "STOPPING=1" not in said, "systemd would have ended the process"
                assert (state / KEY_NAME).read_bytes() != old_key
                assert not (state / MARKER_NAME).exists()
                assert (state / "store.db").stat().st_size
                assert handset.poll() is None
            finally:
                handset.send_signal(signal.SIGTERM)
                assert handset.wait(30) == 0


def test_where_the_store_is_there_and_cannot_be_read_the_menu_resets_nothing(tmp_path: Path) -> None:
    state, configuration, journal = tmp_path / "state", tmp_path / "config.toml", tmp_path / "journal"
    configuration.write_text(CONFIGURATION, encoding="ascii")
    state.mkdir()
    (state / STORE_NAME).write_bytes(secrets.token_bytes(4096))
    (state / WRAP_NAME).write_bytes(secrets.token_bytes(100))
    command = [
        sys.executable, "-c", PROGRAM, str(tmp_path / "first"), "run", "--config", str(configuration),
        "--state-dir", str(state), "--runtime-dir", str(tmp_path / "run"), "--simulated-devices",
    ]  # fmt: skip
    with journal.open("wb") as written, subprocess.Popen(command, cwd=ROOT, stderr=written) as handset:
        try:
            wait_until(lambda: b"The request FactoryReset " in journal.read_bytes())
        finally:
            handset.send_signal(signal.SIGTERM)
            assert handset.wait(30) == 0
    assert b"came to nothing: The store cannot be read, so nobody knows whether a guardian" in journal.read_bytes()
    assert not (state / MARKER_NAME).exists()
    assert (state / STORE_NAME).exists()


def test_the_command_has_a_running_handset_reset_itself(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", Choices()) as stage:
        key = (stage.handset.state_dir / KEY_NAME).read_bytes()
        run = ["factory-reset", "--runtime-dir", str(stage.handset.folder / "run")]
        assert CliRunner().invoke(main, run, input="n\n").exit_code == 1
        assert not (stage.handset.state_dir / MARKER_NAME).exists()
        done = CliRunner().invoke(main, run, input="y\n")
        assert (done.exit_code, "erases everything now" in done.output) == (0, True)
        wait_until(lambda: (stage.handset.state_dir / KEY_NAME).read_bytes() != key)
        wait_until(lambda: not (stage.handset.state_dir / MARKER_NAME).exists())


def test_files_for_import_that_cannot_be_deleted_stop_no_reset_and_are_told_of(tmp_path: Path) -> None:
    with Stage(tmp_path / "stage", Choices()) as stage:
        handset = stage.handset
        folder = handset.state_dir / "exchange"
        folder.mkdir()
        (folder / "friends.vcf").write_text("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nTEL:1001\r\nEND:VCARD\r\n")
        key = (handset.state_dir / KEY_NAME).read_bytes()
        with read_only(folder):
            handset.command("factory-reset", "--yes")
            wait_until(lambda: (handset.state_dir / KEY_NAME).read_bytes() != key, "the key is new")
            wait_until(lambda: "Open and encrypted" in handset.command("doctor"), "there is a store again")
            assert not (handset.state_dir / MARKER_NAME).exists()
            assert f"sudo rm -r {folder}" in handset.command("doctor")
            assert any(f"sudo rm -r {folder}" in problem for problem in handset.ask("status")["problems"])
        handset.main.stop()
        handset.main.start()
        assert not list(folder.iterdir())
        assert "sudo rm" not in handset.command("doctor")


def test_where_no_handset_runs_it_is_said_and_nothing_is_begun(tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["factory-reset", "--yes", "--runtime-dir", str(tmp_path)])
    assert refused.exit_code == 1
    assert "The handset is not running" in refused.output


def wait_until_ready(systemd: socket.socket) -> str:
    """Return everything that was said to systemd until the handset was ready."""
    said = ""
    while "READY=1" not in said:
        said += systemd.recv(4096).decode() + "\n"
    return said
