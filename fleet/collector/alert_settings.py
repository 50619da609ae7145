"""Whom a collector tells that something is wrong, and how: the table `[alerts]` of its configuration."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fleet.files import PathBeside
from fleet.names import HttpsAddress

_ADDRESS: Final = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}$"

Address = Annotated[str, Field(max_length=320, pattern=_ADDRESS)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MailSettings(_Table):
    """A mail server, spoken to by TLS alone.

    Attributes:
        host, port: where it takes mail.
        security: "starttls": it begins in the clear and goes on by TLS or not at all; "tls": by TLS from the start.
        ca: PEM file with the authorities that sign its certificate; None: those that this computer trusts.
        user, password_file: who logs in there, both or neither; the file has mode 0600.
        sender: the address that mails come from.
        recipients: those that they go to.
    """

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls"] = "starttls"
    ca: PathBeside | None = None
    user: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    password_file: PathBeside | None = None
    sender: Address
    recipients: Annotated[tuple[Address, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _logs_in_or_does_not(self) -> Self:
        if (self.user is None) is not (self.password_file is None):
            raise ValueError("`user` and `password_file` go together: set both, or neither")
        return self


class WebhookSettings(_Table):
    """A program that takes JSON.

    Attributes:
        url: `https://host/path`.
        ca: PEM file with the authorities that sign its certificate; None: those that this computer trusts.
        token_file: what it is shown, `Authorization: Bearer ...`, mode 0600; None: nothing.
    """

    url: HttpsAddress
    ca: PathBeside | None = None
    token_file: PathBeside | None = None


class AlertSettings(_Table):
    """Whom to tell, and of what.

    Attributes:
        offline_hours: a handset that is offline for longer is told of.
        no_line_hours: likewise, of one that is connected and has no account that can call.
        mail, webhook: the channels; one at least.
    """

    offline_hours: Annotated[int, Field(ge=1, le=8760)] = 24
    no_line_hours: Annotated[int, Field(ge=1, le=8760)] = 1
    mail: MailSettings | None = None
    webhook: WebhookSettings | None = None

    @model_validator(mode="after")
    def _has_a_channel(self) -> Self:
        if self.mail is None and self.webhook is None:
            raise ValueError("nobody would be told: set [alerts.mail], [alerts.webhook], or both")
        return self
