"""What is said of a bundle: each step, each end with its reason, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from firmware.phone.bundle_news import BundleCode, BundleEnded, BundleResult, BundleStep, StickReported
from firmware.phone.bundle_progress import has_succeeded
from firmware.phone.phrases import REGISTRATION_FAILURES
from firmware.phone.words import Text, Word, word

STEPS: Final[Mapping[BundleStep, Word]] = {
    BundleStep.READING: word("Reading the stick. Leave it in."),
    BundleStep.CHECKING: word("Checking what is on it."),
    BundleStep.ASKING: word("One moment…"),
    BundleStep.WAITING_FOR_CALL: word("Waiting for the call to end."),
    BundleStep.NETWORK: word("Setting the network up."),
    BundleStep.FIRMWARE: word("Installing the firmware."),
    BundleStep.LINES: word("Trying the phone line."),
    BundleStep.BROKER: word("Trying the call record server."),
    BundleStep.SOUND: word("Trying the sound."),
    BundleStep.KEEPING: word("Keeping the new set-up."),
    BundleStep.REVERTING: word("Going back to the old set-up."),
}

RESULTS: Final[Mapping[BundleResult, Word]] = {
    BundleResult.APPLIED: word("Done"),
    BundleResult.REFUSED: word("Refused"),
    BundleResult.REVERTED: word("Old set-up is back"),
    BundleResult.INTERRUPTED: word("Interrupted"),
    BundleResult.NOTHING_TO_DO: word("Nothing new"),
}

CODES: Final[Mapping[BundleCode, Word]] = {
    BundleCode.NONE: word("Ask your installer."),
    BundleCode.TOO_LARGE: word("The bundle is too large. Build it anew."),
    BundleCode.UNREADABLE: word("The bundle is damaged. Copy it to the stick again."),
    BundleCode.UNKNOWN_KEY: word("This phone does not know who signed it. Use the key that it knows."),
    BundleCode.FORGED: word("Changed after it was signed. Copy it to the stick again."),
    BundleCode.WRONG_SERIAL: word("It is for another phone. Build it with this serial number."),
    BundleCode.WRONG_FLEET: word("It is for another fleet. Use this phone's own."),
    BundleCode.EXPIRED: word("It is too old. Sign it anew."),
    BundleCode.NOT_YET_VALID: word("It does not count yet. Check the clocks."),
    BundleCode.OLD: word("This phone has a newer one. Give it a higher number."),
    BundleCode.REVERTED_BEFORE: word("It has failed here before. Give it a higher number."),
    BundleCode.MISTAKES: word("There are mistakes in it: see the report on the stick."),
    BundleCode.WRONG_CODE: word("The code was not right. Plug the stick in again."),
    BundleCode.NOT_ACCEPTED: word("Nobody here said yes. Plug the stick in to be asked again."),
    BundleCode.LOCKED_OUT: word("It names no key for the next bundle. Add one under [trust]."),
    BundleCode.UNSUPPORTED: word("This firmware cannot read it. Update the phone first."),
    BundleCode.BUSY: word("Another bundle is being tried. Plug the stick in again later."),
    BundleCode.NO_ROOM: word("No room for it. Ask your installer."),
    BundleCode.NETWORK: word("The network did not work. Check cable and Wi-Fi."),
    BundleCode.FIRMWARE: word("The new firmware did not work. Ask your installer."),
    BundleCode.LINES: word("The phone line did not work. Check account and password."),
    BundleCode.BROKER: word("The call record server did not answer. Check its address."),
    BundleCode.SOUND: word("The sound card did not open. Check its name."),
    BundleCode.NEVER_STARTED: word("The phone did not start with it. Ask your installer."),
    BundleCode.SWITCHED_OFF: word("The phone was switched off. Plug the stick in again."),
    BundleCode.ALREADY_ACTIVE: word("This phone has it already."),
    BundleCode.NO_BUNDLE: word("There is no bundle for this phone on the stick."),
    BundleCode.IDENTITY_WRITTEN: word("The phone's identity is on the stick."),
    BundleCode.STICK_GONE: word("The stick was pulled out too early. Plug it in again."),
    BundleCode.STICK_UNREADABLE: word("The stick cannot be read. Format it as FAT and copy again."),
}
"""Why, and what to do about it."""

_TAKE_IT_OUT = word("Take the stick out.")
_LEAVE_IT_IN = word("Leave the stick in.")
_NO_REPORT = word("No report could be written. Take the stick out.")


def reason(ended: BundleEnded) -> Text:
    """Say why a bundle was not applied, as exactly as is known."""
    if ended.code is BundleCode.LINES and ended.failure is not None:
        return REGISTRATION_FAILURES[ended.failure]
    return CODES[ended.code]


def ending(ended: BundleEnded, report: StickReported | None) -> Text:
    """Say what became of a bundle, and what to do with the stick."""
    stick = _LEAVE_IT_IN if report is None else _TAKE_IT_OUT if report.written else _NO_REPORT
    if ended.result is not BundleResult.APPLIED:
        return word("{reason} {stick}", reason=reason(ended), stick=stick)
    if ended.number is None:
        return word("Done. {stick}", stick=stick)
    return word("Done. {stick} Number {number} counts.", stick=stick, number=ended.number)


def result_title(ended: BundleEnded) -> Word:
    """Say in a word or two what became of a bundle."""
    return RESULTS[BundleResult.APPLIED] if has_succeeded(ended) else RESULTS[ended.result]
