"""Everything that is wrong with a configuration, or risky: what the schema says, and what its own dial plan says."""

from dataclasses import dataclass

from firmware.configuration.contradictions import contradictions, doubts
from provisioning.examination import Examination, examine
from provisioning.remarks import Remark, Severity, by_place
from provisioning.risks import risks
from provisioning.schema import Configuration


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        examination: what the schema says.
        remarks: mistakes and warnings, in the order of the text.
    """

    examination: Examination
    remarks: tuple[Remark, ...]

    @property
    def mistakes(self) -> tuple[Remark, ...]:
        """What has to be corrected."""
        return tuple(remark for remark in self.remarks if remark.severity is Severity.MISTAKE)

    @property
    def configuration(self) -> Configuration | None:
        """What the text says, None where it has mistakes."""
        return None if self.mistakes else self.examination.configuration


def inspect_configuration(text: str, *, packed: bool = False) -> Inspection:
    """Find every mistake and every warning in a configuration.

    Args:
        text: TOML.
        packed: it goes into a bundle.
    """
    examination = examine(text)
    remarks = list(examination.mistakes)
    if (rest := examination.rest) is not None:
        found = (*contradictions(rest), *doubts(rest), *risks(rest, packed=packed))
        remarks += examination.located(found)
    return Inspection(examination, by_place(remarks))
