"""What is said of a bundle: each step, each end with its reason, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from firmware.base.words import Text, Word, word
from firmware.phone.bundle_news import BundleCode, BundleEnded, BundleResult, BundleStep, StickRemoved, StickReported
from firmware.phone.bundle_progress import has_succeeded
from firmware.phone.phrases import REGISTRATION_FAILURES

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
    BundleResult.REVERTED: word("Taken back"),
    BundleResult.INTERRUPTED: word("Interrupted"),
    BundleResult.NOTHING_TO_DO: word("Nothing new"),
}

WITHOUT_CODE: Final[Mapping[BundleResult, Word]] = {
    BundleResult.APPLIED: word("The new set-up counts."),
    BundleResult.REFUSED: word("The report on the stick says why."),
    BundleResult.REVERTED: word("The report on the stick says why."),
    BundleResult.INTERRUPTED: word("Plug the stick in again."),
    BundleResult.NOTHING_TO_DO: word("This phone has all of it already."),
}

CODES: Final[Mapping[BundleCode, Word]] = {
    BundleCode.TOO_LARGE: word("The bundle is too large. Leave something out."),
    BundleCode.UNREADABLE: word("The bundle is damaged. Copy it to the stick again."),
    BundleCode.UNSUPPORTED: word("This firmware cannot read it. Update the phone first."),
    BundleCode.UNKNOWN_KEY: word("This phone does not know who signed it. Use the key that it knows."),
    BundleCode.FORGED: word("Changed after it was signed. Copy it to the stick again."),
    BundleCode.FIRMWARE_NOT_SIGNED_FOR: word("Its key may not sign firmware. Use another key."),
    BundleCode.FIRMWARE_BY_NETWORK: word("Firmware comes by stick only."),
    BundleCode.WRONG_SERIAL: word("It is for another phone. Add this serial number."),
    BundleCode.WRONG_FLEET: word("It is for another fleet. Use this phone's own."),
    BundleCode.EXPIRED: word("Its time is over. Sign it anew."),
    BundleCode.NOT_YET_VALID: word("It does not count yet. Check the clock of whoever signed it."),
    BundleCode.OLD: word("This phone has had a newer one. Give it a higher number."),
    BundleCode.REVERTED_BEFORE: word("It has failed here before. Give it a higher number."),
    BundleCode.MISTAKES: word("There are mistakes in it. Check it on your computer."),
    BundleCode.LOCKED_OUT: word("It trusts no key for the next bundle. Add [trust]."),
    BundleCode.NO_SECRETS: word("Passwords are missing. Seal them anew."),
    BundleCode.SEALED_FOR_ANOTHER: word("Its passwords are for another phone. Seal them anew."),
    BundleCode.WRONG_CODE: word("The code was not right. Plug the stick in again."),
    BundleCode.NOT_ACCEPTED: word("Nobody said yes. To be asked again, plug the stick in again."),
    BundleCode.BUSY: word("Another bundle is being tried. Plug the stick in again later."),
    BundleCode.NO_SPACE: word("The memory card is full. Make room first."),
    BundleCode.FAILED: word("The phone could not do it. Its log says why."),
    BundleCode.NETWORK: word("The network did not work. Check cable and Wi-Fi."),
    BundleCode.FIRMWARE: word("The new firmware did not work. The log says why."),
    BundleCode.LINES: word("The phone line did not work. Check account and password."),
    BundleCode.BROKER: word("The call record server did not answer. Check its address."),
    BundleCode.SOUND: word("The sound card did not open. Check its name."),
    BundleCode.MICROPHONE: word("The microphone did not open. Check its name."),
    BundleCode.START: word("The phone did not start with it. The log says why."),
    BundleCode.NO_BUNDLE: word("There is no bundle for this phone on the stick."),
    BundleCode.IDENTITY_WRITTEN: word("The phone's identity is on the stick."),
    BundleCode.COPY_WRITTEN: word("What was ordered is on the stick."),
    BundleCode.COPY_NOT_WRITTEN: word("What was ordered is not on the stick. Is it full?"),
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
    return CODES.get(ended.code, WITHOUT_CODE[ended.result])


def ending(ended: BundleEnded, stick: StickReported | StickRemoved | None) -> Text:
    """Say what became of a bundle, and what to do with the stick; `stick` is what was heard of that."""
    then: Text = _LEAVE_IT_IN
    if isinstance(stick, StickReported):
        then = _TAKE_IT_OUT if stick.written else _NO_REPORT
    if isinstance(stick, StickRemoved) or ended.code is BundleCode.STICK_GONE:
        return reason(ended)
    if ended.result is not BundleResult.APPLIED:
        return word("{reason} {stick}", reason=reason(ended), stick=then)
    if ended.number is None:
        return then
    return word("{stick} Number: {number}.", stick=then, number=ended.number)


def result_title(ended: BundleEnded) -> Word:
    """Say in a word or two what became of a bundle."""
    return RESULTS[BundleResult.APPLIED] if has_succeeded(ended) else RESULTS[ended.result]
