"""What the configuration means to the phone."""

from dataclasses import dataclass

from firmware.base.pinyin.table import pinyin
from firmware.configuration.contradictions import dial_plan
from firmware.configuration.loading import LoadedConfiguration
from firmware.phone.dial_plan import DialPlan
from firmware.phone.digit_map import Alternative
from firmware.phone.features import CallRules, Feature, FeatureCodes, Hotline, OpenHours
from firmware.phone.key import Key
from firmware.phone.numbers import NumberPattern
from firmware.phone.orders import EarPreset
from firmware.phone.phone_settings import PhoneSettings
from firmware.phone.preferences import Preferences
from provisioning.calling import Calls, Dialing, Hours
from provisioning.calling import FeatureCodes as ConfiguredCodes
from provisioning.controls import Keypad
from provisioning.schema import Configuration

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def phone_settings(loaded: LoadedConfiguration, serial: str = "") -> PhoneSettings:
    """Return the phone's; without a configuration it is unprovisioned, says why, and shows the hardware's `serial`."""
    configuration = loaded.configuration
    if configuration is None:
        plan = DialPlan.build(country=None, domain="invalid")
        return PhoneSettings(
            plan,
            provisioned=False,
            line_usable=False,
            mistakes=loaded.mistakes,
            keypad=_keys(Keypad()),
            serial=serial,
        )
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
        ear=EarPreset(configuration.sound.ear),
        lowers_noise=configuration.sound.noise_suppression != "never",
        has_loudspeaker=configuration.sound.speaker_playback is not None,
        display_off_s=configuration.display.off_after_s,
        hide_dtmf=configuration.calls.hide_dtmf,
        call_rules=call_rules(configuration.calls),
        preferences=first_preferences(configuration.calls, configuration.dialing),
        feature_codes=feature_codes(configuration.feature_codes),
        hotline=hotline(configuration.dialing),
        pickup_code=configuration.dialing.pickup_code,
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
        chinese=pinyin,
        keypad=_keys(configuration.keypad),
        serial=serial,
    )


def call_rules(calls: Calls) -> CallRules:
    """Return what becomes of calls that come in."""
    return CallRules(
        block=_patterns(calls.block),
        allow=_patterns(calls.allow),
        allow_only=calls.allow_only,
        hours=tuple(_open_hours(hours) for hours in calls.hours),
        out_of_hours_forward=calls.out_of_hours_forward,
        auto_answer_from=tuple(map(Alternative.parse, calls.auto_answer_from)),
    )


def first_preferences(calls: Calls, dialing: Dialing) -> Preferences:
    """Return what holds until the holder sets something on the phone."""
    return Preferences(
        forward_always=calls.forward_always,
        forward_busy=calls.forward_busy,
        forward_no_answer=calls.forward_no_answer,
        reject_anonymous=calls.reject_anonymous,
        auto_answer=calls.auto_answer,
        speed_dials=tuple(sorted(dialing.speed_dials.items())),
    )


def feature_codes(codes: ConfiguredCodes) -> FeatureCodes:
    """Return which keys switch which feature."""
    return FeatureCodes({Feature(name): code for name, code in codes.in_use.items()})


def hotline(dialing: Dialing) -> Hotline | None:
    """Return the number that a lifted handset calls by itself."""
    return Hotline(dialing.hotline.number, dialing.hotline.delay_s) if dialing.hotline is not None else None


def _keys(keypad: Keypad) -> tuple[tuple[Key, ...], ...]:
    return tuple(tuple(map(Key, row)) for row in keypad.keys)


def _patterns(texts: tuple[str, ...]) -> tuple[NumberPattern, ...]:
    return tuple(NumberPattern(text) for text in texts)


def _open_hours(hours: Hours) -> OpenHours:
    days = frozenset(_WEEKDAYS.index(day) for day in hours.days)
    return OpenHours(days, _minute(hours.begin), _minute(hours.end))


def _minute(time_of_day: str) -> int:
    hour, minute = time_of_day.split(":")
    return int(hour) * 60 + int(minute)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which handset this is.

    Attributes:
        device, fleet: as the configuration names them; empty where there is none.
        servers: pairs of an account's label and the server that it uses by configuration.
    """

    device: str = ""
    fleet: str = ""
    servers: tuple[tuple[str, str], ...] = ()


def identity(configuration: Configuration | None) -> Identity:
    """Return which handset it is; one that is not set up has no name."""
    if configuration is None:
        return Identity()
    servers = tuple(
        (account.label or account.username, ", ".join(f"{host}:{port}" for host, port in account.addresses))
        for account in configuration.accounts
    )
    return Identity(configuration.device.id, configuration.device.fleet, servers)
