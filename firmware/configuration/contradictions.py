"""The dial plan of a configuration, and what is well written but cannot work by it: a hotline to a barred number.

And what works but not as it may be meant: numbers that only may be emergency numbers here are for people to call.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from firmware.base.errors import DialPlanError
from firmware.phone.dial_plan import DialPlan, Objection, Rewrite
from firmware.phone.digit_map import Alternative
from provisioning.remarks import KeyPath, Remark, Severity, mistake
from provisioning.schema import Configuration

_REASONS = {
    Objection.IMPOSSIBLE: "fits no alternative of dialing.digit_map, so that it can never be called",
    Objection.EMERGENCY: "is an emergency number, which only a person may call",
    Objection.BARRED: "is barred by dialing.barred",
    Objection.OWN_NUMBER: "is this handset's own number, so that calls would go in a circle",
}
_DECIDE: Mapping[Objection, tuple[KeyPath, ...]] = {
    Objection.IMPOSSIBLE: (("dialing", "digit_map"), ("dialing", "rewrite"), ("device", "country")),
    Objection.EMERGENCY: (("dialing", "emergency_numbers"), ("device", "country")),
    Objection.BARRED: (("dialing", "barred"), ("device", "country")),
    Objection.OWN_NUMBER: (("accounts",),),
}
"""The settings that decide whether a number is objected to."""


def dial_plan(configuration: Configuration) -> DialPlan:
    """Build the dial plan that a configuration describes.

    Raises:
        DialPlanError: an alternative of the digit map, or the pattern of a rule, is not one.
    """
    default, *others = configuration.accounts
    return DialPlan.build(
        country=configuration.device.country,
        domain=default.domain,
        digit_map=configuration.dialing.digit_map,
        emergency_numbers=configuration.dialing.emergency_numbers,
        international_prefix=configuration.dialing.international_prefix,
        rewrites=[
            Rewrite(
                Alternative.parse(rule.pattern),
                rule.strip,
                rule.prepend,
                "" if rule.account == default.identifier else rule.account,
            )
            for rule in configuration.dialing.rewrite
        ],
        barred=configuration.dialing.barred,
        own_numbers=[account.username for account in configuration.accounts],
        known_numbers=[
            *([default.voicemail_number] if default.voicemail_number else []),
            *(f"{configuration.dialing.pickup_code}{number}" for number in configuration.dialing.watched),
        ],
        domains={account.identifier: account.domain for account in others},
    )


def contradictions(configuration: Configuration) -> tuple[Remark, ...]:
    """Return the patterns that are none, or else the numbers that the configuration's own dial plan forbids.

    Args:
        configuration: what is well written.
    """
    zone = tuple(_unknown_zone(configuration.device.time_zone))
    patterns = tuple(_mistakes_in_patterns(configuration))
    return zone + (patterns or tuple(_contradictions(configuration, dial_plan(configuration))))


def doubts(configuration: Configuration) -> tuple[Remark, ...]:
    """Return warnings of numbers that a handset calls by itself nowhere, since they may be emergency numbers.

    A handset with such a configuration works: it may be older than what is taken for help.
    """
    if any(True for _ in _mistakes_in_patterns(configuration)):
        return ()
    found = _objections(configuration, dial_plan(configuration))
    return tuple(
        replace(_forbidden(number, objection, *place), severity=Severity.WARNING)
        for number, objection, place, unsure in found
        if unsure
    )


def _unknown_zone(name: str | None) -> Iterator[Remark]:
    if name is None:
        return
    import zoneinfo  # noqa: PLC0415 - few need it, and a handset registers sooner without

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        known = zoneinfo.available_timezones()
        # A computer without a list of zones knows no better.
        if known and name not in known:
            yield mistake(f"there is no time zone of this name{_or_near(name, known)}", "device", "time_zone")


def _or_near(name: str, known: Iterable[str]) -> str:
    from provisioning.mistake_words import near_to  # noqa: PLC0415 - for mistakes only

    return f"; did you mean {near}?" if (near := near_to(name, known)) else ""


def _mistakes_in_patterns(configuration: Configuration) -> Iterator[Remark]:
    dialing = configuration.dialing
    lists: Mapping[KeyPath, Iterable[str]] = {
        ("dialing", "digit_map"): dialing.digit_map,
        ("calls", "auto_answer_from"): configuration.calls.auto_answer_from,
    }
    for place, texts in lists.items():
        for position, text in enumerate(texts):
            try:
                Alternative.parse(text)
            except DialPlanError as error:
                yield mistake(_clause(error), *place, position)
    for position, rule in enumerate(dialing.rewrite):
        place = ("dialing", "rewrite", position)
        try:
            pattern = Alternative.parse(rule.pattern)
        except DialPlanError as error:
            yield mistake(_clause(error), *place, "pattern")
            continue
        if rule.strip >= pattern.shortest and not rule.prepend:
            yield mistake(
                f"strip = {rule.strip} may leave nothing of a number that fits {rule.pattern!r}",
                *place, about=[(*place, "strip"), (*place, "prepend"), (*place, "pattern")],
            )  # fmt: skip


def _contradictions(configuration: Configuration, plan: DialPlan) -> Iterator[Remark]:
    for number, objection, place, unsure in _objections(configuration, plan):
        if not unsure:
            yield _forbidden(number or "an empty number", objection, *place)


def _objections(configuration: Configuration, plan: DialPlan) -> Iterator[tuple[str, Objection, KeyPath, bool]]:
    """Return each number that is objected to, why, where it stands, and whether it only may be an emergency number."""
    calls, dialing = configuration.calls, configuration.dialing
    numbers: dict[KeyPath, str] = {
        ("calls", "forward_always"): calls.forward_always,
        ("calls", "forward_busy"): calls.forward_busy,
        ("calls", "forward_no_answer"): calls.forward_no_answer,
        ("calls", "out_of_hours_forward"): calls.out_of_hours_forward,
        ("dialing", "hotline", "number"): dialing.hotline.number if dialing.hotline is not None else "",
    }
    for place, number in numbers.items():
        if number and (objection := plan.objection(number)) is not None:
            yield number, objection, place, plan.is_unsure(number)
    for position, account in enumerate(configuration.accounts):
        number = account.voicemail_number or ""
        if number and (plan.is_barred(number) or plan.reaches_emergency(number)):
            reason = Objection.EMERGENCY if plan.reaches_emergency(number) else Objection.BARRED
            yield number, reason, ("accounts", position, "voicemail_number"), plan.is_unsure(number)
    for digit, number in dialing.speed_dials.items():
        objection = plan.objection(number)
        if objection in {Objection.IMPOSSIBLE, Objection.BARRED}:
            yield number, objection, ("dialing", "speed_dials", digit), False


def _forbidden(number: str, objection: Objection, *path: str | int) -> Remark:
    return mistake(f"{number} {_REASONS[objection]}", *path, about=_DECIDE[objection])


def _clause(error: DialPlanError) -> str:
    """Return what an error says as a part of a sentence."""
    return str(error).removesuffix(".")
