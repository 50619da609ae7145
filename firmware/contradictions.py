"""What in a configuration is well written but cannot work: forwarding to oneself, a hotline to a barred number."""

from collections.abc import Iterator

from firmware.errors import DialPlanError
from firmware.phone.dial_plan import DialPlan, Objection
from firmware.phone.digit_map import Alternative
from provisioning.schema import Configuration

_REASONS = {
    Objection.IMPOSSIBLE: "fits no alternative of dialing.digit_map, so that it can never be called",
    Objection.EMERGENCY: "is an emergency number, which only a person may call",
    Objection.BARRED: "is barred by dialing.barred",
    Objection.OWN_NUMBER: "is this handset's own number, so that calls would go in a circle",
}


def mistakes_in_patterns(configuration: Configuration) -> tuple[str, ...]:
    """Return what is wrong with the digit map and the rules for rewriting, each a sentence with its place."""
    return tuple(_mistakes_in_patterns(configuration))


def contradictions(configuration: Configuration, plan: DialPlan) -> tuple[str, ...]:
    """Return which numbers in the configuration its own dial plan forbids, each a sentence with its place."""
    return tuple(_contradictions(configuration, plan))


def _mistakes_in_patterns(configuration: Configuration) -> Iterator[str]:
    dialing = configuration.dialing
    for number, text in enumerate(dialing.digit_map, start=1):
        try:
            Alternative.parse(text)
        except DialPlanError as error:
            yield f"dialing.digit_map[{number}]: {error}"
    for number, rule in enumerate(dialing.rewrite, start=1):
        place = f"dialing.rewrite[{number}]"
        try:
            pattern = Alternative.parse(rule.pattern)
        except DialPlanError as error:
            yield f"{place}.pattern: {error}"
            continue
        if rule.strip >= pattern.shortest and not rule.prepend:
            yield f"{place}: strip = {rule.strip} may leave nothing of a number that fits {rule.pattern!r}."


def _contradictions(configuration: Configuration, plan: DialPlan) -> Iterator[str]:
    calls, dialing = configuration.calls, configuration.dialing
    numbers = {
        "calls.forward_always": calls.forward_always,
        "calls.forward_busy": calls.forward_busy,
        "calls.forward_no_answer": calls.forward_no_answer,
        "calls.out_of_hours_forward": calls.out_of_hours_forward,
        "dialing.hotline.number": dialing.hotline.number if dialing.hotline is not None else "",
    }
    for place, number in numbers.items():
        if number and (objection := plan.objection(number)) is not None:
            yield f"{place}: {number} {_REASONS[objection]}."
    for position, account in enumerate(configuration.accounts, start=1):
        number = account.voicemail_number or ""
        if number and (plan.is_barred(number) or plan.reaches_emergency(number)):
            reason = Objection.EMERGENCY if plan.reaches_emergency(number) else Objection.BARRED
            yield f"accounts[{position}].voicemail_number: {number} {_REASONS[reason]}."
    for digit, number in dialing.speed_dials.items():
        objection = plan.objection(number)
        if objection in {Objection.IMPOSSIBLE, Objection.BARRED}:
            yield f"dialing.speed_dials.{digit}: {number or 'an empty number'} {_REASONS[objection]}."
