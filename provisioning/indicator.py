"""The status LED."""

from provisioning.section import GpioPin, Section


class Indicator(Section):
    """The status LED.

    Attributes:
        pin: its BCM number.
    """

    pin: GpioPin = 27
