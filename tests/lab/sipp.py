"""SIPp: a scripted SIP peer, for what well-behaved phones never do."""

import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.lab.ports import free_port

START_TIMEOUT_S = 30.0
SCENARIOS = Path(__file__).with_name("sipp")


class Sipp:
    """One run of a scenario from `tests/lab/sipp/`; those named `uas_` wait for calls, `uac_` make them."""

    def __init__(
        self,
        folder: Path,
        scenario: str,
        *,
        server_port: int = 0,
        callee: str = "",
        caller: str = "outside",
        domain: str = "localhost",
        words: Mapping[str, str] | None = None,
        calls: int = 1,
        calls_per_s: int = 10,
        source: str = "127.0.0.1",
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its copy of the scenario and its log go.
            scenario: the file's name without its ending.
            server_port: UDP port on loopback that a `uac_` scenario calls.
            callee: user part that it calls.
            caller: user part that it calls as.
            domain: host part of both.
            words: more `@WORDS@` of the scenario.
            calls: how many before it ends.
            calls_per_s: how fast a `uac_` scenario makes them.
            source: loopback address that it sends from.
        """
        self.port = free_port(socket.SOCK_DGRAM)
        self.uri = f"sip:127.0.0.1:{self.port}"
        self._folder = folder
        self._scenario = scenario
        self._server_port = server_port
        self._callee = callee
        self._calls = calls
        self._calls_per_s = calls_per_s
        self._source = source
        self._words = {
            "MEDIA_PORT": str(free_port(socket.SOCK_DGRAM)),
            "DOMAIN": domain,
            "CALLER": caller,
            # In the place of a header that a test adds to an INVITE.
            "HEADER": "Subject: a call",
            **(words or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it printed and complained about."""
        return "\n".join(path.read_text(errors="replace")[-4000:] for path in sorted(self._folder.glob("*.log")))

    def start(self) -> None:
        """Start it; one that waits for calls takes them from now on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = (SCENARIOS / f"{self._scenario}.xml").read_text()
        for word, value in self._words.items():
            text = text.replace(f"@{word}@", value)
        path = self._folder / f"{self._scenario}.xml"
        path.write_text(text)
        command: list[str | Path] = [
            "sipp", "-sf", path, "-i", self._source, "-p", str(self.port), "-m", str(self._calls), "-nostdin",
            "-trace_err", "-error_file", self._folder / "errors.log", "-timeout_error", "-nd",
            "-timeout", f"{60 + self._calls // 2}s",
        ]  # fmt: skip
        if self._calls == 1:
            # It tells nothing else of a call that has not ended.
            command += ["-trace_shortmsg", "-shortmessage_file", self._folder / "messages.log"]
        if self._server_port:
            command += ["-r", str(self._calls_per_s), "-s", self._callee, f"127.0.0.1:{self._server_port}"]
        with (self._folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self._folder)
        if not self._server_port:
            self._wait_until_it_listens()

    def finish(self, timeout_s: float = 20) -> None:
        """Wait until its calls are made.

        Raises:
            AssertionError: the scenario was not played as written; the message holds its log.
        """
        if self._process is None:
            raise AssertionError("SIPp was not started.")
        try:
            code = self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"SIPp's scenario {self._scenario} did not end:\n{self.log}") from None
        assert code == 0, f"SIPp's scenario {self._scenario} failed with {code}:\n{self.log}"

    def has_ended(self) -> bool:
        """Say whether its calls are over, be it otherwise than written."""
        return self._process is None or self._process.poll() is not None

    def has_ended_as_written(self) -> bool:
        """Say whether all its calls went as the scenario says."""
        return self._process is not None and self._process.poll() == 0

    def stop(self) -> None:
        """End it at once."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()

    def _wait_until_it_listens(self) -> None:
        # A datagram to a closed port comes back as ECONNREFUSED; SIPp ignores one that is no SIP.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.02)
            probe.connect((self._source, self.port))
            deadline = time.monotonic() + START_TIMEOUT_S
            while time.monotonic() < deadline:
                try:
                    probe.send(b"\r\n\r\n")
                    probe.recv(1)
                except ConnectionRefusedError:
                    time.sleep(0.01)
                except TimeoutError:
                    return
        raise RuntimeError(f"SIPp does not listen:\n{self.log}")
