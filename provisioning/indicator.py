"""The status LED."""

from provisioning.section import ConfigurationTable, GpioPin


class Indicator(ConfigurationTable):
    """The status LED.

    Attributes:
        pin: its BCM number.
    """

    pin: GpioPin = 27
