"""What became of a bundle, for whoever brought it: nothing in it is about a person."""

from datetime import UTC
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from provisioning.errors import ProvisioningError
from provisioning.manifest import BundleNumber, Serial
from provisioning.refusal import BundleRefusal
from provisioning.section import Section

REPORT_NAME: Final = "report-{serial}"
"""What the files are called on a stick, before ".json" and ".txt"."""

MAX_REPORT_BYTES: Final = 16 * 1024

Language = Literal["en", "zh"]


class ReportResult(StrEnum):
    """What became of it.

    APPLIED: it holds from now on.
    REFUSED: it was not tried.
    REVERTED: it was tried and did not work; what was before holds again.
    INTERRUPTED: the stick was pulled out, or the power went; what was before holds.
    NOTHING_TO_DO: there was nothing on the stick for this handset that it does not have already.
    """

    APPLIED = "applied"
    REFUSED = "refused"
    REVERTED = "reverted"
    INTERRUPTED = "interrupted"
    NOTHING_TO_DO = "nothing_to_do"


class CheckName(StrEnum):
    """What is tried before a bundle holds, and what else of it is taken in once it does.

    NETWORK: what it says about Wi-Fi, Ethernet and the clock could be set.
    FIRMWARE: what it brought could be installed, and runs.
    LINES: an account registers with its server.
    BROKER: the broker lets the handset in.
    SOUND: the earpiece opens, and the loudspeaker where there is one.
    MICROPHONE: so does the microphone, which is shut again before it records anything.
    START: the handset starts with it.
    CONTACTS, PICTURES: those that it brings were taken in; the holder has to agree to that.
    DOCUMENTS: policies and notices were taken in.
    RING_TONES: the phone can ring with the tone that the configuration names.
    CLOCK: it may be right; there only where it cannot be.
    """

    NETWORK = "network"
    FIRMWARE = "firmware"
    LINES = "lines"
    BROKER = "broker"
    SOUND = "sound"
    MICROPHONE = "microphone"
    START = "start"
    CONTACTS = "contacts"
    PICTURES = "pictures"
    DOCUMENTS = "documents"
    RING_TONES = "ring_tones"
    CLOCK = "clock"


class CheckCode(StrEnum):
    """What a check found."""

    OK = ""
    TIMED_OUT = "timed_out"
    NOT_FOUND = "not_found"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NOT_TRUSTED = "not_trusted"
    NOT_OPENED = "not_opened"
    NOT_INSTALLED = "not_installed"
    NOT_JOINED = "not_joined"
    NOT_TAKEN = "not_taken"
    UNHEALTHY = "unhealthy"
    NOT_AGREED = "not_agreed"
    IN_PART = "in_part"
    BEHIND = "behind"
    # Nothing says so now; it may stand in what a handset or a stick keeps.
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


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


class Report(Section):
    """What became of a bundle.

    Attributes:
        serial: of the handset.
        number: of the bundle; None where nothing could be read of it.
        firmware: the version that runs now.
        result: what became of it.
        code: why it was refused, or the check that sent it back.
        checks: what was tried.
        made_at: by the handset's clock.
    """

    serial: Serial
    number: BundleNumber | None
    firmware: Annotated[str, Field(max_length=64, pattern=r"^[0-9A-Za-z][0-9A-Za-z.+!-]*$")]
    result: ReportResult
    code: BundleRefusal | CheckName | Literal[""] = ""
    checks: Annotated[tuple[Check, ...], Field(max_length=32)] = ()
    made_at: AwareDatetime

    @property
    def file_stem(self) -> str:
        """What the files are called on a stick, before ".json" and ".txt"."""
        return REPORT_NAME.format(serial=self.serial)

    def as_json(self) -> str:
        """What stands in the file for machines."""
        return self.model_dump_json(indent=2) + "\n"

    def as_text(self, language: Language) -> str:
        """What stands in the file for people: what became of the bundle, each check, and what to do."""
        from provisioning import report_words as words  # noqa: PLC0415 - wanted once a bundle

        number = words.NO_NUMBER[language] if self.number is None else str(self.number)
        lines = [
            words.TITLE[language],
            "",
            words.HEAD[language].format(
                serial=self.serial,
                number=number,
                firmware=self.firmware,
                made_at=f"{self.made_at.astimezone(UTC):%Y-%m-%d %H:%M}",
            ),
            "",
            words.RESULTS[self.result][language],
        ]
        if isinstance(self.code, BundleRefusal):
            lines.append(words.REFUSALS[self.code][language])
        elif self.code:
            lines.append(words.WHAT_SENT_IT_BACK[language].format(check=words.CHECKS[CheckName(self.code)][language]))
        if self.checks:
            lines += ["", words.CHECKED[language], *(self._check_line(check, language) for check in self.checks)]
        return "\n".join(lines) + "\n"

    def _check_line(self, check: Check, language: Language) -> str:
        from provisioning import report_words as words  # noqa: PLC0415 - as above

        name = words.CHECKS[check.name][language]
        if check.line:
            name += f" {check.line}"
        found = words.FOUND[check.code][language]
        return f"  {'+' if check.passed else '!'} {name}: {found}"


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
