"""What the configuration means to the phone's features."""

from firmware.phone.feature_codes import Feature, FeatureCodes
from firmware.phone.features import CallRules, Hotline, OpenHours
from firmware.phone.numbers import NumberPattern
from firmware.phone.preferences import Preferences
from provisioning.calling import Calls, Dialing, Hours
from provisioning.calling import FeatureCodes as ConfiguredCodes

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def call_rules(calls: Calls) -> CallRules:
    """Return what becomes of calls that come in."""
    return CallRules(
        block=_patterns(calls.block),
        allow=_patterns(calls.allow),
        allow_only=calls.allow_only,
        hours=tuple(_open_hours(hours) for hours in calls.hours),
        out_of_hours_forward=calls.out_of_hours_forward,
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


def _patterns(texts: tuple[str, ...]) -> tuple[NumberPattern, ...]:
    return tuple(NumberPattern(text) for text in texts)


def _open_hours(hours: Hours) -> OpenHours:
    days = frozenset(_WEEKDAYS.index(day) for day in hours.days)
    return OpenHours(days, _minute(hours.begin), _minute(hours.end))


def _minute(time_of_day: str) -> int:
    hour, minute = time_of_day.split(":")
    return int(hour) * 60 + int(minute)
