"""What every table of the configuration has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

GpioPin = Annotated[int, Field(ge=0, le=27)]
"""A pin of the header, by its BCM number."""

Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
"""What a device, a fleet or an account is called."""

Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""A country, or a part of one with laws of its own: ISO 3166-1, such as CN or HK."""

Percent = Annotated[int, Field(ge=0, le=100)]


class Section(BaseModel):
    """A table of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
