"""How people are told: by mail and by a webhook, over TLS alone. Nothing in it names a handset, holder or number."""

import hashlib
import json
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

from fleet.collector.alert_conditions import Kind
from fleet.collector.alert_settings import AlertSettings, MailSettings, WebhookSettings
from fleet.errors import FleetError
from fleet.files import read_secret

_STEP_S: Final = 10.0
_VERSION: Final = 1


class Turn(StrEnum):
    """What has become of something wrong."""

    BEGAN = "began"
    ENDED = "ended"


_SENTENCES: Final[Mapping[tuple[Kind, Turn], tuple[str, str]]] = {
    (Kind.REQUEST_LATE, Turn.BEGAN): (
        "{count} holder's request of {fleet} was due before today.",
        "{count} holders' requests of {fleet} were due before today.",
    ),
    (Kind.REQUEST_LATE, Turn.ENDED): (
        "{count} holder's request of {fleet} is late no more.",
        "{count} holders' requests of {fleet} are late no more.",
    ),
    (Kind.HANDSET_OFFLINE, Turn.BEGAN): (
        "{count} handset of {fleet} has been offline for longer than offline_hours.",
        "{count} handsets of {fleet} have been offline for longer than offline_hours.",
    ),
    (Kind.HANDSET_OFFLINE, Turn.ENDED): (
        "{count} handset of {fleet} is back, or has been given back.",
        "{count} handsets of {fleet} are back, or have been given back.",
    ),
    (Kind.HANDSET_NO_LINE, Turn.BEGAN): (
        "{count} handset of {fleet} is connected and has been unable to call for longer than no_line_hours.",
        "{count} handsets of {fleet} are connected and have been unable to call for longer than no_line_hours.",
    ),
    (Kind.HANDSET_NO_LINE, Turn.ENDED): (
        "{count} handset of {fleet} can call again, or is no longer connected.",
        "{count} handsets of {fleet} can call again, or are no longer connected.",
    ),
    (Kind.CERTIFICATE_ENDS, Turn.BEGAN): ("The certificate of {subject} is over, or ends within 30 days.",) * 2,
    (Kind.CERTIFICATE_ENDS, Turn.ENDED): ("The certificate of {subject} has been renewed.",) * 2,
    (Kind.ROLL_OUT_FAILED, Turn.BEGAN): ("Too many handsets of {fleet} that have answered do not take the {subject}.",)
    * 2,
    (Kind.ROLL_OUT_FAILED, Turn.ENDED): ("The {subject} fails on too many handsets of {fleet} no more.",) * 2,
}
"""Of one and of several."""

_FOOTER: Final = (
    "Which handsets these are, the fleet's page shows to whoever logs in. How the server stands: wecall fleet check"
)


_WHY: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ConnectionRefusedError, "nothing listens there"),
    (TimeoutError, "it does not answer in time"),
    (socket.gaierror, "its name is not known"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "it speaks no TLS there"),
    (smtplib.SMTPAuthenticationError, "it does not accept user and password"),
    (smtplib.SMTPNotSupportedError, "it offers no STARTTLS, or no log-in"),
    (smtplib.SMTPRecipientsRefused, "it accepts none of the recipients"),
    (smtplib.SMTPSenderRefused, "it does not accept the sender"),
)


class ChannelError(FleetError):
    """Nobody was told; the text says why in a few words that name nobody."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Translate what a library says."""
        return cls(next((words for kind, words in _WHY if isinstance(error, kind)), type(error).__name__))


@dataclass(frozen=True, slots=True)
class Item:
    """Things of one kind that began or ended together.

    Attributes:
        kind: what is wrong.
        state: what has become of it.
        fleet: of which; None: of the server.
        subject: a certificate of the server's or a message of the operator's; None of what belongs to holders.
        count: how many.
    """

    kind: Kind
    state: Turn
    fleet: str | None
    subject: str | None
    count: int

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        one, many = _SENTENCES[self.kind, self.state]
        return (one if self.count == 1 else many).format(**asdict(self))


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told at once.

    Attributes:
        id: the same where the same is told again, because nobody knows whether it arrived.
        at: when.
        items: what.
    """

    id: str
    at: datetime
    items: tuple[Item, ...]


class Channel(Protocol):
    """A way to tell somebody."""

    @property
    def name(self) -> str:
        """What it is called in the settings."""
        ...

    def send(self, notice: Notice) -> None:
        """Tell it.

        Raises:
            ChannelError: nobody was told.
        """
        ...

    def try_out(self) -> None:
        """Go as far as is possible without telling anybody anything.

        Raises:
            ChannelError: it would not work.
        """
        ...


def channels_of(settings: AlertSettings) -> list[Channel]:
    """Return the channels that are set up."""
    channels: list[Channel] = []
    if settings.mail is not None:
        channels.append(Mail(settings.mail))
    if settings.webhook is not None:
        channels.append(Webhook(settings.webhook))
    return channels


@dataclass(frozen=True, slots=True)
class Mail:
    """Mails."""

    settings: MailSettings
    name: str = "mail"

    def send(self, notice: Notice) -> None:
        message = EmailMessage()
        message["From"] = self.settings.sender
        message["To"] = ", ".join(self.settings.recipients)
        message["Subject"] = f"WeCall fleet: {_summary(notice)}"
        message["Date"] = format_datetime(notice.at)
        message["Message-ID"] = f"<{notice.id}@wecall-fleet>"
        # RFC 3834 section 5: nobody's holiday is to answer it.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join((*(item.sentence for item in notice.items), "", _FOOTER, "")))
        with self._session() as session:
            session.send_message(message)

    def try_out(self) -> None:
        with self._session() as session:
            session.noop()

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        settings = self.settings
        try:
            context = _context(settings.ca)
            with (
                smtplib.SMTP_SSL(settings.host, settings.port, timeout=_STEP_S, context=context)
                if settings.security == "tls"
                else smtplib.SMTP(settings.host, settings.port, timeout=_STEP_S)
            ) as session:
                if settings.security == "starttls":
                    session.starttls(context=context)
                if settings.user is not None and settings.password_file is not None:
                    session.login(settings.user, read_secret(settings.password_file, "The mail's password").strip())
                yield session
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelError.of(error) from error


@dataclass(frozen=True, slots=True)
class Webhook:
    """One POST of JSON for each notice, in one form."""

    settings: WebhookSettings
    name: str = "webhook"

    def send(self, notice: Notice) -> None:
        body = {
            "version": _VERSION,
            "id": notice.id,
            "at": notice.at.isoformat(timespec="seconds"),
            "alerts": [asdict(item) for item in notice.items],
        }
        url = urlsplit(self.settings.url)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"Content-Type": "application/json"}
        if self.settings.token_file is not None:
            token = read_secret(self.settings.token_file, "The webhook's token", "ascii").strip()
            headers["Authorization"] = f"Bearer {token}"
        with self._connection() as connection:
            connection.request("POST", path, json.dumps(body), headers)
            # What else it says is not read: nobody knows how long it is.
            status = connection.getresponse().status
        if status // 100 != 2:  # noqa: PLR2004 - RFC 9110 section 15.3
            raise ChannelError(f"it answers with HTTP {status}")

    def try_out(self) -> None:
        with self._connection() as connection:
            connection.connect()

    @contextmanager
    def _connection(self) -> Iterator[HTTPSConnection]:
        url = urlsplit(self.settings.url)
        connection: HTTPSConnection | None = None
        try:
            connection = HTTPSConnection(
                url.hostname or "", url.port, timeout=_STEP_S, context=_context(self.settings.ca)
            )  # fmt: skip
            yield connection
        except (OSError, HTTPException, ValueError) as error:
            raise ChannelError.of(error) from error
        finally:
            if connection is not None:
                with suppress(OSError):
                    connection.close()


def digest_of(words: Iterator[str]) -> str:
    """Return an id that is the same for the same words."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


def _summary(notice: Notice) -> str:
    counts = {turn: sum(item.count for item in notice.items if item.state is turn) for turn in Turn}
    return ", ".join(f"{count} {turn.value}" for turn, count in counts.items() if count)


def _context(ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca is None else str(ca))
