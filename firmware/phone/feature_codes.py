"""Feature codes such as `*78`: which feature a string of keys means, and what was dialled behind the code."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware.phone.dial_plan import DialPlan, Match


class Feature(StrEnum):
    """What a code may do; the values are the names in the configuration's [feature_codes]."""

    DO_NOT_DISTURB_ON = "do_not_disturb_on"
    DO_NOT_DISTURB_OFF = "do_not_disturb_off"
    FORWARD_ALWAYS_ON = "forward_always_on"
    FORWARD_ALWAYS_OFF = "forward_always_off"
    FORWARD_BUSY_ON = "forward_busy_on"
    FORWARD_BUSY_OFF = "forward_busy_off"
    FORWARD_NO_ANSWER_ON = "forward_no_answer_on"
    FORWARD_NO_ANSWER_OFF = "forward_no_answer_off"
    REJECT_ANONYMOUS_ON = "reject_anonymous_on"
    REJECT_ANONYMOUS_OFF = "reject_anonymous_off"
    AUTO_ANSWER_ON = "auto_answer_on"
    AUTO_ANSWER_OFF = "auto_answer_off"
    PRIVATE_MODE_ON = "private_mode_on"
    BLOCK_LAST_CALLER = "block_last_caller"
    UNBLOCK_LAST_CALLER = "unblock_last_caller"
    SET_SPEED_DIAL = "set_speed_dial"
    AUTO_REDIAL_ON = "auto_redial_on"
    AUTO_REDIAL_OFF = "auto_redial_off"
    ANONYMOUS_CALL = "anonymous_call"
    CALL_BACK = "call_back"
    VOICEMAIL = "voicemail"


_NUMBER_FOLLOWS = frozenset(
    {
        Feature.FORWARD_ALWAYS_ON,
        Feature.FORWARD_BUSY_ON,
        Feature.FORWARD_NO_ANSWER_ON,
        Feature.ANONYMOUS_CALL,
        Feature.SET_SPEED_DIAL,
    }
)


@dataclass(frozen=True, slots=True)
class CodeReading:
    """What a dialled code means.

    Attributes:
        feature: what it does.
        code: the code itself.
        digit: the key that it is about, empty where it is about none.
        number: the number behind it, empty where there is none.
        match: whether that is all.
    """

    feature: Feature
    code: str
    digit: str
    number: str
    match: Match


@dataclass(frozen=True, slots=True)
class FeatureCodes:
    """The codes that this handset knows, by feature; they come before the digit map and are never rewritten."""

    codes: dict[Feature, str] = field(default_factory=dict)

    def read(self, digits: str, plan: DialPlan) -> CodeReading | None:
        """Say which feature was dialled, None where it is none (yet), or an emergency number."""
        if plan.is_emergency(digits):
            return None
        for feature, code in self.codes.items():
            if digits.startswith(code) and (reading := _read_behind(feature, code, digits[len(code) :], plan)):
                return reading
        return None

    def begins_code(self, digits: str) -> bool:
        """Whether the digits are the beginning of a code, but not yet one."""
        return any(code != digits and code.startswith(digits) for code in self.codes.values())


def _read_behind(feature: Feature, code: str, rest: str, plan: DialPlan) -> CodeReading | None:
    if feature not in _NUMBER_FOLLOWS:
        return None if rest else CodeReading(feature, code, "", "", Match.COMPLETE)
    if feature is not Feature.SET_SPEED_DIAL:
        return CodeReading(feature, code, "", rest, plan.match(rest))
    digit, number = rest[:1], rest[1:]
    match = Match.INCOMPLETE if not digit else plan.match(number) if digit.isdigit() else Match.IMPOSSIBLE
    return CodeReading(feature, code, digit, number, match)
