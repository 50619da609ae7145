"""What the configuration means to the phone."""

from firmware.base.pinyin.table import syllables
from firmware.configuration.contradictions import dial_plan
from firmware.configuration.loading import LoadedConfiguration
from firmware.phone.dial_plan import DialPlan
from firmware.phone.phone_settings import PhoneSettings
from firmware.settings import calling


def phone_settings(loaded: LoadedConfiguration, serial: str = "") -> PhoneSettings:
    """Return the phone's; without a configuration it is unprovisioned, says why, and shows the hardware's `serial`."""
    configuration = loaded.configuration
    if configuration is None:
        plan = DialPlan.build(country=None, domain="invalid")
        return PhoneSettings(plan, provisioned=False, line_usable=False, mistakes=loaded.mistakes, serial=serial)
    plan = dial_plan(configuration)
    voicemail_number = configuration.accounts[0].voicemail_number or ""
    return PhoneSettings(
        plan,
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
        display_off_s=configuration.display.off_after_s,
        hide_dtmf=configuration.calls.hide_dtmf,
        call_rules=calling.call_rules(configuration.calls),
        preferences=calling.first_preferences(configuration.calls, configuration.dialing),
        feature_codes=calling.feature_codes(configuration.feature_codes),
        hotline=calling.hotline(configuration.dialing),
        auto_redial_every_s=configuration.calls.auto_redial_every_s,
        auto_redial_tries=configuration.calls.auto_redial_tries,
        # A key for messages must not call for help where a configuration has 112 as an extension.
        voicemail_number="" if plan.reaches_emergency(voicemail_number) else voicemail_number,
        # An answer starts the handset anew, which would end a trial.
        chosen_country=None if loaded.trial is not None else loaded.chosen_country,
        language=configuration.device.language,
        proves_number=bool(configuration.operator.verification),
        operator_name=configuration.operator.name,
        privacy_officer=configuration.operator.privacy_officer,
        privacy_contact=configuration.operator.contact,
        invite_link=configuration.operator.invite_link,
        top_up_link=configuration.operator.top_up_link,
        accounts=tuple(
            ("" if index == 0 else account.identifier, account.label or account.username)
            for index, account in enumerate(configuration.accounts)
        ),
        syllables=syllables,
        serial=serial,
    )
