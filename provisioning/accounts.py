"""The SIP accounts: who the handset is to which server."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from provisioning.addresses import Host, HostAndPort, Port, split_port
from provisioning.section import ConfigurationTable, Identifier, conflict
from provisioning.sip_choices import DtmfMethod, ReliableProvisional, Srtp, Transport

SipUser = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9\-_.!~*'()&=+$,;?/%]+$",
        description="what stands before the @ of a SIP address: letters, digits and -_.!~*'()&=+$,;?/%, no space",
        examples=["1001"],
    ),
]
CaFile = Annotated[Path, Field(examples=["certificates/operator-ca.pem"])]


class Account(ConfigurationTable):
    """The SIP accounts, up to six. Calls may be made and taken on each of them.

    Attributes:
        name: what rules and secrets call it; made from `username` where left out.
        label: what the display calls it.
        default: whether calls that name no account are this one's; otherwise the first account is the default.
        direct: there is no registrar: calls go to the one device at this address in one's own network, such as a door
            intercom, a home automation system or a second phone, and come from it. What it says of a caller is never
            believed, it has no password, and no emergency call goes there.
        username: the user part of the address of record, as the operator gave it; what a device calls where the account
            is direct.
        domain: the host part of the address of record, also the realm's usual name.
        voicemail_number: what the voicemail key dials for this account.
        password: the digest password. Better sealed, as `sip-password` (the default account's) or
            `sip-password-<name>`, so that it stands nowhere in clear.
        display_name: the name that those who are called may see.
        auth_username: where the server wants another name for digest than `username`.
        server: the host to send to, where it is not the domain.
        servers: several of them, best first, each as "host" or "host:port"; the next is used while the one before does
            not answer. Where neither `server`, `servers` nor `port` is set, the domain's SRV records name the servers.
        port: of the servers that name none; 5061 for TLS, else 5060, where left out.
        transport: how SIP travels; with "udp" and "tcp" everybody on the way can read who calls whom.
        tls_ca: PEM file with the authorities to trust; the system's where left out.
        tls_verify: false accepts any certificate, so that anybody can be the server; for laboratories only.
        srtp: whether call audio is encrypted; "mandatory" refuses calls whose audio would not be; "dtls" does so
            too, and offers keys by DTLS, for those who are called in a browser.
        dtmf: how digits go out in a call; "auto" takes what was negotiated.
        reliable_provisional: "required" turns servers away that cannot confirm ringing (RFC 3262).
        register_expires_s: for how long a registration is asked for; it is renewed in time.
    """

    name: Annotated[Identifier, Field(examples=["office"])] | None = None
    label: Annotated[str, Field(max_length=32, examples=["Office"])] = ""
    default: bool = False
    direct: bool = False
    username: SipUser
    domain: Host
    voicemail_number: Annotated[SipUser, Field(examples=["*97"])] | None = None
    password: SecretStr | None = None
    display_name: Annotated[str, Field(max_length=64, examples=["Example Office"])] = ""
    auth_username: SipUser | None = None
    server: Annotated[Host, Field(examples=["proxy.example.com"])] | None = None
    servers: Annotated[
        tuple[HostAndPort, ...], Field(max_length=4, examples=[["a.example.com", "b.example.com:5071"]])
    ] = ()
    port: Port | None = None
    transport: Transport = Transport.TLS
    tls_ca: CaFile | None = None
    tls_verify: bool = True
    srtp: Srtp = Srtp.PREFERRED
    dtmf: DtmfMethod = DtmfMethod.AUTO
    reliable_provisional: ReliableProvisional = ReliableProvisional.SUPPORTED
    register_expires_s: Annotated[int, Field(ge=60, le=86400)] = 300

    @property
    def identifier(self) -> str:
        """What rules and credentials call it."""
        made = re.sub(r"[^a-z0-9]+", "-", self.username.lower()).strip("-")[:64].strip("-")
        return self.name or made or "account"

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Hosts and ports to send to, best first."""
        return tuple(split_port(server, self.effective_port) for server in self.servers or (self.host,))

    @property
    def uses_srv(self) -> bool:
        """Whether the domain's SRV records are asked for servers first (RFC 3263 section 4)."""
        is_name = not (self.domain.startswith("[") or re.fullmatch(r"[0-9.]+", self.domain))
        return is_name and not (self.server or self.servers or self.port)

    @property
    def host(self) -> str:
        """The host to send to."""
        return self.server or self.domain

    @property
    def effective_port(self) -> int:
        """The port to send to (RFC 3261 section 19.1.2: 5061 for TLS, else 5060)."""
        return self.port or (5061 if self.transport is Transport.TLS else 5060)

    @model_validator(mode="after")
    def _servers_are_named_once(self) -> Self:
        if self.server and self.servers:
            conflict("give either server or servers, not both", ("servers",), ("server",))
        return self

    @model_validator(mode="after")
    def _direct_calls_stay_in_the_own_network(self) -> Self:
        if not self.direct:
            return self
        if self.servers or not _is_private(self.host):
            conflict(
                "a direct account needs the address of one device in one's own network, such as 192.168.1.20, as its "
                "domain or server",
                ("direct",), ("servers",), ("server",), ("domain",),
            )  # fmt: skip
        if self.password is not None:
            conflict("a direct account has no password, since nobody registers there", ("direct",), ("password",))
        return self

    @model_validator(mode="after")
    def _mandatory_srtp_needs_private_signalling(self) -> Self:
        # Keys travel in the SDP, or what they are checked by: without TLS anybody on the path reads the ones (RFC 4568
        # section 7) and replaces the others (RFC 5763 section 5).
        if self.srtp.is_mandatory and self.transport is not Transport.TLS:
            conflict(
                f'"{self.srtp}" needs transport = "tls", because the keys travel in the signalling, or what they are '
                "checked by",
                ("srtp",), ("transport",),
            )  # fmt: skip
        return self


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        return False
