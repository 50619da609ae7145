"""A real Home Assistant that reads a fleet's broker, as a user of dashboards does, and is asked by its REST API.

`tools/setup test` installs it into build/homeassistant. Its pages are left out: a folder of empty files stands in for
them.
"""

import json
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.lab.fleet_broker import FleetBroker
from tests.lab.ports import free_port
from tests.lab.server import Server

USER: Final = "dashboard.home-assistant"

_PYTHON: Final = Path(__file__).parents[2] / "build" / "homeassistant" / "bin" / "python"
_START_TIMEOUT_S: Final = 90.0
_ANSWER_TIMEOUT_S: Final = 20.0
_PAGES: Final = (
    "service_worker.js", "sw-modern.js", "sw-modern.js.map", "sw-legacy.js", "sw-legacy.js.map", "robots.txt",
    "onboarding.html", "authorize.html", "static/_", "frontend_latest/_", "frontend_es5/_",
)  # fmt: skip


class HomeAssistant(Server):
    """One that has just been installed, with an integration of MQTT and nothing else."""

    def __init__(self, folder: Path, broker: FleetBroker) -> None:
        """Set up without starting.

        Args:
            folder: its configuration, history and log.
            broker: which it reads with the user for Home Assistant, over TLS.
        """
        super().__init__(folder / "home-assistant.out", may_hang=True)
        self._folder = folder
        self._broker = broker
        self._port = free_port(socket.SOCK_STREAM)
        self._token: str | None = None
        for page in _PAGES:
            path = folder / "pages" / "hass_frontend" / page
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        (folder / "configuration.yaml").write_text(
            f"frontend:\n  development_repo: {folder}/pages\n"
            f"http:\n  server_host: 127.0.0.1\n  server_port: {self._port}\n"
            "config:\n"
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def token(self) -> str | None:
        """What its owner shows, once it has started."""
        return self._token

    @property
    def warnings_about_mqtt(self) -> list[str]:
        """The lines of its log that are about MQTT, a handset, or a template of ours."""
        words = ("mqtt", "wecall", "handset", "template", "discovery", "sensor")
        # An introduction may be taken back before it has come to anything here.
        harmless = "No device components to cleanup"
        lines = (line for line in self.log.splitlines() if harmless not in line)
        return [line for line in lines if any(word in line.lower() for word in words)]

    def start(self) -> None:
        """Start it, become its owner and add the integration, as docs/fleet.md says, by what its pages would send.

        Raises:
            RuntimeError: it is not installed, ended, or does not answer; the message holds its log.
        """
        if not _PYTHON.exists():
            raise RuntimeError("There is no Home Assistant in build/homeassistant. Run `tools/setup test`.")
        # Its modules are compiled once for all times that it starts.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self._launch(
            [_PYTHON, "-m", "homeassistant", "--config", self._folder, "--skip-pip", "--log-no-color"],
            {**environment, "HOME": str(self._folder), "TMPDIR": str(self._folder)},
        )
        self._wait_until(self._answers, "Home Assistant does not answer", _START_TIMEOUT_S)
        if self._token is None:
            self._token = self._become_owner()
            self._add_integration()

    def states(self) -> dict[str, str]:
        """Return the state of each entity that came from MQTT, by its name."""
        return {entity["entity_id"]: entity["state"] for entity in self._entities()}

    def attributes(self, entity: str) -> dict[str, Any]:
        """Return what an entity has beside its state; nothing where there is no such entity."""
        return next((dict(each["attributes"]) for each in self._entities() if each["entity_id"] == entity), {})

    def knows_device(self, name: str) -> bool:
        """Say whether a device of this name is registered."""
        return self.rendered(f"{{{{ device_id('{name}') }}}}") != "None"

    def rendered(self, template: str) -> str:
        """Return what becomes of a template, as a card shows it."""
        request = self._request("/api/template", json.dumps({"template": template}).encode(), "application/json")
        with urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S) as response:
            text: str = response.read().decode()
            return text

    def wait_for(self, holds: Callable[[dict[str, str]], bool], timeout_s: float = 30.0) -> dict[str, str]:
        """Wait until something holds of the states; fail with what they are."""
        ends_at = time.monotonic() + timeout_s
        while not holds(states := self.states()):
            assert time.monotonic() < ends_at, f"not so within {timeout_s} s, but {states}\n{self.log[-2000:]}"
            time.sleep(0.1)
        return states

    def _entities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("/api/states")
        return [entity for entity in found if "handset" in entity["entity_id"]]

    def _become_owner(self) -> str:
        client = {"client_id": f"http://127.0.0.1:{self._port}/"}
        owner = {**client, "name": "Lab", "username": "lab", "password": "lab", "language": "en"}
        code = self._send("/api/onboarding/users", owner)["auth_code"]
        grant = urllib.parse.urlencode({**client, "grant_type": "authorization_code", "code": code}).encode()
        token: str = self._ask("/auth/token", grant, "application/x-www-form-urlencoded")["access_token"]
        return token

    def _add_integration(self) -> None:
        flows = "/api/config/config_entries/flow"
        flow = f"{flows}/{self._send(flows, {'handler': 'mqtt', 'show_advanced_options': True})['flow_id']}"
        filled_in = {
            "broker": "127.0.0.1",
            "port": self._broker.password_port,
            "username": USER,
            "password": self._broker.password_of(USER),
        }
        self._send(flow, {**filled_in, "advanced_options": True})
        # The form has a place for the certificate once this was sent.
        filled_in |= {"set_ca_cert": "custom", "protocol": "5"}
        self._send(flow, filled_in)
        added = self._send(flow, {**filled_in, "certificate": self._upload(self._broker.ca_path)})
        if added["type"] != "create_entry":
            raise RuntimeError(f"Home Assistant adds no integration: {added.get('errors')}")

    def _send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(path, json.dumps(body).encode(), "application/json")
        return answer

    def _upload(self, path: Path) -> str:
        head = f'--file\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
        body = head.encode() + path.read_bytes() + b"\r\n--file--\r\n"
        uploaded: str = self._ask("/api/file_upload", body, "multipart/form-data; boundary=file")["file_id"]
        return uploaded

    def _answers(self) -> bool:
        try:
            self._ask("/api/onboarding")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def _ask(self, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        with urllib.request.urlopen(self._request(path, body, content_type), timeout=_ANSWER_TIMEOUT_S) as response:
            return json.load(response)

    def _request(self, path: str, body: bytes | None, content_type: str) -> urllib.request.Request:
        headers = {"Content-Type": content_type} if content_type else {}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", body, headers)
