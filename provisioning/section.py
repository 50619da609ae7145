"""What every table of the configuration has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

GpioPin = Annotated[int, Field(ge=0, le=27)]
"""A pin of the header, by its BCM number."""

Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
"""What a device, a fleet or an account is called."""


class Section(BaseModel):
    """A table of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
