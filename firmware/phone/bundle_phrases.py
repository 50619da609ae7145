"""What is said of a bundle: each step, each end with its reason, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from contract.results import BundleCode, BundleResult, CheckName, OutcomeCode, StickCode
from firmware.base.words import Text, Word, word
from firmware.phone.bundle_news import BundleEnded, BundleStep, StickRemoved, StickReported
from firmware.phone.bundle_progress import has_succeeded
from firmware.phone.bundle_reasons import other_fleet, reasons
from firmware.phone.phrases import REGISTRATION_FAILURES
from firmware.phone.update_phrases import update_reason

STEPS: Final[Mapping[BundleStep, Word]] = {
    BundleStep.READING: word("Reading the stick. Leave it in."),
    BundleStep.CHECKING: word("Checking the set-up."),
    BundleStep.ASKING: word("One moment…"),
    BundleStep.WAITING_FOR_CALL: word("Waiting for the call to end."),
    BundleStep.NETWORK: word("Setting the network up."),
    BundleStep.LINES: word("Trying the phone line."),
    BundleStep.BROKER: word("Trying the call data server."),
    BundleStep.SOUND: word("Trying the sound."),
    BundleStep.KEEPING: word("Keeping the new set-up."),
    BundleStep.REVERTING: word("Going back to the old set-up."),
    BundleStep.UPDATE: word("Installing the update. Leave the stick in."),
}

RESULTS: Final[Mapping[BundleResult, Word]] = {
    BundleResult.APPLIED: word("Done"),
    BundleResult.REFUSED: word("Refused"),
    BundleResult.REVERTED: word("Taken back"),
    BundleResult.INTERRUPTED: word("Interrupted"),
    BundleResult.NOTHING_TO_DO: word("Nothing new"),
}

WITHOUT_CODE: Final[Mapping[BundleResult, Word]] = {
    BundleResult.APPLIED: word("The new set-up is in use."),
    BundleResult.REFUSED: word("The report on the stick says why."),
    BundleResult.REVERTED: word("The report on the stick says why."),
    BundleResult.INTERRUPTED: word("Plug the stick in again."),
    BundleResult.NOTHING_TO_DO: word("This phone has all of it already."),
}

_BY_LAN: Final[Mapping[BundleCode, Word]] = {
    OutcomeCode.WRONG_CODE: word("The code was not right. Switch the phone off and on."),
    OutcomeCode.NOT_ACCEPTED: word("Nobody said yes. Switch the phone off and on."),
    OutcomeCode.UNREACHABLE: word("The address for the set-up does not answer. Switch the phone off and on."),
    OutcomeCode.SERVER_WRONG: word("The address for the set-up gives no bundle by https."),
}
"""What is said where no stick can be plugged in again."""

_TAKE_IT_OUT = word("Take the stick out.")
_LEAVE_IT_IN = word("Leave the stick in.")
_NO_REPORT = word("No report could be written. Take the stick out.")


def reason(ended: BundleEnded) -> Text:
    """Say why a bundle was not applied, as exactly as is known."""
    if ended.is_update:
        works = ended.code is OutcomeCode.APPLIED and ended.version
        return word("Version {version} works.", version=ended.version) if works else update_reason(ended.code)
    if ended.code is CheckName.LINES and ended.failure is not None:
        return REGISTRATION_FAILURES[ended.failure]
    if ended.bundle_fleet:
        return other_fleet(ended.bundle_fleet, ended.own_fleet)
    if ended.by_lan and ended.code in _BY_LAN:
        return _BY_LAN[ended.code]
    return reasons(on_card=ended.on_card).get(ended.code, WITHOUT_CODE[ended.result])


def ending(ended: BundleEnded, stick: StickReported | StickRemoved | None) -> Text:
    """Say what became of a bundle, and what to do with the stick; `stick` is what was heard of that."""
    then: Text = _LEAVE_IT_IN
    if isinstance(stick, StickReported):
        then = _TAKE_IT_OUT if stick.written else _NO_REPORT
    if isinstance(stick, StickRemoved) or ended.code is StickCode.STICK_GONE:
        return reason(ended)
    if ended.is_update or ended.result is not BundleResult.APPLIED:
        return word("{reason} {stick}", reason=reason(ended), stick=then)
    if ended.number is None:
        return then
    return word("{stick} Number: {number}.", stick=then, number=ended.number)


def result_title(ended: BundleEnded) -> Word:
    """Say in a word or two what became of a bundle."""
    return RESULTS[BundleResult.APPLIED] if has_succeeded(ended) else RESULTS[ended.result]
