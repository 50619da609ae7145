"""All that can be set on a handset: closed models, so that a misspelt key is a mistake and never ignored.

`parse_configuration` reports every mistake at once, each with its place in the file.
"""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from provisioning.calling import Calls, Dialing, FeatureCodes
from provisioning.display import Display
from provisioning.errors import ProvisioningError
from provisioning.operator_links import Operator
from provisioning.recording import Recording
from provisioning.retention import Retention
from provisioning.section import GpioPin, Identifier, Section
from provisioning.trust import Trust

Percent = Annotated[int, Field(ge=0, le=100)]
Port = Annotated[int, Field(ge=1, le=65535)]
DscpValue = Annotated[int, Field(ge=0, le=63)]
Host = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)$")
]
HostAndPort = Annotated[
    str,
    Field(
        min_length=1,
        max_length=260,
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[1-9][0-9]{0,4})?$",
    ),
]
SipUser = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9\-_.!~*'()&=+$,;?/%]+$")]


class Transport(StrEnum):
    """How SIP travels to the server."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


SERVICE_LABELS: Mapping[Transport, str] = {
    Transport.UDP: "_sip._udp",
    Transport.TCP: "_sip._tcp",
    Transport.TLS: "_sips._tcp",
}
"""What stands before a domain to ask for its SIP servers by SRV records (RFC 3263 section 4.1)."""


class Srtp(StrEnum):
    """Whether call audio is encrypted (SDES, RFC 4568)."""

    OFF = "off"
    PREFERRED = "preferred"
    MANDATORY = "mandatory"


class DtmfMethod(StrEnum):
    """How digits go out in a call; AUTO takes what was negotiated."""

    AUTO = "auto"
    RFC4733 = "rfc4733"
    INFO = "info"
    IN_BAND = "inband"


class ReliableProvisional(StrEnum):
    """Whether 18x responses must be confirmed (RFC 3262) or only may."""

    SUPPORTED = "supported"
    REQUIRED = "required"


Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""A country, or a part of one with laws of its own: ISO 3166-1, such as CN or HK."""


class Completion(StrEnum):
    """Whose word it takes that a call record or an erasure notice arrived: the broker's, or a collector's behind it."""

    PUBACK = "puback"
    ACK = "ack"


class Device(Section):
    """Which handset this is and where it stands.

    Attributes:
        region: under whose laws its holder's data is; the country where left out.
    """

    id: Identifier
    fleet: Identifier = "default"
    country: Literal["AU", "CA", "CN", "DE", "ES", "FR", "GB", "IE", "IN", "IT", "JP", "NL", "NZ", "US"] = "CN"
    region: Region | None = None
    language: Literal["en", "zh"] = "en"


class Account(Section):
    """One SIP account.

    Attributes:
        name: what rules and credentials call it; made from `username` where left out.
        label: what the display calls it.
        default: whether calls that name no account are this one's; otherwise the first account is the default.
        voicemail_number: what the voicemail key dials for this account.
        username: the user part of the address of record.
        domain: the host part of the address of record, also the realm's usual name.
        password: the digest password; may stand in a systemd credential named `sip-password` (the default account) or
            `sip-password-<name>` instead.
        auth_username: where the server wants another name for digest than `username`.
        server: the host to send to, where it is not the domain.
        servers: several of them, best first, each as "host" or "host:port"; the next is used while the one before does
            not answer. Where neither `server`, `servers` nor `port` is set, the domain's SRV records name the servers.
        port: of the servers that name none.
        tls_ca: PEM file with the authorities to trust; the system's where left out.
        tls_verify: False accepts any certificate; for laboratories only.
        dtmf: how digits go out in a call; "auto" takes what was negotiated.
        reliable_provisional: "required" turns servers away that cannot confirm ringing (RFC 3262).
    """

    name: Identifier | None = None
    label: Annotated[str, Field(max_length=32)] = ""
    default: bool = False
    username: SipUser
    domain: Host
    voicemail_number: SipUser | None = None
    password: SecretStr | None = None
    display_name: Annotated[str, Field(max_length=64)] = ""
    auth_username: SipUser | None = None
    server: Host | None = None
    servers: Annotated[tuple[HostAndPort, ...], Field(max_length=4)] = ()
    port: Port | None = None
    transport: Transport = Transport.TLS
    tls_ca: Path | None = None
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
            raise ValueError("give either server or servers, not both")
        return self

    @model_validator(mode="after")
    def _mandatory_srtp_needs_private_signalling(self) -> Self:
        # SDES keys travel in the SDP: without TLS anybody on the path reads them (RFC 4568 section 7).
        if self.srtp is Srtp.MANDATORY and self.transport is not Transport.TLS:
            raise ValueError('srtp = "mandatory" needs transport = "tls", because the keys travel in the signalling')
        return self


Codec = Literal["opus", "g722", "pcma", "pcmu"]


class CodecsByNetwork(Section):
    """Another choice of codecs for the network that the handset is on.

    Attributes:
        interface: the network interface towards the default account's server, such as "eth0"; "wlan*" is every Wi-Fi.
        codecs: best first, in place of those that hold elsewhere.
    """

    interface: Annotated[str, Field(min_length=1, max_length=16)]
    codecs: Annotated[tuple[Codec, ...], Field(min_length=1)]


class Sip(Section):
    """How the SIP stack behaves, whatever the account.

    Attributes:
        local_port: where to listen for UDP and TCP; 0 lets the system choose.
        answer_from: "servers" answers SIP only from the accounts' servers, "anyone" answers everybody.
        codecs: best first; those that the build lacks are left out.
        codecs_by_network: other choices for some networks; the first that fits counts.
        rtp_port: first of the range for audio.
        keep_alive_s: seconds between keep-alives that hold a NAT's door open (RFC 5626 section 3.5.1).
        probe_s: seconds between OPTIONS to a server reached over UDP, which cannot tell otherwise that it is gone.
        no_answer_s: how long an incoming call rings before it counts as missed.
        retry_base_s, retry_cap_s: bounds of the back-off between tries to register.
        binding_check_s: seconds between REGISTERs to a server reached over UDP, which cannot tell otherwise that it has
            restarted and forgotten us; 0 for none, where the operator counts them.
        prefer_ipv6: of a server that both families reach, use IPv6 first.
        dscp_audio, dscp_signalling: differentiated services code points of what is sent; EF and CS3 (RFC 4594).
    """

    local_port: Annotated[int, Field(ge=0, le=65535)] = 5060
    answer_from: Literal["servers", "anyone"] = "servers"
    codecs: tuple[Codec, ...] = ("opus", "g722", "pcma", "pcmu")
    codecs_by_network: Annotated[tuple[CodecsByNetwork, ...], Field(max_length=8)] = ()
    rtp_port: Annotated[int, Field(ge=1024, le=65400)] = 16384
    keep_alive_s: Annotated[int, Field(ge=5, le=300)] = 15
    probe_s: Annotated[float, Field(ge=1, le=300)] = 2
    no_answer_s: Annotated[int, Field(ge=10, le=600)] = 120
    retry_base_s: Annotated[float, Field(ge=0.1, le=60)] = 1
    retry_cap_s: Annotated[float, Field(ge=1, le=3600)] = 60
    binding_check_s: Annotated[float, Field(ge=0, le=300)] = 4
    prefer_ipv6: bool = False
    dscp_audio: DscpValue = 46
    dscp_signalling: DscpValue = 24


class Nat(Section):
    """How audio gets through a router that translates addresses; most networks need nothing of this.

    Attributes:
        stun_servers: "host" or "host:port" (3478); they tell the address that others see.
        turn_server: a relay, as "host" or "host:port" (3478), for networks that let nothing else through.
        turn_transport: how the relay is reached.
        turn_password: may stand in a systemd credential named `turn-password` instead.
        ice: offer every address that may work and let the phones find one that does (RFC 8445).
    """

    stun_servers: Annotated[tuple[HostAndPort, ...], Field(max_length=4)] = ()
    turn_server: HostAndPort | None = None
    turn_transport: Transport = Transport.UDP
    turn_username: Annotated[str, Field(max_length=128)] = ""
    turn_password: SecretStr | None = None
    ice: bool = False

    @model_validator(mode="after")
    def _servers_are_for_ice(self) -> Self:
        if (self.stun_servers or self.turn_server is not None) and not self.ice:
            raise ValueError("stun_servers and turn_server need ice = true, because ICE chooses among what they offer")
        return self


class Keypad(Section):
    """The key matrix; pins are BCM numbers (docs/wiring.md).

    Attributes:
        rows, columns: GPIO pins, top to bottom and left to right.
        keys: one line a row, one name a column.
    """

    rows: tuple[GpioPin, ...] = (5, 6, 13, 19, 26)
    columns: tuple[GpioPin, ...] = (12, 16, 20, 21, 24)
    keys: tuple[tuple[str, ...], ...] = (
        ("1", "2", "3", "volume_up", "transfer"),
        ("4", "5", "6", "volume_down", "conference"),
        ("7", "8", "9", "mute", "speaker"),
        ("*", "0", "#", "hold", "voicemail"),
        ("cancel", "menu", "ok", "redial", "do_not_disturb"),
    )
    debounce_ms: Annotated[int, Field(ge=1, le=100)] = 10
    repeat_after_ms: Annotated[int, Field(ge=100, le=2000)] = 500
    repeat_every_ms: Annotated[int, Field(ge=20, le=1000)] = 120
    long_press_ms: Annotated[int, Field(ge=300, le=5000)] = 1000

    @model_validator(mode="after")
    def _layout_fits(self) -> Self:
        if len(self.keys) != len(self.rows):
            raise ValueError(f"keys has {len(self.keys)} lines but rows names {len(self.rows)} pins")
        for number, line in enumerate(self.keys, start=1):
            if len(line) != len(self.columns):
                raise ValueError(
                    f"line {number} of keys has {len(line)} names but columns names {len(self.columns)} pins"
                )
        names = [name for line in self.keys for name in line]
        unknown = sorted(set(names) - KEY_NAMES)
        if unknown:
            raise ValueError(f"unknown key names {unknown}; choose from {sorted(KEY_NAMES)}")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"key names {twice} stand more than once")
        return self


KEY_NAMES = frozenset("0123456789*#") | {
    "ok", "cancel", "redial", "menu", "mute", "hold", "volume_up", "volume_down", "transfer", "conference", "speaker",
    "voicemail", "do_not_disturb", "record",
}  # fmt: skip


class HookSwitch(Section):
    """The cradle's switch.

    Attributes:
        closed_means: what a closed contact (pin low) says.
    """

    pin: GpioPin = 17
    closed_means: Literal["on_hook", "off_hook"] = "on_hook"
    debounce_ms: Annotated[int, Field(ge=1, le=200)] = 30


OnRoutes = Literal["never", "speaker", "always"]


class Sound(Section):
    """The earpiece and the microphone, by ALSA name, so that a card keeps its role when numbers change.

    Attributes:
        playback, capture: PCM names (`aplay -L` lists them).
        mixer_card: control device for the hardware volume; volume is scaled in software where left out.
        mixer_element: the mixer element on it.
        rate_hz: what the PCMs are opened with.
        period_ms: how much sound is handled at once: 20 is a fifth less work than 10, and some 20 ms more delay.
        prefill_ms: silence queued ahead of the first sound; less is less delay, more is more sturdy.
        speaker_playback: the loudspeaker's PCM; the earpiece's pair is used for both where left out.
        speaker_capture: the loudspeaker's microphone; the handset's where left out.
        speaker_mixer_card, speaker_mixer_element: the loudspeaker's hardware volume, as for the earpiece.
        echo_cancelling: where the far end's own voice is taken out of the microphone. On the handset, whose shell
            keeps the two apart, it costs some 10 ms of delay, 20 MB and almost one per cent of a core.
        noise_suppression: where steady noise around the phone is lowered.
        gain_control: where voices far from the microphone are raised.
        sidetone_percent: how much of one's own voice is heard in the earpiece, as an amplitude. It comes late by the
            PCMs' delay: prefer the sound card's own sidetone, where it has one.
        comfort_noise: whether a faint noise is played while the far end of a call is dead silent.
    """

    playback: str = "default"
    capture: str = "default"
    mixer_card: str | None = None
    mixer_element: str = "Speaker"
    rate_hz: Literal[8000, 16000, 48000] = 16000
    period_ms: Literal[10, 20] = 10
    prefill_ms: Annotated[int, Field(ge=5, le=80)] = 10
    volume_percent: Percent = 70
    speaker_playback: str | None = None
    speaker_capture: str | None = None
    speaker_mixer_card: str | None = None
    speaker_mixer_element: str = "Speaker"
    speaker_volume_percent: Percent = 70
    echo_cancelling: OnRoutes = "speaker"
    noise_suppression: OnRoutes = "speaker"
    gain_control: OnRoutes = "speaker"
    sidetone_percent: Percent = 0
    comfort_noise: bool = True

    @model_validator(mode="after")
    def _a_microphone_of_its_own_needs_a_loudspeaker(self) -> Self:
        if self.speaker_capture is not None and self.speaker_playback is None:
            raise ValueError(
                "speaker_capture needs speaker_playback: without a loudspeaker the earpiece's pair is used"
            )
        return self


class Ringer(Section):
    """The ringer's own PCM."""

    playback: str = "default"
    volume_percent: Percent = 80


class Indicator(Section):
    """The status LED."""

    pin: GpioPin = 27


class Sync(Section):
    """The MQTT broker; nothing is sent to it without consent.

    Attributes:
        ca: PEM file with the authorities that sign the broker's certificate.
        certificate, key: PEM files; the certificate's common name is the device id.
        region: where the broker and what is behind it stands; the device's region where left out. Numbers leave for
            another region only with the holder's consent to that, and as pseudonyms without it.
        complete: "ack" keeps call records and erasure notices until a collector confirms them on the topic `ack`.
    """

    host: Host
    port: Port = 8883
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    batch_records: Annotated[int, Field(ge=1, le=100)] = 50
    retry_base_s: Annotated[float, Field(ge=0.1, le=60)] = 1
    retry_cap_s: Annotated[float, Field(ge=1, le=3600)] = 120
    keep_alive_s: Annotated[int, Field(ge=5, le=1200)] = 60
    region: Region | None = None
    complete: Completion = Completion.PUBACK

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together: give both or neither")
        return self


MAX_CALLS_WITH_RELAY = 5


class Configuration(Section):
    """One handset's whole configuration."""

    version: Literal[1] = 1
    device: Device
    accounts: Annotated[tuple[Account, ...], Field(min_length=1, max_length=6)]
    sip: Sip = Sip()
    nat: Nat = Nat()
    dialing: Dialing = Dialing()
    calls: Calls = Calls()
    feature_codes: FeatureCodes = FeatureCodes()
    operator: Operator = Operator()
    keypad: Keypad = Keypad()
    hook_switch: HookSwitch = HookSwitch()
    display: Display = Display()
    sound: Sound = Sound()
    ringer: Ringer = Ringer()
    indicator: Indicator = Indicator()
    recording: Recording = Recording()
    retention: Retention = Retention()
    sync: Sync | None = None
    trust: Trust = Trust()

    @model_validator(mode="after")
    def _calls_fit_beside_a_relay(self) -> Self:
        # The SIP library has few sockets, and a relay doubles what each call needs.
        if self.nat.turn_server and self.calls.max_calls > MAX_CALLS_WITH_RELAY:
            raise ValueError(
                f"with nat.turn_server at most {MAX_CALLS_WITH_RELAY} calls.max_calls are possible, "
                f"not {self.calls.max_calls}"
            )
        return self

    @field_validator("accounts")
    @classmethod
    def _default_account_comes_first(cls, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        if sum(account.default for account in accounts) > 1:
            raise ValueError("only one account can be the default")
        names = [account.identifier for account in accounts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"accounts need different names, but {twice} stand more than once; set name")
        return tuple(sorted(accounts, key=lambda account: not account.default))

    @model_validator(mode="after")
    def _dialling_fits_codes_and_accounts(self) -> Self:
        reasons = [
            f"feature_codes.{name} keeps the emergency number {number} from being dialled"
            for number in self.dialing.emergency_numbers
            for name in self.feature_codes.hiding(number)
        ]
        names = [account.identifier for account in self.accounts]
        reasons += [
            f"dialing.rewrite[{number}].account is {rule.account!r}, but the accounts are called {names}"
            for number, rule in enumerate(self.dialing.rewrite, start=1)
            if rule.account and rule.account not in names
        ]
        if reasons:
            raise ValueError("; ".join(reasons))
        return self

    @model_validator(mode="after")
    def _pins_are_used_once(self) -> Self:
        pins = [*self.keypad.rows, *self.keypad.columns, self.hook_switch.pin, self.indicator.pin, *self.display.pins]
        twice = sorted({pin for pin in pins if pins.count(pin) > 1})
        if twice:
            raise ValueError(f"GPIO pins {twice} are given to more than one device")
        return self


def split_port(server: str, default_port: int) -> tuple[str, int]:
    """Split "host" or "host:port"; an address of IPv6 stands in brackets."""
    host, colon, port = server.rpartition(":")
    if colon and not port.endswith("]"):
        return host, int(port)
    return server, default_port


def parse_configuration(text: str) -> Configuration:
    """Read a configuration from TOML.

    Raises:
        ProvisioningError: with every mistake at once; a syntax error is one mistake with its line.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProvisioningError("The configuration is not valid TOML.", (f"Not valid TOML: {error}.",)) from error
    try:
        return Configuration.model_validate(raw)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        mistakes = tuple(_sentence(item) for item in items if not _follows_from_another(item, items))
        count = len(mistakes)
        raise ProvisioningError(
            f"The configuration has {count} mistake{'s' if count > 1 else ''}.", mistakes
        ) from error


def _follows_from_another(item: ErrorDetails, items: list[ErrorDetails]) -> bool:
    """Tell whether a list is only said to be too short because its one entry has a mistake of its own."""
    place = item["loc"]
    return item["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in items
    )


def _sentence(item: ErrorDetails) -> str:
    parts = item["loc"]
    place = ".".join(f"[{part + 1}]" if isinstance(part, int) else str(part) for part in parts).replace(".[", "[")
    text = re.sub(r"^Value error, ", "", item["msg"])
    if item["type"] == "missing":
        text = "is missing"
    elif item["type"] == "extra_forbidden":
        text = "is not a setting that this handset knows; look for a spelling mistake"
    return f"{place or 'The configuration'}: {text}."
