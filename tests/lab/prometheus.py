"""Prometheus as it ships with our configuration: only its target, its token and its pace are the test's."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from tests.lab.ports import free_port
from tests.lab.server import Server

SHIPPED: Final = Path(__file__).parents[2] / "fleet" / "prometheus"

_START_TIMEOUT_S: Final = 60.0
_LOOK_S: Final = 0.1


class Prometheus(Server):
    """A server that scrapes one collector each second, with the alerts that ship."""

    def __init__(self, folder: Path, collector: str, token: str) -> None:
        """Write its configuration.

        Args:
            folder: where everything goes.
            collector: the address of its HTTP API.
            token: one of its tokens.
        """
        super().__init__(folder / "log")
        self._folder = folder
        folder.mkdir(parents=True)
        self._port = free_port(socket.SOCK_STREAM)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", trust_env=False, timeout=30)
        text = (SHIPPED / "prometheus.yml").read_text()
        for ours, theirs in (
            ("127.0.0.1:8090", urlsplit(collector).netloc),
            ("scrape_interval: 30s", "scrape_interval: 1s"),
            ("evaluation_interval: 30s", "evaluation_interval: 1s"),
        ):
            assert ours in text
            text = text.replace(ours, theirs)
        self.configuration = folder / "prometheus.yml"
        self.configuration.write_text(text)
        (folder / "alerts.yml").write_bytes((SHIPPED / "alerts.yml").read_bytes())
        (folder / "token").touch(0o600)
        (folder / "token").write_text(token)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it does not; the message holds its log.
        """
        self._launch(
            [
                "prometheus",
                f"--config.file={self.configuration}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            {"PATH": f"{os.environ.get('PATH', '')}:/usr/bin", "GOMAXPROCS": "1"},
        )
        self._wait_until(self._answers, "Prometheus does not answer", _START_TIMEOUT_S)

    def _answers(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **parameters: Any) -> Any:
        """Return the data of its answer."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def values(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and values of an expression now."""
        return [(each["metric"], float(each["value"][1])) for each in self.ask("query", query=expression)["result"]]

    def alerts(self) -> dict[tuple[str, str], str]:
        """Return by name and fleet (or instance) the state of each alert."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("fleet", alert["labels"].get("instance", ""))): alert[
                "state"
            ]
            for alert in self.ask("alerts")["alerts"]
        }

    def settles_at(self, look: Callable[[], Any], wanted: Any, timeout_s: float = 60.0) -> None:
        """Wait until a look gives what is wanted: on a busy computer a scrape can fail, and takes its series along.

        Raises:
            AssertionError: it never does; the message holds what it gave last.
        """
        ends_at = time.monotonic() + timeout_s
        while (seen := look()) != wanted and time.monotonic() < ends_at:
            time.sleep(_LOOK_S)
        assert seen == wanted, f"{seen!r}, not {wanted!r}, after {timeout_s} s\n{self.log[-3000:]}"

    def wait_until(self, holds: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        """Wait until something holds, and fail with the log where it does not."""
        ends_at = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < ends_at, f"not within {timeout_s} s: {what}\n{self.alerts()}\n{self.log[-3000:]}"
            time.sleep(_LOOK_S)
