"""What became of a bundle, for whoever brought it: nothing in it is about a person."""

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from contract.results import BundleResult, CheckCode, CheckName, HardwarePart, OutcomeCode, ReportCode
from provisioning.controls import KeyName
from provisioning.errors import ProvisioningError
from provisioning.manifest import BundleNumber, Serial
from provisioning.section import Identifier, Section

REPORT_NAME: Final = "report-{serial}"
"""What the files are called on a stick, before ".json" and ".txt"."""

MAX_REPORT_BYTES: Final = 16 * 1024


class Check(Section):
    """One thing that was tried.

    Attributes:
        name: what.
        passed: whether it worked.
        code: why not.
        line: the account by its place in the configuration, from 1 on; 0 for what is no account.
    """

    name: CheckName
    passed: bool
    code: CheckCode = CheckCode.OK
    line: Annotated[int, Field(ge=0, le=6)] = 0

    @model_validator(mode="after")
    def _says_why_not(self) -> Self:
        if self.passed != (self.code is CheckCode.OK):
            raise ValueError("a check has a code where it did not pass, and only there")
        return self


class HardwareCheck(Check):
    """One part of the hardware that was tried by the self-test.

    Attributes:
        part: which.
        keys: those that never came, where the part is KEYS.
    """

    name: Literal[CheckName.HARDWARE] = CheckName.HARDWARE
    part: HardwarePart
    keys: Annotated[tuple[KeyName, ...], Field(max_length=len(get_args(KeyName)))] = ()


class HardwareTest(Section):
    """What the self-test found.

    Attributes:
        tested_at: by the handset's clock.
        checks: one for each part.
    """

    tested_at: AwareDatetime
    checks: Annotated[tuple[HardwareCheck, ...], Field(max_length=len(HardwarePart))]


class Report(Section):
    """What became of a bundle.

    Attributes:
        serial: of the handset.
        number: of the bundle; None where nothing could be read of it.
        firmware: the version that runs now.
        result: what became of it.
        code: why it was refused, or the check that sent it back.
        bundle_fleet, own_fleet: of a bundle for another fleet that one, and the handset's; empty otherwise.
        checks: what was tried.
        update: what became of an update of the firmware beside the bundle; empty where there was none.
        version: that update's, where it is known.
        tested_at: when the hardware among the checks was tested, by the handset's clock; None where nobody did.
        made_at: by the handset's clock.
    """

    serial: Serial
    number: BundleNumber | None
    firmware: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z][0-9A-Za-z.+!-]*$")]
    result: BundleResult
    code: ReportCode = ""
    bundle_fleet: Identifier | Literal[""] = ""
    own_fleet: Identifier | Literal[""] = ""
    checks: Annotated[tuple[HardwareCheck | Check, ...], Field(max_length=32)] = ()
    update: OutcomeCode | Literal[""] = ""
    version: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z.+!-]*$")] = ""
    tested_at: AwareDatetime | None = None
    made_at: AwareDatetime

    @property
    def file_stem(self) -> str:
        """What the files are called on a stick, before ".json" and ".txt"."""
        return REPORT_NAME.format(serial=self.serial)

    def with_hardware(self, test: HardwareTest | None) -> Self:
        """Return the same report with what the self-test found, if there was one."""
        if test is None:
            return self
        return self.model_copy(update={"checks": (*self.checks, *test.checks), "tested_at": test.tested_at})

    def as_json(self) -> str:
        """What stands in the file for machines."""
        return self.model_dump_json(indent=2) + "\n"


def read_report(text: bytes) -> Report:
    """Read the file that a handset left on a stick.

    Raises:
        ProvisioningError: it is none.
    """
    try:
        if len(text) > MAX_REPORT_BYTES:
            raise ProvisioningError(f"This is no report of a handset: it has more than {MAX_REPORT_BYTES} bytes.")
        return Report.model_validate_json(text)
    except ValidationError as error:
        raise ProvisioningError("This is no report of a handset, or one of newer firmware.") from error
