"""The cradle's switch."""

from typing import Annotated, Literal

from pydantic import Field

from provisioning.section import GpioPin, Section


class HookSwitch(Section):
    """The cradle's switch.

    Attributes:
        closed_means: what a closed contact (pin low) says.
    """

    pin: GpioPin = 17
    closed_means: Literal["on_hook", "off_hook"] = "on_hook"
    debounce_ms: Annotated[int, Field(ge=1, le=200)] = 30
