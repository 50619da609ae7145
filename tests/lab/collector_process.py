"""A collector as operators run it: the real command, with settings for a broker of the lab."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Engine

from fleet.collector.database import open_database
from fleet.collector.settings import Storage
from tests.lab.fleet_broker import FleetBroker

START_TIMEOUT_S: Final = 60.0
_READY: Final = "Connected to the broker."


class CollectorProcess:
    """`wecall fleet collect`, from `start` to `stop` or `kill`; its settings stay the same.

    Attributes:
        name: what it is called; the broker has to know it.
        url: its database.
        path: its settings.
    """

    def __init__(
        self,
        folder: Path,
        broker: FleetBroker,
        *,
        name: str = "main",
        url: str | None = None,
        port: int | None = None,
        settings: Mapping[str, Any] | None = None,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Write its settings.

        Args:
            folder: where these and its log go, and the SQLite file where nothing else is said.
            broker: where its messages come from.
            name: what it is called.
            url: its database; a file in the folder where it is None.
            port: the broker's, where a proxy stands before it.
            settings: more of them, outside of any table.
            tables: more tables, such as `http` and `devices`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.url = url or f"sqlite:///{folder / 'calls.db'}"
        self.path = folder / f"{name}.toml"
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        issued = broker.collector(name)
        all_tables: dict[str, Mapping[str, Any]] = {
            "broker": {
                "host": "127.0.0.1",
                "port": port or broker.port,
                "ca": f"{broker.ca_path}",
                "certificate": f"{issued.certificate}",
                "key": f"{issued.key}",
            },
            "database": {"url": self.url},
            **(tables or {}),
        }
        lines = [f"{key} = {_toml(value)}" for key, value in {"name": name, **(settings or {})}.items()]
        for table, values in all_tables.items():
            lines += ["", f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
        self.path.write_text("\n".join(lines) + "\n")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def engine(self) -> Engine:
        """Return another view of its database, for whoever wants to look."""
        return open_database(Storage(url=self.url))

    def start(self, *, until: str = _READY) -> None:
        """Start it and wait until it says something, that it is connected as a rule.

        Raises:
            RuntimeError: it ended or does not say so; the message holds its log.
        """
        before = self.log.count(until)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("wecall"), "fleet", "collect", "--config", self.path],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        ends_at = time.monotonic() + START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < ends_at:
            if self.log.count(until) > before:
                return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"The collector {self.name} does not say {until!r}:\n{self.log}")

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(START_TIMEOUT_S)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
