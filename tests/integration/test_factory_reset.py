"""A factory reset of a whole running handset: it forgets, and goes on as the same process."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from firmware.cli import main
from firmware.farewell.factory_reset import KEY_NAME, MARKER_NAME, finish_reset

ROOT = Path(__file__).parents[2]
# The handset as `wecall run` has it, whose holder orders a reset as soon as the first run is ready.
PROGRAM = """
import sys
from pathlib import Path
from firmware import app, cli
from firmware.phone.errands import FactoryReset
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
            "--state-dir", str(state), "--runtime-dir", str(tmp_path / "run"), "--simulator-port", "0",
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


def order(*arguments: str | Path, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["factory-reset", *map(str, arguments)], input=typed)


def test_whoever_owns_the_machine_orders_a_reset_without_a_pin_and_the_next_start_erases(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).write_bytes(bytes(32))
    (tmp_path / "store.db").write_bytes(b"contacts")
    ordered = order("--state-dir", tmp_path, typed="y\n")
    assert (ordered.exit_code, "systemctl restart wecall-handset" in ordered.output) == (0, True)
    assert (tmp_path / "store.db").exists()
    assert finish_reset(tmp_path, {})
    assert not (tmp_path / "store.db").exists()
    assert (tmp_path / KEY_NAME).read_bytes() != bytes(32)


def test_a_reset_that_was_not_meant_erases_nothing(tmp_path: Path) -> None:
    assert order("--state-dir", tmp_path, typed="n\n").exit_code == 1
    assert not finish_reset(tmp_path, {})


def test_a_folder_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    refused = order("--state-dir", tmp_path / "nowhere", "--yes")
    assert refused.exit_code == 1
    assert "The factory reset cannot begin in" in refused.output


def wait_until_ready(systemd: socket.socket) -> str:
    """Return everything that was said to systemd until the handset was ready."""
    said = ""
    while "READY=1" not in said:
        said += systemd.recv(4096).decode() + "\n"
    return said
