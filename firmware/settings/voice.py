"""What the configuration means to voice."""

import uuid
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from firmware.configuration.contradictions import dial_plan
from firmware.configuration.loading import secret, sip_password
from firmware.phone.country import ASSUMED_COUNTRY
from firmware.voice.audio.near_end import NearEndSettings
from firmware.voice.settings import CardSettings, PagingGroup, VoiceSettings
from firmware.voice.sip.settings import AccountSettings, NatSettings, ServerName, SipSettings
from provisioning.accounts import Account
from provisioning.addresses import split_port
from provisioning.device import Device
from provisioning.schema import Configuration
from provisioning.sip import Nat
from provisioning.sound import Ringer, Sound

_MEDIA_NETWORKS: Final = Path("/etc/wecall/media-networks")
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_STUN_PORT: Final = 3478  # RFC 8489 section 18.6
# Names the handsets among all that has a UUID.
_HANDSETS: Final = uuid.UUID("0f4c1a52-6d7e-5a57-9a50-8f4f5f3f1c1d")


def near_end_settings(sound: Sound, *, on_speaker: bool) -> NearEndSettings:
    """Return what is done to the microphone's sound on the handset or on the loudspeaker."""
    routes = {"always", "speaker"} if on_speaker else {"always"}
    return NearEndSettings(
        echo_cancelling=sound.echo_cancelling in routes,
        noise_suppression=sound.noise_suppression in routes,
        gain_control=sound.gain_control in routes,
    )


def sip_settings(configuration: Configuration) -> SipSettings:
    """Return the SIP stack's."""
    sip, sound = configuration.sip, configuration.sound
    default, *others = configuration.accounts
    plan = dial_plan(configuration)
    return SipSettings(
        account=_account_settings(default, is_default=True),
        more_accounts=tuple(_account_settings(account, is_default=False) for account in others),
        local_port=sip.local_port,
        answer_anyone=sip.answer_from == "anyone",
        trusted_networks=sip.trusted_networks,
        codecs=sip.codecs,
        order_codecs_by_line="codecs" not in sip.model_fields_set,
        codecs_by_network=tuple((choice.interface, choice.codecs) for choice in sip.codecs_by_network),
        rtp_port=sip.rtp_port,
        rtp_ports=sip.rtp_ports,
        keep_alive_s=sip.keep_alive_s,
        probe_s=sip.probe_s,
        idle_probe_s=sip.idle_probe_s,
        retry_base_s=sip.retry_base_s,
        retry_cap_s=sip.retry_cap_s,
        clock_rate_hz=sound.rate_hz,
        frame_ms=sound.period_ms,
        # One more than the phone keeps, so that it hears of those whom it turns away.
        max_calls=configuration.calls.max_calls + 1,
        media_networks=(*media_networks(configuration.nat), *sip.trusted_networks),
        # Whoever helps is asked about nothing.
        watched=tuple(number for number in configuration.dialing.watched if not plan.reaches_emergency(number)),
        dial_plan=plan,
        instance_id=_instance_id(configuration.device),
        prefer_ipv6=sip.prefer_ipv6,
        binding_check_s=sip.binding_check_s,
        dscp_audio=sip.dscp_audio,
        dscp_signalling=sip.dscp_signalling,
        nat=_nat_settings(configuration.nat),
    )


def media_networks(nat: Nat) -> tuple[str, ...]:
    """Return the networks that the firewall lets audio through to, besides the servers (docs/security.md, Network).

    Where calls name whom it is exchanged with, that is everywhere: the firewall judges each.
    """
    found = [*(_EVERYWHERE if nat.media == "described" else ()), *nat.media_networks]
    with suppress(FileNotFoundError, PermissionError):
        for line in _MEDIA_NETWORKS.read_text(encoding="utf-8", errors="replace").splitlines():
            # The firewall tells of lines that are none.
            with suppress(ValueError):
                found.append(str(ip_network(line.strip(), strict=False)))
    return tuple(found)


def _account_settings(account: Account, *, is_default: bool) -> AccountSettings:
    best, *others = (ServerName(host, port) for host, port in account.addresses)
    authorities, error = _authorities(account.tls_ca)
    return AccountSettings(
        username=account.username,
        domain=account.domain,
        host=best.host,
        port=best.port,
        transport=account.transport,
        password="" if account.direct else sip_password(account, is_default=is_default),
        auth_username=account.auth_username or "",
        display_name=account.display_name,
        tls_ca_pem=authorities,
        tls_ca_error=error,
        tls_verify=account.tls_verify,
        srtp=account.srtp,
        register_expires_s=account.register_expires_s,
        name="" if is_default else account.identifier,
        dtmf=account.dtmf,
        reliable_provisional=account.reliable_provisional,
        watch_voicemail=account.voicemail_number is not None,
        fallback_servers=tuple(others),
        use_srv=account.uses_srv,
        registers=not account.direct,
    )


def _authorities(path: Path | None) -> tuple[bytes | None, str]:
    """Return what is in a file of authorities, or why it cannot be read: its account is no use then, others are."""
    try:
        return path.read_bytes() if path is not None else None, ""
    except OSError as error:
        return None, str(error)


def _nat_settings(nat: Nat) -> NatSettings:
    relay = split_port(nat.turn_server, _STUN_PORT) if nat.turn_server else None
    return NatSettings(
        stun_servers=tuple(ServerName(*split_port(server, _STUN_PORT)) for server in nat.stun_servers),
        turn_server=ServerName(*relay) if relay else None,
        turn_transport=nat.turn_transport,
        turn_username=nat.turn_username,
        turn_password=secret(["turn-password"], nat.turn_password),
        ice=nat.ice,
    )


def _instance_id(device: Device) -> str:
    """Return a name for the handset that stays the same for ever and needs no keeping (RFC 5626 section 4.1)."""
    return uuid.uuid5(_HANDSETS, f"{device.fleet}/{device.id}").urn


def voice_settings(configuration: Configuration | None) -> VoiceSettings:
    """Return all that voice is told; a handset that has no configuration sounds all the same."""
    sound = configuration.sound if configuration is not None else Sound()
    ringer = configuration.ringer if configuration is not None else Ringer()
    speaker_card = None
    if sound.speaker_playback is not None:
        speaker_card = CardSettings(
            sound.speaker_playback,
            sound.speaker_capture or sound.capture,
            sound.speaker_mixer_card,
            sound.speaker_mixer_element,
        )
    return VoiceSettings(
        country=configuration.device.assumed_country if configuration is not None else ASSUMED_COUNTRY,
        sip=sip_settings(configuration) if configuration is not None else None,
        card=CardSettings(sound.playback, sound.capture, sound.mixer_card, sound.mixer_element),
        speaker_card=speaker_card,
        rate_hz=sound.rate_hz,
        period_ms=sound.period_ms,
        prefill_ms=max(sound.prefill_ms, sound.period_ms // 2),
        handset_near_end=near_end_settings(sound, on_speaker=False),
        speaker_near_end=near_end_settings(sound, on_speaker=True),
        sidetone_percent=sound.sidetone_percent,
        comfort_noise=sound.comfort_noise,
        ringer_playback=ringer.playback,
        ringer_volume_percent=ringer.volume_percent,
        paging=tuple(
            PagingGroup(page.name, page.group, page.port, page.source)
            for page in (configuration.paging if configuration is not None else ())
        ),
    )
