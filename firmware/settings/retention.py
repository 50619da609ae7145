"""What the configuration means to how long things are kept."""

from firmware.privacy.retention import ENDING, Periods
from provisioning.schema import Configuration


def periods(configuration: Configuration) -> Periods:
    """Return for how many days each category is kept."""
    return {category: getattr(configuration.retention, f"{category}_days") for category in ENDING}
