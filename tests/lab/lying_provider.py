"""An OpenID provider that answers as a test has it answer, by TLS on loopback."""

import base64
import hashlib
import json
import ssl
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.lab.certificates import LOOPBACK, CertificateAuthority

CLIENT_ID: Final = "wecall-fleet"
PAGE: Final = "https://fleet.example.com/"
PERSON: Final = "anna@example.com"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

Answer = Callable[[BaseHTTPRequestHandler], None]
"""Writes a whole answer by hand."""


class LyingProvider:
    """Truthful until a test puts something else into what it answers.

    Attributes:
        key: what it signs with, and shows the public half of.
        documents: by path what it answers: an object for JSON, or what writes the answer.
        claims: what is in its ID token.
        token: the ID token; None: the claims, signed.
        asked: the forms that came to its token endpoint, with the path of everything else.
    """

    def __init__(self, folder: Path) -> None:
        """Set up without starting."""
        self._authority = CertificateAuthority(folder / "authority")
        issued = self._authority.issue("provider", hosts=LOOPBACK)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append((self.path, {}))
                provider._answer(self)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.asked.append((self.path, {name: each[0] for name, each in parse_qs(form).items()}))
                provider._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(issued.certificate, issued.key)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be truthful again."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        now = int(time.time())
        self.token: str | None = None
        self.claims: dict[str, Any] = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "4711", "iat": now, "exp": now + 300, "nonce": CHALLENGE,
            "email": PERSON, "email_verified": True,
        }  # fmt: skip
        self.documents: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/me",
            },
            "/keys": {"keys": [{**RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "one"}]},
        }

    @property
    def discovery(self) -> dict[str, Any]:
        """What it says of itself, to be changed."""
        document: dict[str, Any] = self.documents["/.well-known/openid-configuration"]
        return document

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return f"https://localhost:{self._server.server_address[1]}"

    @property
    def settings(self) -> dict[str, Any]:
        """The table [http.open_id]."""
        return {"issuer": self.issuer, "ca": self._authority.ca_path, "client_id": CLIENT_ID, "address": PAGE}

    def signed(self, changed: Mapping[str, Any] | None = None, *, key: Any = None, kid: str = "one") -> str:
        """Return its claims, signed; what is changed to None is left out."""
        claims = {name: each for name, each in {**self.claims, **(changed or {})}.items() if each is not None}
        return jwt.encode(claims, self.key if key is None else key, "RS256", {"kid": kid})

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        tokens = {"id_token": self.token or self.signed(), "access_token": "a", "token_type": "Bearer"}
        document = {"/token": tokens, **self.documents}.get(request.path, {})
        if callable(document):
            document(request)
        else:
            answer(request, json.dumps(document).encode())


def answer(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Write a whole answer."""
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
