"""When a handset installs updates of its firmware, and how long its holder may put them off."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from provisioning.section import ConfigurationTable, conflict

_DAY_MINUTES: Final = 24 * 60
_SHORTEST_MINUTES: Final = 60


class Updates(ConfigurationTable):
    """When firmware is installed that the operator announces, and how long the holder may put it off.

    Security and feature updates come alike: in the idle hours, never in a call, and tried before they count.

    Attributes:
        hours: the idle hours, an hour at least, in the handset's local time; each handset begins at a minute of its own
            in their first half.
        bandwidth_kbit: how much of the line a download takes, in kilobits per second.
        postpone_days: how long the holder may put a feature update off, in days.
        security_days: how long a security update.
        require_proof: an update is refused that is not shown to stand in the transparency log.
    """

    hours: Annotated[
        str,
        Field(
            pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$",
            description='two times of day, as in "02:00-05:00"; an end before the beginning is on the next day',
            examples=["02:00-05:00"],
        ),
    ] = "02:00-05:00"
    bandwidth_kbit: Annotated[int, Field(ge=64, le=1_000_000)] = 4000
    postpone_days: Annotated[int, Field(ge=0, le=365)] = 30
    security_days: Annotated[int, Field(ge=0, le=30)] = 7
    require_proof: bool = False

    @property
    def begin_minute(self) -> int:
        """When the idle hours begin, in minutes of the day."""
        return _minute(self.hours.partition("-")[0])

    @property
    def length_minutes(self) -> int:
        """How long they are."""
        return (_minute(self.hours.partition("-")[2]) - self.begin_minute) % _DAY_MINUTES

    @model_validator(mode="after")
    def _hours_are_long_enough(self) -> Self:
        if self.length_minutes < _SHORTEST_MINUTES:
            conflict(f"has {self.length_minutes} minutes; give an hour at least, to install in", ("hours",))
        return self


def _minute(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return int(hours) * 60 + int(minutes)
