"""Which handset this is and where it stands."""

from typing import Literal

from provisioning.section import Identifier, Region, Section


class Device(Section):
    """Which handset this is and where it stands.

    Attributes:
        region: under whose laws its holder's data is; the country where left out.
    """

    id: Identifier
    fleet: Identifier = "default"
    country: Literal["AU", "CA", "CN", "DE", "ES", "FR", "GB", "IE", "IN", "IT", "JP", "NL", "NZ", "US"] = "CN"
    region: Region | None = None
    language: Literal["en", "zh"] = "en"
