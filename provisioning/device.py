"""Which handset this is and where it stands."""

from typing import Literal

from provisioning.section import ConfigurationTable, Identifier, Region


class Device(ConfigurationTable):
    """Which handset this is and where it stands.

    Attributes:
        id: unique in its fleet.
        fleet: the handsets that are looked after together.
        country: decides emergency numbers, tones and how numbers are written.
        region: under whose laws its holder's data is; the country where left out.
        language: of the display, until the holder chooses another.
    """

    id: Identifier
    fleet: Identifier = "default"
    country: Literal["AU", "CA", "CN", "DE", "ES", "FR", "GB", "IE", "IN", "IT", "JP", "NL", "NZ", "US"] = "CN"
    region: Region | None = None
    language: Literal["en", "zh"] = "en"
