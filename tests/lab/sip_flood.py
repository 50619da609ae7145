"""A flood of INVITEs, by SIPp: each sent once, at a steady rate, whatever is answered."""

import resource
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Self

from tests.lab.network import Namespace
from tests.lab.sipp import SCENARIOS


class FloodTransport(StrEnum):
    """How the INVITEs travel; the values are SIPp's names (`-t`)."""

    UDP = "u1"
    TCP_ONE_CONNECTION = "t1"
    TCP_CONNECTION_EACH = "tn"


class SipFlood:
    """INVITEs from one address to a port."""

    def __init__(
        self,
        folder: Path,
        target_port: int,
        transport: FloodTransport,
        *,
        source: str,
        rate_per_s: int,
        count: int,
        target: str = "",
        callee: str = "alice@localhost",
        namespace: Namespace | None = None,
    ) -> None:
        """Set up without starting.

        Args:
            folder: for its files.
            target_port, target: where the INVITEs go; to loopback where left out.
            transport: how they travel.
            source: where they come from.
            rate_per_s, count: how often, and how many.
            callee: whom they are for.
            namespace: the network that they come from, this process's where left out.
        """
        self._folder = folder
        self._target_port = target_port
        self._transport = transport
        self._source = source
        self._rate_per_s = rate_per_s
        self._count = count
        self._target = target
        self._callee = callee
        self._namespace = namespace
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to send."""
        self._folder.mkdir(parents=True, exist_ok=True)
        user, _, domain = self._callee.partition("@")
        words = {"DOMAIN": domain, "CALLER": "flood", "MEDIA_PORT": "9"}
        text = (SCENARIOS / "uac_flood.xml").read_text()
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        scenario = self._folder / "uac_flood.xml"
        scenario.write_text(text)
        sockets = min(self._count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
        target = self._target or ("[::1]" if ":" in self._source else "127.0.0.1")
        command: list[str | Path] = [
            "sipp", "-sf", scenario, "-i", self._source, "-t", self._transport, "-m", str(self._count),
            "-r", str(self._rate_per_s), "-s", user, "-l", str(self._count), "-max_socket", str(sockets),
            "-default_behaviors", "none", "-nostdin", "-nd", "-deadcall_wait", "0", f"{target}:{self._target_port}",
        ]  # fmt: skip
        with (self._folder / "flood.log").open("wb") as output:
            self._process = subprocess.Popen(
                command if self._namespace is None else self._namespace.command(*command),
                stdout=output,
                stderr=output,
                cwd=self._folder,
            )

    def is_running(self) -> bool:
        """Say whether it still sends."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it at once."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
