"""What the SIP stack is told at its birth: frozen values that the composition root fills from the configuration."""

from dataclasses import dataclass, field
from pathlib import Path

from provisioning.schema import Srtp, Transport


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account on one server; the fields mean what they mean in `provisioning.schema.Account`."""

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


@dataclass(frozen=True, slots=True)
class JitterBufferSettings:
    """How much late audio is waited for, in milliseconds of audio.

    These give 53 to 73 ms from mouth to ear on a local network; shorter ones lose audio.
    """

    initial_ms: int = 20
    minimum_ms: int = 20
    maximum_prefetch_ms: int = 20
    maximum_ms: int = 200


@dataclass(frozen=True, slots=True)
class SipSettings:
    """The whole stack; the fields mean what they mean in `provisioning.schema.Sip`.

    Attributes:
        answer_anyone: answer SIP requests from any address, not from the account's server alone.
        clock_rate_hz, frame_ms: of the conference bridge, and so of the AudioPort.
        max_calls: simultaneous calls; callers beyond are told that the line is busy.
        media_silence_s: how long nothing may be heard in a call before the other end is asked whether it is there.
        user_agent: what the handset calls itself (RFC 3261 section 20.41).
    """

    account: AccountSettings
    local_port: int = 5060
    answer_anyone: bool = False
    codecs: tuple[str, ...] = ("opus", "g722", "pcma", "pcmu")
    rtp_port: int = 16384
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
