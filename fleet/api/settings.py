"""How the collector's HTTP API is reached and who may read it: the table `[http]` of its configuration."""

import re
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, field_validator, model_validator

from fleet.files import PathBeside
from fleet.names import HandsetName, HttpsAddress

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_DASHBOARD_USER: Final = r"dashboard\.[a-z0-9](?:[a-z0-9-]{0,52}[a-z0-9])?"
_PAGE_ADDRESS: Final = r"^(?:https://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)|http://(?:127\.0\.0\.1|localhost))(?::[0-9]{1,5})?/(?:[!-~]*/)?$"

DashboardUser = Annotated[str, Field(max_length=64, pattern=rf"^{_DASHBOARD_USER}$")]
"""What the broker calls people who look: none of them is called like a handset."""

ALL_FLEETS: Final = "*"

OPEN_ID_PREFIX: Final = "openid:"
"""What stands before a name that an OpenID provider gives: nobody is taken for a user of the broker's."""

_OPEN_ID_NAME: Final = rf"{OPEN_ID_PREFIX}[^\s\x00-\x1f\x7f]{{1,128}}"

Person = Annotated[str, Field(max_length=140, pattern=rf"^(?:{_DASHBOARD_USER}|{_OPEN_ID_NAME})$")]
"""Somebody who logs in to the page."""


def is_open_id_name(text: str) -> bool:
    """Tell whether somebody whom a provider knows can be called so."""
    return re.fullmatch(_OPEN_ID_NAME, text) is not None


class OpenIdSettings(BaseModel):
    """A provider of OpenID Connect that knows people.

    Attributes:
        name: what people call it, on the page's button.
        issuer: what it calls itself, `https://...`; it describes itself below that (Discovery 1.0 section 4).
        ca: PEM file with the authorities that sign its certificate; None: those that this computer trusts.
        client_id: what it calls the page.
        secret_file: what the collector is known to it by, mode 0600; None: by PKCE alone.
        address: where people open the page, with its last stroke; the provider has to know it as a redirect URI.
        claim: what a person is called by: `sub`, which never changes, `email`, which counts where the provider has
            verified it, or another claim that nobody can choose for themselves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=40)] = "OpenID"
    issuer: HttpsAddress
    ca: PathBeside | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
    secret_file: PathBeside | None = None
    address: Annotated[str, Field(max_length=1000, pattern=_PAGE_ADDRESS)]
    claim: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_:./-]*$")] = "email"


class HttpSettings(BaseModel):
    """The HTTP server beside the intake.

    Attributes:
        host: the address that it listens on; beyond loopback only with TLS, or behind a proxy.
        port: its port; 0 takes a free one.
        token_file: long-lived tokens, one a line, mode 0600; a line goes on with the fleets that its token may see,
            or with `*` for all; where it names none, the token sees none. None: only people at dashboards get in.
        certificate: with `key` makes the server speak TLS: a PEM file, the server's own certificate first.
        key: the certificate's private key, PEM.
        behind_proxy: a proxy speaks TLS, so that listening beyond loopback without it is meant: its address, or true
            for one on this computer. Who fails to log in is whom the proxy adds last to X-Forwarded-For.
        page: serve the page that ships, at `/`.
        login_port: the port of the broker (MQTT over TLS) where it takes a user and a password without a
            certificate; who logs in is checked there.
        languages: what the page can speak, the default first.
        time_zone: where the days begin by which holders' requests are due, an IANA name.
        session_hours: how long somebody stays logged in at most.
        idle_minutes: how long without a request.
        user_fleets: the fleets that a user of the broker's may see, or `"*"` for all; who is named nowhere sees none.
            People whom an OpenID provider knows stand here as `openid:` and what it calls them.
        auditors: users of these who may read what all have done, of whichever fleet.
        open_id: a provider that people may log in by, beside the broker's passwords; None: none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8090
    token_file: PathBeside | None = None
    certificate: PathBeside | None = None
    key: PathBeside | None = None
    behind_proxy: bool | IPvAnyAddress = False
    page: bool = True
    login_port: Annotated[int, Field(ge=1, le=65535)] = 8884
    languages: Annotated[tuple[Literal["en", "zh"], ...], Field(min_length=1, max_length=2)] = ("en", "zh")
    time_zone: str = "UTC"
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    user_fleets: dict[Person, Literal["*"] | tuple[HandsetName, ...]] = {}
    auditors: frozenset[Person] = frozenset()
    open_id: OpenIdSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_nothing_of_before(cls, table: Any) -> Any:
        if isinstance(table, dict) and "websocket" in table:
            raise ValueError(
                "`websocket` is of before: the page hears what is live from the collector. Take this line out, and the "
                "broker's listener 9443 too; docs/migrating.md says how"
            )
        return table

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no time zone that this computer knows, as Asia/Shanghai is") from error
        return name

    @model_validator(mode="after")
    def _has_auditors_who_can_log_in(self) -> Self:
        if strangers := sorted(self.auditors - self.user_fleets.keys()):
            raise ValueError(f"`auditors` names {strangers[0]}, whom `user_fleets` does not: name the user there, too")
        return self

    @model_validator(mode="after")
    def _has_a_provider_of_who_is_named(self) -> Self:
        named = sorted(user for user in self.user_fleets if user.startswith(OPEN_ID_PREFIX))
        if named and self.open_id is None:
            raise ValueError(f"`user_fleets` names {named[0]}, and there is no table [http.open_id] to log in by")
        return self

    @model_validator(mode="after")
    def _tells_nobody_in_the_clear(self) -> Self:
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("`certificate` and `key` go together: set both, or neither")
        if self.host not in LOOPBACK and self.certificate is None and not self.behind_proxy:
            raise ValueError(
                f"`host` is {self.host}, beyond this computer, and there is no TLS: set `certificate` and `key`, "
                "or `behind_proxy`, the address of the proxy that speaks TLS"
            )
        return self
