"""An OpenID provider as an office has one, with pages of its own on which people log in; by TLS, on loopback."""

import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.ports import free_port
from tests.lab.server import Server

NAME: Final = "Office"
"""What people call it."""

_LIBRARY: Final = Path(__file__).parents[2] / "build/open-id/node_modules/oidc-provider/lib/index.js"
_PROGRAM: Final = Path(__file__).with_name("open-id") / "provider.mjs"
_START_TIMEOUT_S: Final = 60.0
# A password with what a form writes otherwise.
_SECRET: Final = "a secret:of%the+lab & no other's"


class OpenIdProvider(Server):
    """Knows everybody by whatever name and password they type; has verified most addresses."""

    def __init__(self, folder: Path, *, method: str = "client_secret_basic", unverified: Sequence[str] = ()) -> None:
        """Set up without starting.

        Args:
            folder: for its files.
            method: how the collector shows that it is itself there: client_secret_basic, client_secret_post or none.
            unverified: whose addresses it has not verified.
        """
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "provider.log", may_hang=True)
        self.port = free_port(socket.SOCK_STREAM)
        self._folder = folder
        self._method = method
        self._unverified = list(unverified)
        self._authority = CertificateAuthority(folder / "authority")
        self._page = ""

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return f"https://localhost:{self.port}"

    def settings(self, page: str, **more: Any) -> dict[str, Any]:
        """Return the table [http.open_id] for a page, which it knows from then on."""
        self._page = page
        secret = self._folder / "secret"
        secret.touch(0o600)
        secret.write_text(f"{_SECRET}\n")
        settings = {
            "name": NAME,
            "issuer": self.issuer,
            "ca": str(self._authority.ca_path),
            "client_id": "wecall-fleet",
            "address": page,
            **more,
        }
        return settings if self._method == "none" else {**settings, "secret_file": str(secret)}

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it is not installed, or ended; the message holds its log.
        """
        if not _LIBRARY.exists():
            raise RuntimeError("The OpenID provider is not in build/open-id. Run: tools/setup test")
        issued = self._authority.issue("provider", hosts=LOOPBACK)
        client = {
            "client_id": "wecall-fleet",
            "redirect_uris": [self._page],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": self._method,
        }
        about = {
            "library": str(_LIBRARY),
            "port": self.port,
            "certificate": str(issued.certificate),
            "key": str(issued.key),
            "client": client if self._method == "none" else {**client, "client_secret": _SECRET},
            "unverified": self._unverified,
        }
        self._launch(["node", _PROGRAM, json.dumps(about)], {"PATH": "/usr/local/bin:/usr/bin:/bin"})
        self._wait_until(self._answers, "The OpenID provider does not answer", _START_TIMEOUT_S)

    def _answers(self) -> bool:
        tls = ssl.create_default_context(cafile=self._authority.ca_path)
        try:
            with urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5, context=tls):
                return True
        except URLError:
            return False
