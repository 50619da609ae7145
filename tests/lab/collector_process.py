"""A collector as operators run it: the real command in a fork that has loaded it, at a broker of the lab."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from fleet.collector.database import open_database
from fleet.collector.settings import Storage
from tests.lab import kills
from tests.lab.fleet_broker import FleetBroker
from tests.lab.server import Server

START_TIMEOUT_S: Final = 60.0
_READY: Final = "Connected to the broker."
_COMMAND: Final = "firmware.cli"
for module in (_COMMAND, "fleet.collector.command"):
    kills.load(module)


class CollectorProcess(Server):
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
        super().__init__(folder / f"{name}.log")
        self.name = name
        self.url = url or f"sqlite:///{folder / 'calls.db'}"
        self.path = folder / f"{name}.toml"
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

    def engine(self) -> Engine:
        """Return another view of its database, for whoever wants to look."""
        return open_database(Storage(url=self.url))

    def start(self, *, until: str = _READY) -> None:
        """Start it and wait until it says something, that it is connected as a rule.

        Raises:
            RuntimeError: it ended or does not say so; the message holds its log.
        """
        before = self.log.count(until)
        self._launch_warm(_COMMAND, "fleet", "collect", "--config", str(self.path))
        self._wait_until(
            lambda: self.log.count(until) > before,
            f"The collector {self.name} does not say {until!r}",
            START_TIMEOUT_S,
        )


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml(key)} = {_toml(each)}' for key, each in value.items())} }}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
