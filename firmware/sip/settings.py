"""What the SIP stack is told at its birth: frozen values that the composition root fills from the configuration."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from provisioning.sip_choices import DtmfMethod, ReliableProvisional, Srtp, Transport


@dataclass(frozen=True, slots=True)
class ServerName:
    """A server as the configuration or an SRV record names it."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class NatSettings:
    """How audio gets through a NAT; the fields mean what they mean in `provisioning.nat.Nat`."""

    stun_servers: tuple[ServerName, ...] = ()
    turn_server: ServerName | None = None
    turn_transport: Transport = Transport.UDP
    turn_username: str = ""
    turn_password: str = field(default="", repr=False)
    ice: bool = False


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account; the fields mean what they mean in `provisioning.accounts.Account`.

    Attributes:
        host, port: its server, or the best of them.
        name: what events and requests call it; empty for the default account.
        dtmf: how digits go out.
        reliable_provisional: of calls in both directions.
        watch_voicemail: subscribe to the count of voice messages (RFC 3842); unasked counts are taken anyway.
        fallback_servers: where to go when the one before does not answer.
        use_srv: ask the domain's SRV records for the servers first (RFC 3263).
    """

    username: str
    domain: str
    host: str
    port: int
    transport: Transport
    password: str = field(repr=False)
    auth_username: str = ""
    display_name: str = ""
    tls_ca: Path | None = None
    tls_verify: bool = True
    srtp: Srtp = Srtp.PREFERRED
    register_expires_s: int = 300
    name: str = ""
    dtmf: DtmfMethod = DtmfMethod.AUTO
    reliable_provisional: ReliableProvisional = ReliableProvisional.SUPPORTED
    watch_voicemail: bool = False
    fallback_servers: tuple[ServerName, ...] = ()
    use_srv: bool = False

    @property
    def servers(self) -> tuple[ServerName, ...]:
        """Where to register, best first, unless SRV records say otherwise."""
        return (ServerName(self.host, self.port), *self.fallback_servers)

    @property
    def may_fail_over(self) -> bool:
        """There is, or may be, more than one server."""
        return self.use_srv or bool(self.fallback_servers)


@dataclass(frozen=True, slots=True)
class JitterBufferSettings:
    """How much late audio is waited for, in milliseconds of audio.

    The shortest gives 53 to 73 ms from mouth to ear on a local network; a shorter one loses audio.

    Attributes:
        initial_ms: on a line that nothing is known of.
        minimum_ms, deepest_ms: between these it follows the line.
        maximum_ms: more than this is never kept.
    """

    initial_ms: int = 20
    minimum_ms: int = 20
    deepest_ms: int = 300
    maximum_ms: int = 500


def _allow_all(_number: str) -> bool:
    return True


def _no_emergency(_number: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SipSettings:
    """The whole stack; the fields mean what they mean in `provisioning.sip.Sip`.

    Attributes:
        account: the default account.
        more_accounts: the others, each with a name.
        codecs_by_network: patterns of interface names, each with the codecs in place of `codecs` where it fits first.
        instance_id: names this handset for ever, as a URN (RFC 5626 section 4.1); the library's own where empty.
        is_emergency: whether a number is one that any account may be used for; asked on the `sip` thread.
        prefer_ipv6: of a server that both families reach, use IPv6 first.
        binding_check_s: seconds between REGISTERs over UDP, where nothing else tells that a registrar has restarted and
            forgotten us; 0 for none beyond what keeps the registration from running out.
        return_s: seconds between looks at whether a better server is back.
        dscp_audio, dscp_signalling: how packets are marked (RFC 4594).
        answer_anyone: answer SIP requests from any address, not from the account's server alone.
        clock_rate_hz, frame_ms: of the conference bridge, and so of the AudioPort.
        max_calls: simultaneous calls; callers beyond are told that the line is busy.
        media_silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
        media_networks: where audio may come from besides the servers.
        allows: whether this handset may be transferred to a number, as dialled; asked on the `sip` thread.
        user_agent: what the handset calls itself (RFC 3261 section 20.41).
    """

    account: AccountSettings
    more_accounts: tuple[AccountSettings, ...] = ()
    local_port: int = 5060
    answer_anyone: bool = False
    codecs: tuple[str, ...] = ("g722", "opus", "pcma", "pcmu")
    codecs_by_network: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rtp_port: int = 16384
    rtp_ports: int = 400
    keep_alive_s: int = 15
    probe_s: float = 2.0
    retry_base_s: float = 1.0
    retry_cap_s: float = 60.0
    clock_rate_hz: int = 16000
    frame_ms: int = 10
    jitter_buffer: JitterBufferSettings = JitterBufferSettings()
    max_calls: int = 4
    media_silence_s: float = 20.0
    user_agent: str = "WeCall-Handset"
    media_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    allows: Callable[[str], bool] = _allow_all
    is_emergency: Callable[[str], bool] = _no_emergency
    instance_id: str = ""
    prefer_ipv6: bool = False
    binding_check_s: float = 4.0
    return_s: float = 30.0
    dscp_audio: int = 46
    dscp_signalling: int = 24
    nat: NatSettings = NatSettings()

    def codecs_on(self, interface: str) -> tuple[str, ...]:
        """Return the codecs to use on an interface, best first."""
        choices = (codecs for pattern, codecs in self.codecs_by_network if fnmatchcase(interface, pattern))
        return next(choices, self.codecs)

    @property
    def accounts(self) -> tuple[AccountSettings, ...]:
        """Every account, the default one first."""
        return (self.account, *self.more_accounts)
