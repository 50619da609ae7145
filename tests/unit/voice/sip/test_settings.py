from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import msgspec

from firmware.phone.dial_plan import DialPlan, Rewrite
from firmware.phone.digit_map import Alternative
from firmware.voice.sip.settings import AccountSettings, NatSettings, RedundancySettings, ServerName, SipSettings
from provisioning.sip_choices import DtmfMethod, ReliableProvisional, Srtp, Transport

ACCOUNT = AccountSettings(
    username="alice",
    domain="sip.example",
    host="a.sip.example",
    port=5071,
    transport=Transport.TLS,
    password="secret",
    auth_username="alice-auth",
    display_name="Alice",
    tls_ca_pem=b"-----BEGIN CERTIFICATE-----\n\xff",
    tls_ca_error="Permission denied",
    tls_verify=False,
    srtp=Srtp.MANDATORY,
    register_expires_s=60,
    name="office",
    dtmf=DtmfMethod.INFO,
    reliable_provisional=ReliableProvisional.REQUIRED,
    watch_voicemail=True,
    fallback_servers=(ServerName("b.sip.example", 5072),),
    use_srv=True,
    registers=False,
)
PLAN = DialPlan.build(
    country="JP",
    domain="sip.example",
    digit_map=("0[1-9]xx", "2x.T"),
    emergency_numbers=("5555",),
    international_prefix="000",
    rewrites=(Rewrite(Alternative.parse("9x."), 1, "0", "office"),),
    barred=("0900*",),
    own_numbers=("alice",),
    known_numbers=("*97",),
    domains={"office": "office.example"},
)
SETTINGS = SipSettings(
    account=ACCOUNT,
    more_accounts=(ACCOUNT,),
    local_port=5080,
    answer_anyone=True,
    codecs=("pcma",),
    order_codecs_by_line=False,
    codecs_by_network=(("wlan*", ("opus", "pcmu")),),
    rtp_port=20000,
    rtp_ports=10,
    keep_alive_s=30,
    probe_s=3.0,
    idle_probe_s=33,
    retry_base_s=1.5,
    retry_cap_s=30.0,
    clock_rate_hz=8000,
    frame_ms=20,
    redundancy=RedundancySettings(10.0, 200.0, 128),
    max_calls=2,
    media_silence_s=10.0,
    user_agent="Desk",
    media_door="/run/elsewhere.sock",
    media_networks=("192.0.2.0/24", "2001:db8::/32"),
    trusted_networks=("198.51.100.0/24",),
    watched=("202",),
    dial_plan=PLAN,
    instance_id="urn:uuid:f65b6a02-1d2b-560f-8b24-267d15d9940a",
    prefer_ipv6=True,
    binding_check_s=5.0,
    return_s=20.0,
    dscp_audio=0,
    dscp_signalling=8,
    nat=NatSettings(
        stun_servers=(ServerName("stun.example", 3478),),
        turn_server=ServerName("turn.example", 3479),
        turn_transport=Transport.TCP,
        turn_username="relay",
        turn_password="of-the-relay",
        ice=True,
    ),
)


def test_settings_are_the_same_after_a_way_between_processes() -> None:
    assert _left_at_their_defaults(SETTINGS) == []
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(SETTINGS), type=SipSettings) == SETTINGS


def test_without_a_dial_plan_everything_is_allowed_and_nothing_is_for_help() -> None:
    settings = SipSettings(ACCOUNT)
    assert settings.allows("112")
    assert not settings.is_emergency("112")


def _left_at_their_defaults(value: Any) -> list[str]:
    """Name the fields of a dataclass, and of those within it, that nobody set."""
    left = []
    for each in fields(value):
        held = getattr(value, each.name)
        if held == _default(each):
            left.append(f"{type(value).__name__}.{each.name}")
        elif is_dataclass(held):
            left += _left_at_their_defaults(held)
    return left


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
