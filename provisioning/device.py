"""Which handset this is and where it stands."""

from typing import Annotated, Literal

from pydantic import Field

from provisioning.countries import CountryCode
from provisioning.section import ConfigurationTable, Identifier, Region

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
        country: decides emergency numbers, tones and how numbers are written.
        region: under whose laws its holder's data is; the country where left out.
        time_zone: whose time of day the display shows and the hours of calls are in; the machine's where left out.
        language: of the display, until the holder chooses another.
    """

    id: Identifier
    fleet: Identifier = "default"
    country: CountryCode = "CN"
    region: Region | None = None
    time_zone: TimeZone | None = None
    language: Literal["en", "zh"] = "en"
