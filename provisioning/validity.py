"""From when until when something that was signed may be taken."""

from typing import Final, Self

from pydantic import AwareDatetime, model_validator

from provisioning.section import Section

_CLOCK_TOLERANCE_S: Final = 600
"""How far the signer's clock may be ahead of ours."""


class Validity(Section):
    """What every signed format says of its time.

    Attributes:
        issued_at: when it was signed.
        not_after: from when on it is not taken any more; what was taken before stays.
    """

    issued_at: AwareDatetime
    not_after: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.not_after <= self.issued_at:
            raise ValueError("not_after must be later than issued_at")
        return self

    def is_over(self, now_s: float) -> bool:
        """Whether it is not taken any more; `now_s` is the time in seconds since the epoch."""
        return now_s > self.not_after.timestamp()

    def is_from_the_future(self, now_s: float, *, synced: bool) -> bool:
        """Whether it was signed later than now.

        A clock that nobody keeps right wakes up in the past: it can tell that something is over, but not that it is
        from the future.

        Args:
            now_s: the time, in seconds since the epoch.
            synced: whether a time service keeps the clock right.
        """
        return synced and now_s + _CLOCK_TOLERANCE_S < self.issued_at.timestamp()
