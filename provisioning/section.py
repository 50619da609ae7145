"""What every table of the configuration has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
