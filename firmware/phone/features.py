"""What the phone's features remember, and what the configuration decides for them."""

from collections import deque
from dataclasses import dataclass, field

from firmware.phone.call import CallerId, CallQuality, TextMessage
from firmware.phone.events import MinuteStarted
from firmware.phone.numbers import NumberPattern
from firmware.phone.preferences import Preferences
from firmware.phone.view import InfoPage, LineView, Refusal

_SHOWN_QUALITIES = 5
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class OpenHours:
    """A stretch of the week in which calls ring.

    Attributes:
        days: those on which it begins, 0 for Monday.
        from_minute, to_minute: of the day; one that ends no later than it begins crosses midnight.
    """

    days: frozenset[int]
    from_minute: int
    to_minute: int

    def include(self, weekday: int, minute: int) -> bool:
        """Whether a minute of the week lies within."""
        if self.from_minute < self.to_minute:
            return weekday in self.days and self.from_minute <= minute < self.to_minute
        yesterday = (weekday - 1) % 7
        return (weekday in self.days and self.from_minute <= minute < _MINUTES_A_DAY) or (
            yesterday in self.days and minute < self.to_minute
        )


@dataclass(frozen=True, slots=True)
class CallRules:
    """What the configuration says about calls that come in.

    Attributes:
        block: callers who never ring.
        allow: callers who always ring.
        allow_only: nobody rings but they.
        hours: when calls ring; always, where there are none.
        out_of_hours_forward: whom a call outside the hours is sent to, as dialled; empty turns it away.
    """

    block: tuple[NumberPattern, ...] = ()
    allow: tuple[NumberPattern, ...] = ()
    allow_only: bool = False
    hours: tuple[OpenHours, ...] = ()
    out_of_hours_forward: str = ""


@dataclass(slots=True)
class FeatureState:
    """What the features remember between two events.

    Attributes:
        preferences: what the holder has set; the configuration's until the store answers or the holder sets something.
        preferences_changed: the holder has set something since the start: what the store answers later is older.
        minute: the minute of the week, None until the first one has begun.
        last_caller: who called last, for calling back and blocking; None where nobody did.
        refusal: the newest call that the handset decided about by itself, until the person has seen it.
        lines: every account's registration, by name; the default account's name is empty.
        voicemail: how many voice messages nobody has heard, by account.
        messages: the text messages, newest first.
        qualities: how the last calls sounded, newest first.
        info: what the menu key shows.
        info_step: which entry of it.
        feature: the name of the feature that a code has just switched.
    """

    preferences: Preferences = field(default_factory=Preferences)
    preferences_changed: bool = False
    minute: MinuteStarted | None = None
    last_caller: CallerId | None = None
    refusal: Refusal | None = None
    lines: dict[str, LineView] = field(default_factory=dict)
    voicemail: dict[str, int] = field(default_factory=dict)
    messages: tuple[TextMessage, ...] = ()
    qualities: deque[tuple[str, CallQuality]] = field(default_factory=lambda: deque(maxlen=_SHOWN_QUALITIES))
    info: InfoPage | None = None
    info_step: int = 0
    feature: str = ""
