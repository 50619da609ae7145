"""Node-RED with its dashboard, as a fleet manager has it: the flow that ships is imported through its own API."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.lab.ports import free_port
from tests.lab.server import Server

FLOW: Final = Path(__file__).parents[2] / "fleet" / "node-red" / "flow.json"
"""The flow that ships."""

_INSTALLED: Final = Path(__file__).parents[2] / "build" / "node-red" / "node_modules" / "node-red" / "red.js"
_START_TIMEOUT_S: Final = 90.0
_SETTINGS: Final = {
    "uiHost": "127.0.0.1",
    "flowFile": "flows.json",
    "credentialSecret": "of the lab",
    # Nothing is asked of anybody outside.
    "telemetry": {"enabled": False, "updateNotification": False},
    "externalModules": {"autoInstall": False, "palette": {"allowInstall": False}},
    "editorTheme": {"tours": False, "palette": {"catalogues": []}},
}


class NodeRed(Server):
    """A Node-RED on loopback with a user folder of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Set up without starting; the environment is what fleet/node-red/README.md has set."""
        self.port = free_port(socket.SOCK_STREAM)
        super().__init__(folder / "node-red.log", may_hang=True)
        self._folder = folder
        self._environment = environment
        self._imported_at = 0

    @property
    def dashboard(self) -> str:
        """Where the fleet is shown."""
        return f"http://127.0.0.1:{self.port}/dashboard/fleet"

    @property
    def complaints(self) -> list[str]:
        """The lines of its log that warn or tell of an error since the flow was imported; a new folder has its own."""
        lines = self.log[self._imported_at :].splitlines()
        return [line for line in lines if "[warn]" in line or "[error]" in line]

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it is not installed, or ended; the message holds its log.
        """
        if not _INSTALLED.exists():
            raise RuntimeError("Node-RED is not in build/node-red. Run: tools/setup test")
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "settings.js"
        settings.write_text(f"module.exports = {json.dumps({**_SETTINGS, 'uiPort': self.port})};\n")
        self._launch(
            ["node", _INSTALLED, "--userDir", self._folder, "--settings", settings],
            {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self._folder), **self._environment},
        )
        self._wait_until(self._answers, "Node-RED does not answer", _START_TIMEOUT_S)

    def import_flow(self, flow: Path = FLOW) -> None:
        """Import a flow and deploy it, as its editor does."""
        self._imported_at = len(self.log)
        self._ask("/flows", flow.read_bytes(), {"Node-RED-Deployment-Type": "full"})

    def stored(self) -> str:
        """Return what it keeps of its flows, credentials in whatever form it keeps them included."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("flows*.json")))

    def _answers(self) -> bool:
        try:
            self._ask("/settings")
        except (URLError, OSError):
            return False
        return True

    def _ask(self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        request = Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=body,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        with urlopen(request, timeout=30) as answer:
            return answer.read()
