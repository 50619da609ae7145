"""How far a bundle has come, as the phone remembers it between two events."""

from dataclasses import dataclass

from contract.results import BundleResult, StickCode
from firmware.phone.bundle_news import (
    BundleEnded,
    BundleQuestion,
    BundleStepStarted,
    StickRemoved,
    StickReported,
)
from firmware.phone.commands import IndicatorPattern

_AS_GOOD_AS_APPLIED = frozenset({"", StickCode.IDENTITY_WRITTEN, StickCode.COPY_WRITTEN, StickCode.COPY_READ})


@dataclass(slots=True)
class BundleProgress:
    """A bundle on a stick that is being applied, or whose end somebody may want to see.

    Attributes:
        news: what was heard of it last; None where there is nothing to show.
        stick: what was heard of the stick itself since the bundle came; None while it is in and written to.
        last: what became of the last bundle that the phone has heard of, also of one that came over the network.
        put_away: somebody does not want to see how it goes on.
        count: how much was heard since the phone was switched on.
    """

    news: BundleStepStarted | BundleQuestion | BundleEnded | None = None
    stick: StickReported | StickRemoved | None = None
    last: BundleEnded | None = None
    put_away: bool = False
    count: int = 0

    @property
    def is_shown(self) -> bool:
        """Whether there is something that the display has to show as soon as nobody uses the phone."""
        return self.news is not None and not self.put_away

    @property
    def is_going_on(self) -> bool:
        """Whether it is not known yet what becomes of the bundle."""
        return self.news is not None and not isinstance(self.news, BundleEnded)

    @property
    def indicator(self) -> IndicatorPattern | None:
        """What the status LED says of it, None for nothing."""
        match self.news:
            case None:
                return None
            case BundleStepStarted():
                return IndicatorPattern.PULSE
            case BundleEnded() as ended if has_succeeded(ended):
                return IndicatorPattern.ON
        return IndicatorPattern.SLOW_BLINK


def has_succeeded(ended: BundleEnded) -> bool:
    """Whether the stick has done on this phone what it is for."""
    return ended.result is BundleResult.APPLIED or (
        ended.result is BundleResult.NOTHING_TO_DO and ended.code in _AS_GOOD_AS_APPLIED
    )
