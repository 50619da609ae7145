"""How calls are recorded, where the holder wants that."""

from typing import Annotated, Literal

from pydantic import Field

from provisioning.section import ConfigurationTable

Announcement = Literal["tone", "voice"]


class Recording(ConfigurationTable):
    """Recordings of calls; none is made without the holder's consent.

    Attributes:
        announce: how the other end hears that it is recorded: by a tone every 15 seconds, or in words when it begins;
            what the device's country is used to where left out.
        limit_mb: how much of the card recordings may take; the oldest that are not kept go first.
        bitrate_kbps: how well they sound, both sides together; an hour at 30 kb/s is 14 MB.
    """

    announce: Announcement | None = None
    limit_mb: Annotated[int, Field(ge=20, le=100_000)] = 500
    bitrate_kbps: Annotated[int, Field(ge=16, le=64)] = 30
