"""Which handset this is and where it stands."""

from typing import Annotated, Final, Literal

from pydantic import Field

from provisioning.countries import CountryCode
from provisioning.section import ConfigurationTable, Identifier, Region

_ASSUMED: Final = "CN"

TimeZone = Annotated[
    str,
    Field(
        max_length=64,
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
        description='the name of a time zone, such as "Asia/Shanghai" or "Europe/Berlin"',
        examples=["Asia/Shanghai"],
    ),
]


class Device(ConfigurationTable):
    """Which handset this is and where it stands.

    Attributes:
        id: unique in its fleet.
        fleet: the handsets that are looked after together.
        country: decides emergency numbers, tones and how numbers are written. `wecall bundle check` insists on it;
            without it the handset asks whoever it meets first, and until then takes for help whatever is called for
            help anywhere.
        region: under whose laws its holder's data is; the country where left out.
        time_zone: whose time of day the display shows and the hours of calls are in; the machine's where left out.
        language: of the display, until the holder chooses another.
    """

    id: Identifier
    fleet: Identifier = "default"
    country: CountryCode | None = None
    region: Region | None = None
    time_zone: TimeZone | None = None
    language: Literal["en", "zh"] = "en"

    @property
    def assumed_country(self) -> str:
        """The country for whatever nobody's help depends on: where it is not said, what that has always meant."""
        return self.country or _ASSUMED
