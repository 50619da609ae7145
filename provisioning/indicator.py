"""The status LED."""

from provisioning.section import GpioPin, Section


class Indicator(Section):
    """The status LED."""

    pin: GpioPin = 27
