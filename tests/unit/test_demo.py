"""What `make demo` says before it starts anything."""

import shlex
import socket
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_a_port_that_is_taken_is_told_with_a_command_that_takes_another_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        arguments = ("--port", str(port), "--folder", str(tmp_path / "demo"))
        said = subprocess.run(
            [sys.executable, "-m", "tests.lab.demo", *arguments],
            cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert said.returncode == 1
    told, _, advice = said.stderr.strip().partition(" Choose another one: ")
    assert told.endswith(f"port {port} is taken.")
    command = shlex.split(advice.replace("NUMBER", "8089"))
    would_do = subprocess.run([*command, "--dry-run"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert "/wecall demo" in would_do.stdout
    assert "--port 8089" in would_do.stdout
