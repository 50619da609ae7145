"""What the SIP stack is told at its birth: plain data, which may come from another process."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from firmware.base.media_door import SOCKET
from firmware.phone.dial_plan import DialPlan
from provisioning.sip_choices import DtmfMethod, ReliableProvisional, Srtp, Transport


@dataclass(frozen=True, slots=True)
class ServerName:
    """A server as the configuration or an SRV record names it."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class NatSettings:
    """How audio gets through a NAT; the fields mean what they mean in `provisioning.sip.Nat`."""

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
        tls_ca_pem: the authorities to trust, as PEM; None for the system's.
        tls_ca_error: why the authorities to trust cannot be read; empty where they can.
        use_srv: ask the domain's SRV records for the servers first (RFC 3263).
        registers: its server is a registrar, which is believed about who calls; otherwise it is a device that calls and
            is called without one.
    """

    username: str
    domain: str
    host: str
    port: int
    transport: Transport
    password: str = field(repr=False)
    auth_username: str = ""
    display_name: str = ""
    tls_ca_pem: bytes | None = field(default=None, repr=False)
    tls_ca_error: str = ""
    tls_verify: bool = True
    srtp: Srtp = Srtp.PREFERRED
    register_expires_s: int = 300
    name: str = ""
    dtmf: DtmfMethod = DtmfMethod.AUTO
    reliable_provisional: ReliableProvisional = ReliableProvisional.SUPPORTED
    watch_voicemail: bool = False
    fallback_servers: tuple[ServerName, ...] = ()
    use_srv: bool = False
    registers: bool = True

    @property
    def servers(self) -> tuple[ServerName, ...]:
        """Where to register, best first, unless SRV records say otherwise."""
        return (ServerName(self.host, self.port), *self.fallback_servers)

    @property
    def may_fail_over(self) -> bool:
        """There is, or may be, more than one server."""
        return self.use_srv or bool(self.fallback_servers)


@dataclass(frozen=True, slots=True)
class RedundancySettings:
    """What a call's audio may cost on a line that is late or loses some.

    Attributes:
        least_wait_ms, most_wait_ms: how long sound waits for what comes late, after the soonest.
        most_kbit_s: an audio stream's bandwidth with all its headers, in thousands of bits a second, however much is
            sent more than once.
    """

    least_wait_ms: float = 0.0
    most_wait_ms: float = 300.0
    most_kbit_s: int = 256


@dataclass(frozen=True, slots=True)
class SipSettings:
    """The whole stack; the fields mean what they mean in `provisioning.sip.Sip`.

    Attributes:
        account: the default account.
        more_accounts: the others, each with a name.
        order_codecs_by_line: Opus takes the first place among `codecs` where a line loses packets or is far.
        codecs_by_network: patterns of interface names, each with the codecs in place of `codecs` where it fits first.
        instance_id: names this handset for ever, as a URN (RFC 5626 section 4.1); the library's own where empty.
        prefer_ipv6: of a server that both families reach, use IPv6 first.
        binding_check_s: seconds between REGISTERs over UDP, where nothing else tells that a registrar has restarted and
            forgotten us, while something happens; 0 for none beyond what keeps the registration from running out.
        return_s: seconds between looks at whether a better server is back.
        dscp_audio, dscp_signalling: how packets are marked (RFC 4594).
        answer_anyone: answer SIP requests from any address, not from the account's server alone.
        trusted_networks: answer SIP requests from there as well, as addresses with a length of prefix.
        clock_rate_hz, frame_ms: of the conference bridge, and so of the AudioPort.
        max_calls: simultaneous calls; callers beyond are told that the line is busy.
        media_silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
        media_networks: where audio may come from besides the servers, as addresses with a length of prefix.
        watched: the numbers whose phones the default account's server is asked to tell the state of.
        dial_plan: which numbers are for help, and which are never called; without one none is either.
        media_door: where root's service listens that lets calls' audio through.
        user_agent: what the handset calls itself (RFC 3261 section 20.41).
    """

    account: AccountSettings
    more_accounts: tuple[AccountSettings, ...] = ()
    local_port: int = 5060
    answer_anyone: bool = False
    trusted_networks: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ("g722", "opus", "pcma", "pcmu")
    order_codecs_by_line: bool = True
    codecs_by_network: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rtp_port: int = 16384
    rtp_ports: int = 400
    keep_alive_s: int = 15
    probe_s: float = 2.0
    idle_probe_s: float = 20.0
    retry_base_s: float = 1.0
    retry_cap_s: float = 60.0
    clock_rate_hz: int = 16000
    frame_ms: int = 10
    redundancy: RedundancySettings = RedundancySettings()
    max_calls: int = 4
    media_silence_s: float = 20.0
    user_agent: str = "WeCall-Handset"
    media_networks: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    dial_plan: DialPlan | None = None
    instance_id: str = ""
    prefer_ipv6: bool = False
    binding_check_s: float = 4.0
    return_s: float = 30.0
    dscp_audio: int = 46
    dscp_signalling: int = 24
    nat: NatSettings = NatSettings()
    media_door: str = SOCKET

    def is_emergency(self, number: str) -> bool:
        """Say whether a number is one that any account may be used for."""
        return self.dial_plan is not None and self.dial_plan.is_emergency(number)

    def allows(self, number: str) -> bool:
        """Say whether this handset may be transferred to a number, as dialled."""
        plan = self.dial_plan
        return plan is None or not (plan.is_emergency(number) or plan.is_barred(number))

    def codecs_on(self, interface: str) -> tuple[str, ...]:
        """Return the codecs to use on an interface, best first."""
        choices = (codecs for pattern, codecs in self.codecs_by_network if fnmatchcase(interface, pattern))
        return next(choices, self.codecs)

    @property
    def accounts(self) -> tuple[AccountSettings, ...]:
        """Every account, the default one first."""
        return (self.account, *self.more_accounts)
