"""coturn: a STUN and TURN server."""

import socket
import time
from pathlib import Path
from typing import Final

from tests.lab.network import Namespace
from tests.lab.server import Server

PORT: Final = 3478
_START_TIMEOUT_S: Final = 10.0
# RFC 8489 section 5: a binding request with its magic cookie.
_BINDING_REQUEST: Final = bytes.fromhex("000100002112a442") + bytes(12)


class TurnServer(Server):
    """A server for one user, in a namespace. It relays through the address that it listens at."""

    def __init__(
        self, folder: Path, namespace: Namespace, address: str, user: str, password: str, *, realm: str = "relay"
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its configuration and log go.
            namespace: the network that it runs in.
            address: where it listens there.
            user: who may use it as a relay; anybody may ask for their address.
            password: the user's.
            realm: of the user.
        """
        super().__init__(folder / "turnserver.log")
        self._folder = folder
        self._namespace = namespace
        self._address = address
        self._user = user
        self._password = password
        self._realm = realm

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it does not; the message holds its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "turnserver.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"listening-ip={self._address}\nrelay-ip={self._address}\nlistening-port={PORT}\n"
            f"lt-cred-mech\nuser={self._user}:{self._password}\nrealm={self._realm}\n"
            f"userdb={self._folder / 'users.db'}\npidfile={self._folder / 'turnserver.pid'}\n"
            "no-cli\nno-tls\nno-dtls\nlog-file=stdout\nverbose\nrelay-threads=1\n"
        )
        self._launch(self._namespace.command("turnserver", "-c", configuration), folder=self._folder)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End it at once, as it has nothing to put in order."""
        self.kill()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        with self._namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            probe.connect((self._address, PORT))
            while time.monotonic() < deadline:
                try:
                    probe.send(_BINDING_REQUEST)
                    if probe.recv(2048):
                        return
                except ConnectionRefusedError:
                    time.sleep(0.02)
                except TimeoutError:
                    continue
        self.stop()
        raise RuntimeError(f"coturn did not answer within {_START_TIMEOUT_S:.0f} s:\n{self.log}")
