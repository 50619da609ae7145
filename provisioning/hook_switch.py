"""The cradle's switch."""

from typing import Annotated, Literal

from pydantic import Field

from provisioning.section import ConfigurationTable, GpioPin


class HookSwitch(ConfigurationTable):
    """The cradle's switch.

    Attributes:
        pin: its BCM number.
        closed_means: what a closed contact (pin low) says.
        debounce_ms: for how long the contact must rest before it counts.
    """

    pin: GpioPin = 17
    closed_means: Literal["on_hook", "off_hook"] = "on_hook"
    debounce_ms: Annotated[int, Field(ge=1, le=200)] = 30
