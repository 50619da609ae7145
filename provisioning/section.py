"""What every table of the configuration has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

GpioPin = Annotated[int, Field(ge=0, le=27)]
"""A pin of the header, by its BCM number."""


class Section(BaseModel):
    """A table of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
