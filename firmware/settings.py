"""What the configuration means to each adapter: the composition root hands these out."""

from pathlib import Path

from firmware import calling
from firmware.config import LoadedConfiguration, dial_plan, sip_password
from firmware.devices import DEFAULT_COUNTRY
from firmware.errors import ControlError
from firmware.phone.dial_plan import DialPlan
from firmware.phone.state import PhoneSettings
from firmware.ports import BrokerSettings
from firmware.sip.settings import AccountSettings, SipSettings
from provisioning.schema import Configuration


def phone_settings(loaded: LoadedConfiguration) -> PhoneSettings:
    """Return the phone's; without a configuration it is unprovisioned and says why."""
    configuration = loaded.configuration
    if configuration is None:
        plan = DialPlan.build(country=DEFAULT_COUNTRY, domain="invalid")
        return PhoneSettings(plan, provisioned=False, line_usable=False, mistakes=loaded.mistakes)
    return PhoneSettings(
        dial_plan(configuration),
        inter_digit_timeout_s=configuration.dialing.inter_digit_timeout_s,
        first_digit_timeout_s=configuration.dialing.first_digit_timeout_s,
        no_answer_s=configuration.sip.no_answer_s,
        earpiece_volume_percent=configuration.sound.volume_percent,
        ringer_volume_percent=configuration.ringer.volume_percent,
        speaker_volume_percent=configuration.sound.speaker_volume_percent,
        mistakes=loaded.mistakes,
        max_calls=configuration.calls.max_calls,
        call_waiting=configuration.calls.call_waiting,
        hold_reminder_s=configuration.calls.hold_reminder_s,
        has_loudspeaker=configuration.sound.speaker_playback is not None,
        hide_dtmf=configuration.calls.hide_dtmf,
        call_rules=calling.call_rules(configuration.calls),
        preferences=calling.first_preferences(configuration.calls, configuration.dialing),
        feature_codes=calling.feature_codes(configuration.feature_codes),
        hotline=calling.hotline(configuration.dialing),
        auto_redial_every_s=configuration.calls.auto_redial_every_s,
        auto_redial_tries=configuration.calls.auto_redial_tries,
    )


def sip_settings(configuration: Configuration) -> SipSettings:
    """Return the SIP stack's."""
    account, sip, sound = configuration.accounts[0], configuration.sip, configuration.sound
    return SipSettings(
        account=AccountSettings(
            username=account.username,
            domain=account.domain,
            host=account.host,
            port=account.effective_port,
            transport=account.transport,
            password=sip_password(account),
            auth_username=account.auth_username or "",
            display_name=account.display_name,
            tls_ca=account.tls_ca,
            tls_verify=account.tls_verify,
            srtp=account.srtp,
            register_expires_s=account.register_expires_s,
        ),
        local_port=sip.local_port,
        answer_anyone=sip.answer_from == "anyone",
        codecs=sip.codecs,
        rtp_port=sip.rtp_port,
        keep_alive_s=sip.keep_alive_s,
        probe_s=sip.probe_s,
        retry_base_s=sip.retry_base_s,
        retry_cap_s=sip.retry_cap_s,
        clock_rate_hz=sound.rate_hz,
        frame_ms=sound.period_ms,
    )


def broker_settings(configuration: Configuration | None) -> BrokerSettings | None:
    """Return what the sync process must know, None where there is no broker.

    Raises:
        ControlError: a certificate or key named in the configuration cannot be read.
    """
    if configuration is None or configuration.sync is None:
        return None
    sync = configuration.sync
    return BrokerSettings(
        device=configuration.device.id,
        fleet=configuration.device.fleet,
        host=sync.host,
        port=sync.port,
        ca_pem=_pem(sync.ca),
        certificate_pem=_pem(sync.certificate),
        key_pem=_pem(sync.key),
        batch_records=sync.batch_records,
        retry_base_s=sync.retry_base_s,
        retry_cap_s=sync.retry_cap_s,
        keep_alive_s=sync.keep_alive_s,
    )


def _pem(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"{path}, named in [sync], cannot be read: {error}.") from error
