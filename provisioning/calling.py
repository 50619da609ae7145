"""What can be set about calling: how digits become a call, which calls ring, and which keys switch what."""

from collections import defaultdict
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from provisioning.remarks import joined
from provisioning.section import ConfigurationTable, Conflicts, conflict

DialString = Annotated[
    str,
    Field(
        max_length=32,
        pattern=r"^(\+?[0-9*#]+)?$",
        description="a number as it is dialled: up to 32 digits, * and #, perhaps after a +",
        examples=["+4930123456"],
    ),
]
"""A number as it is dialled; empty for none."""

NumberPattern = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9+*#][A-Za-z0-9 ()./@_*#-]*$",
        description="a number or user@host, however it is written; * at the end stands for anything",
        examples=["+4930*"],
    ),
]
"""A number or `user@host`, however it is written; `*` at the end stands for anything."""

DigitMapAlternative = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[0-9xX*#.T\[\]-]+$",
        description="one alternative of a digit map: digits, *, #, x, [2-9], a . to repeat and a T at the end to wait",
        examples=["9x."],
    ),
]
ExtensionPattern = Annotated[
    str,
    Field(
        min_length=1,
        max_length=32,
        pattern=r"^[0-9xX*#\[\]-]+$",
        description="an extension: digits, *, #, x for any digit and [2-9] for some of them, none of which repeats",
        examples=["2xx"],
    ),
]
"""An alternative of a digit map that has a length, so that none means everybody."""
EmergencyNumber = Annotated[
    str, Field(pattern=r"^[0-9*#]{2,8}$", description="a number of 2 to 8 digits, * and #", examples=["999"])
]
DialPrefix = Annotated[str, Field(pattern=r"^[0-9]{0,6}$", description="up to 6 digits", examples=["00"])]
WatchedNumber = Annotated[
    str,
    Field(
        pattern=r"^[0-9*]{1,32}$",
        description="an extension as the server knows it: up to 32 digits and *",
        examples=["202"],
    ),
]
PickupCode = Annotated[
    str,
    Field(pattern=r"^[*#][0-9*#]{0,7}$", description="* or #, with up to 7 digits, * and # behind it", examples=["*8"]),
]
Digit = Literal["1", "2", "3", "4", "5", "6", "7", "8", "9"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[
    str,
    Field(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        description='a time of day from "00:00" to "24:00"',
        examples=["18:00"],
    ),
]

_EVERY_DAY: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_WATCHED = 7
_MOST_RULES = 50
_MOST_PATTERNS = 500
_MOST_INTERCOMS = 16


class Rewrite(ConfigurationTable):
    """Rules that turn a dialled number into the one that the server wants; the first that fits is the only one.

    The pattern is an alternative of a digit map and not a regular expression: it is read in one pass over the digits,
    whatever is written here.

    Attributes:
        pattern: which numbers it is for, all of each; `9x.` are those that begin with 9. Emergency numbers never are.
        strip: how many digits fall off the front.
        prepend: what takes their place.
        account: whose call it becomes: an account's name, the default account's where left out.
    """

    pattern: DigitMapAlternative
    strip: Annotated[int, Field(ge=0, le=32)] = 0
    prepend: DialString = ""
    account: Annotated[str, Field(max_length=64, examples=["office"])] = ""


class Hotline(ConfigurationTable):
    """The number that a lifted handset calls by itself.

    Attributes:
        number: what it calls.
        delay_s: how long dial tone invites to dial something else first; 0 calls at once.
    """

    number: Annotated[
        str,
        Field(
            min_length=1,
            max_length=32,
            pattern=r"^\+?[0-9*#]+$",
            description="a number as it is dialled: up to 32 digits, * and #, perhaps after a +",
            examples=["100"],
        ),
    ]
    delay_s: Annotated[float, Field(ge=0, le=30)] = 5


class Dialing(ConfigurationTable):
    """How digits become a call.

    Attributes:
        digit_map: alternatives as in RFC 3435 section 2.1.5 (digits, `x`, `[2-9]`, `.` repeats, `T` waits). Codes that
            begin with `*` and are none of the phone's own go to the server.
        inter_digit_timeout_s: silence after which a number that may be complete is sent.
        first_digit_timeout_s: how long dial tone plays before it turns into reorder tone.
        emergency_numbers: more of them, beside the country's own.
        international_prefix: what stands for `+` when dialled; the country's own where left out.
        rewrite: rules for numbers that the server wants otherwise.
        barred: numbers that cannot be called, as dialled or as rewritten; emergency numbers always can.
        speed_dials: whom the idle page shows beside a digit and holding it calls, until the holder sets something else.
        watched: numbers of speed dials whose phones the first account's server is asked about: the idle page then shows
            beside the name whether the phone is free, rings or is in a call, or a parking slot is taken. Nobody is
            asked about where left out.
        pickup_code: what is dialled before the number of somebody watched whose phone rings, to take that call by
            holding the digit.
        hotline: what a lifted handset calls by itself.
    """

    digit_map: tuple[DigitMapAlternative, ...] = ("x.T", "*xx.T", "**xx.T", "*xx.*xx.T")
    inter_digit_timeout_s: Annotated[float, Field(ge=1, le=30)] = 4
    first_digit_timeout_s: Annotated[float, Field(ge=5, le=60)] = 15
    emergency_numbers: tuple[EmergencyNumber, ...] = ()
    international_prefix: DialPrefix | None = None
    rewrite: Annotated[tuple[Rewrite, ...], Field(max_length=_MOST_RULES)] = ()
    barred: Annotated[tuple[NumberPattern, ...], Field(max_length=_MOST_PATTERNS)] = ()
    speed_dials: dict[Digit, DialString] = Field(default_factory=dict)
    watched: Annotated[tuple[WatchedNumber, ...], Field(max_length=_MOST_WATCHED)] = ()
    pickup_code: PickupCode = "**"
    hotline: Hotline | None = None

    @model_validator(mode="after")
    def _hotline_comes_before_reorder_tone(self) -> Self:
        if self.hotline is not None and self.hotline.delay_s >= self.first_digit_timeout_s:
            conflict(
                f"is {self.hotline.delay_s:g}, but dial tone ends after "
                f"first_digit_timeout_s = {self.first_digit_timeout_s:g}; make it shorter",
                ("hotline", "delay_s"), ("first_digit_timeout_s",),
            )  # fmt: skip
        return self


class Hours(ConfigurationTable):
    """Stretches of the week in which calls ring, in the handset's local time.

    Attributes:
        days: those on which it begins.
        begin: when it begins.
        end: when it ends; no later than it began means on the next day.
    """

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = _EVERY_DAY
    begin: Annotated[TimeOfDay, Field(alias="from", examples=["08:00"])]
    end: Annotated[TimeOfDay, Field(alias="to")]


class Calls(ConfigurationTable):
    """Which calls ring, and what becomes of the others.

    Emergency services that call back always ring. After them the order is: allow, block, reject_anonymous, allow_only,
    hours, do not disturb, forward_always, and for calls that would ring forward_busy and forward_no_answer.

    Attributes:
        allow: callers who ring whatever else holds, where a trusted server vouches for their number.
        block: callers who never ring.
        reject_anonymous: callers who withhold their number are turned away.
        allow_only: nobody rings but those of `allow`.
        hours: when calls ring; always, where there are none. They wait for a clock that was set.
        out_of_hours_forward: whom calls outside the hours are sent to; they are turned away where left out.
        forward_always, forward_busy, forward_no_answer: whom calls are sent to.
        auto_answer: an intercom, a call that asks for it, is answered on the loudspeaker with the microphone off, after
            a warning tone; not everybody's, but as `auto_answer_from` says.
        auto_answer_from: whose intercoms: these extensions', and those of the holder's list "Always ring"; only where a
            trusted server vouches for the number, within the hours, and without do not disturb.
        call_waiting: whether a call is told of during another one.
        max_calls: how many there may be at once, those that wait included.
        hold_reminder_s: how often a beep tells of a call on hold; 0 for never.
        hide_dtmf: the digits that are pressed during a call do not show.
        auto_redial_every_s, auto_redial_tries: how often a busy number is tried again, and how many times.

    reject_anonymous, auto_answer and what calls are forwarded to hold until the holder sets something on the phone.
    """

    allow: Annotated[tuple[NumberPattern, ...], Field(max_length=_MOST_PATTERNS)] = ()
    block: Annotated[tuple[NumberPattern, ...], Field(max_length=_MOST_PATTERNS)] = ()
    reject_anonymous: bool = False
    allow_only: bool = False
    hours: Annotated[tuple[Hours, ...], Field(max_length=_MOST_RULES)] = ()
    out_of_hours_forward: DialString = ""
    forward_always: DialString = ""
    forward_busy: DialString = ""
    forward_no_answer: DialString = ""
    auto_answer: bool = False
    auto_answer_from: Annotated[tuple[ExtensionPattern, ...], Field(max_length=_MOST_INTERCOMS)] = ()
    call_waiting: bool = True
    max_calls: Annotated[int, Field(ge=1, le=16)] = 3
    hold_reminder_s: Annotated[int, Field(ge=0, le=600)] = 60
    hide_dtmf: bool = False
    auto_redial_every_s: Annotated[int, Field(ge=10, le=600)] = 30
    auto_redial_tries: Annotated[int, Field(ge=1, le=30)] = 10

    @model_validator(mode="after")
    def _rules_make_sense(self) -> Self:
        conflicts = Conflicts()
        if self.allow_only and not self.allow:
            conflicts.add("lets nobody ring, because allow names nobody", ("allow_only",), ("allow",))
        if self.out_of_hours_forward and not self.hours:
            conflicts.add(
                "has no hours to be outside of; add [[calls.hours]]",
                ("out_of_hours_forward",), ("hours",),
            )  # fmt: skip
        conflicts.check()
        return self


FeatureCode = Annotated[
    str,
    Field(
        pattern=r"^([*#][0-9*#]{1,7})?$",
        description='* or # with 1 to 7 digits, * and # behind it, or "" for none',
        examples=["*70"],
    ),
]
"""What is dialled; empty switches the code off, so that what is dialled goes to the server."""


class FeatureCodes(ConfigurationTable):
    """What to dial to switch a feature; the number to forward to, or to call, follows the code.

    Attributes:
        do_not_disturb_on, do_not_disturb_off: calls do not ring.
        forward_always_on, forward_always_off: every call is sent to the number.
        forward_busy_on, forward_busy_off: calls during another one are.
        forward_no_answer_on, forward_no_answer_off: calls that nobody takes are.
        reject_anonymous_on, reject_anonymous_off: callers who withhold their number are turned away.
        auto_answer_on, auto_answer_off: an intercom is answered on the loudspeaker.
        private_mode_on: takes back every yes that the service does not need.
        block_last_caller: whoever called last never rings again.
        unblock_last_caller: takes back what was blocked last.
        set_speed_dial: the digit key and then the number follow.
        auto_redial_on, auto_redial_off: keeps trying the number that was called last.
        anonymous_call: calls the number without showing one's own.
        text_call: calls the number, to write letter by letter once it is answered.
        call_back: calls whoever called last.
        voicemail: calls the messages on the server.
    """

    do_not_disturb_on: FeatureCode = "*78"
    do_not_disturb_off: FeatureCode = "*79"
    forward_always_on: FeatureCode = "*72"
    forward_always_off: FeatureCode = "*73"
    forward_busy_on: FeatureCode = "*90"
    forward_busy_off: FeatureCode = "*91"
    forward_no_answer_on: FeatureCode = "*92"
    forward_no_answer_off: FeatureCode = "*93"
    reject_anonymous_on: FeatureCode = "*77"
    reject_anonymous_off: FeatureCode = "*87"
    auto_answer_on: FeatureCode = "*50"
    auto_answer_off: FeatureCode = "*51"
    private_mode_on: FeatureCode = "*47"
    block_last_caller: FeatureCode = "*60"
    unblock_last_caller: FeatureCode = "*61"
    set_speed_dial: FeatureCode = "*98"
    auto_redial_on: FeatureCode = "*66"
    auto_redial_off: FeatureCode = "*86"
    anonymous_call: FeatureCode = "*67"
    text_call: FeatureCode = "*898"
    call_back: FeatureCode = "*69"
    voicemail: FeatureCode = "*97"

    @property
    def in_use(self) -> dict[str, str]:
        """The codes that are not switched off, by feature."""
        return {name: code for name in type(self).model_fields if (code := getattr(self, name))}

    @model_validator(mode="after")
    def _codes_can_be_told_apart(self) -> Self:
        features: dict[str, list[str]] = defaultdict(list)
        for name, code in self.in_use.items():
            features[code].append(name)
        conflicts = Conflicts()
        for code, names in features.items():
            if names[1:]:
                conflicts.add(f"{' and '.join(names)} have the same code {code}", *((name,) for name in names))
        for code, (feature, *_) in features.items():
            longer = {names[0]: other for other, names in features.items() if other != code and other.startswith(code)}
            if longer:
                begins = joined([f"{name}'s {other}" for name, other in longer.items()], "and", quote=False)
                conflicts.add(
                    f"{feature} has {code}, with which {begins} begin{'s' if len(longer) == 1 else ''}",
                    (feature,), *((name,) for name in longer),
                )  # fmt: skip
        conflicts.check()
        return self

    def hiding(self, number: str) -> list[str]:
        """Return the features whose codes would keep a number from being dialled."""
        return [name for name, code in self.in_use.items() if number.startswith(code)]
