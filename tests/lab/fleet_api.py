"""The collector's HTTP API without a collector: the app that ships, on a free port, and whoever asks it."""

from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from fleet.api.app import create_app
from fleet.api.audit_log import AuditLog
from fleet.api.directory import Directory
from fleet.api.feed import Feed
from fleet.api.server import HttpServer
from fleet.api.service import BrokerLogin
from fleet.api.settings import HttpSettings

TOKEN: Final = "t" * 43
"""Sees every fleet."""
NORTH_TOKEN: Final = "n" * 43
"""Sees the fleet `north` alone."""
UNNAMED_TOKEN: Final = "u" * 43
"""Sees no fleet, since its line names none."""


def token_file(folder: Path) -> Path:
    """Write the file with all tokens."""
    path = folder / "tokens"
    path.touch(0o600)
    path.write_text(f"# for the tests\n{TOKEN} *\n\n{NORTH_TOKEN} north  # a fleet\n{UNNAMED_TOKEN}\n", "ascii")
    return path


class FleetApi:
    """The app, served; `client` asks with the token that sees every fleet.

    Attributes:
        engine: its database.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        *,
        login: BrokerLogin | None = None,
        registry: CollectorRegistry | None = None,
        names: Path | None = None,
        feed: Feed | None = None,
        log: Engine | None = None,
        **settings: Any,
    ) -> None:
        """Set up without starting.

        Args:
            engine: the database.
            folder: where the file of tokens goes.
            login: asks a broker who somebody is.
            registry: the intake's counters.
            names: the table of what people call handsets.
            feed: what is live.
            log: where it is written down who does what.
            **settings: as in `[http]`.
        """
        self.engine = engine
        self.settings = HttpSettings(**{"token_file": token_file(folder), "port": 0, **settings})
        app = create_app(
            engine,
            self.settings,
            login=login,
            registry=registry,
            directory=Directory(names),
            feed=feed,
            log=AuditLog(log),
        )
        self._server = HttpServer(app, self.settings)
        self.client = httpx.Client()

    @property
    def url(self) -> str:
        """Where it is."""
        scheme = "http" if self.settings.certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._server.start()
        self.client = self.client_with(TOKEN)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.stop()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.stop()

    def client_with(self, token: str | None, **settings: Any) -> httpx.Client:
        """Return somebody who shows a token, or none."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60, **settings)

    def rows(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read every page of a route, and say what was in them all."""
        rows: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            here = parameters if after is None else {**parameters, "after": after}
            answer = self.client.get(f"/api/v1/{path}", params=here)
            assert answer.status_code == 200, answer.text
            document = answer.json()
            rows += document["rows"]
            after = document["next"]
            if after is None:
                return rows
