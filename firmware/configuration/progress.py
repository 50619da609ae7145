"""How far a bundle has come, as whoever brought it may ask."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.bundle_news import BundleStep
from provisioning.report import Report


class BundleSource(StrEnum):
    """Which way a bundle came."""

    STICK = "stick"
    NETWORK = "network"
    COMMAND_LINE = "command_line"


@dataclass(frozen=True, slots=True)
class Progress:
    """A bundle's standing.

    Attributes:
        count: rises with each change, within one run of the handset; a run begins anew to count.
        step: what is being done with it, or was last.
        report: what became of it; None while that is not known.
    """

    count: int
    step: BundleStep
    report: Report | None = None
