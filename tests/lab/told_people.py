"""Where alerts arrive: a mail server and a webhook, both by TLS, that remember what they were told."""

import json
import ssl
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from fleet.collector.alerts import Alerts
from fleet.collector.database import open_database
from fleet.collector.settings import CollectorSettings
from tests.lab.certificates import IssuedCertificate

if TYPE_CHECKING:
    from collections.abc import Callable

USER: Final = "fleet@example.com"
PASSWORD: Final = "a password for mails"
TOKEN: Final = "a-token-for-the-webhook"


class MailServer:
    """Takes mails by STARTTLS, or by TLS from the start, from whoever logs in.

    Attributes:
        port: where it listens.
        mails: what it took.
        log_ins: how many tried to.
        refuses: it takes no mail at present.
    """

    def __init__(self, certificate: IssuedCertificate, port: int, *, tls: str = "starttls") -> None:
        """Set up without starting.

        Args:
            certificate: what it shows.
            port: where it listens.
            tls: "starttls", "tls", or "none": it offers neither.
        """
        self.port = port
        self.mails: list[EmailMessage] = []
        self.log_ins = 0
        self.refuses = False
        context = _context(certificate)
        self._controller = Controller(
            self, hostname="127.0.0.1", port=port, authenticator=self._let_in,
            auth_required=True, auth_require_tls=tls == "starttls",
            tls_context=context if tls == "starttls" else None, require_starttls=tls == "starttls",
            ssl_context=context if tls == "tls" else None,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._controller.stop()

    @property
    def texts(self) -> list[str]:
        """What people read in them."""
        return [mail.get_content().replace("\r\n", "\n") for mail in self.mails]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail; the library calls it."""
        if self.refuses:
            return "451 Come again"
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"

    def _let_in(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        self.log_ins += 1
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good)


@dataclass(frozen=True, slots=True)
class Posted:
    """One request."""

    path: str
    headers: dict[str, str]
    body: Any


class WebhookServer:
    """Takes JSON over HTTPS.

    Attributes:
        posted: what it was told.
        status: what it answers with.
        before_answer: called when a request is there and not yet answered.
    """

    def __init__(self, certificate: IssuedCertificate) -> None:
        """Listen, without answering."""
        self.posted: list[Posted] = []
        self.status = 204
        self.before_answer: Callable[[], None] = lambda: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.posted.append(Posted(self.path, dict(self.headers), body))
                outer.before_answer()
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = _context(certificate).wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}/hook?site=1"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def look_once(settings: CollectorSettings, now: datetime) -> None:
    """Look as a collector does, in a process of its own."""
    assert settings.alerts is not None
    Alerts(settings, settings.alerts, open_database(settings.database), now=lambda: now).look()


def _context(certificate: IssuedCertificate) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context
