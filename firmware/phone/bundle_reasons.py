"""Why a bundle was not applied, in the words that the display and the report on the stick share."""

from collections.abc import Mapping
from typing import Final

from contract.results import BundleCode, CheckName, OutcomeCode, StickCode
from firmware.base.words import Word, word

CODES: Final[Mapping[BundleCode, Word]] = {
    OutcomeCode.TOO_LARGE: word("The bundle is too large. Leave something out."),
    OutcomeCode.UNREADABLE: word("The bundle is damaged. Copy it to the stick again."),
    OutcomeCode.UNSUPPORTED: word("This firmware cannot read it. Update the phone first."),
    OutcomeCode.FIRMWARE_SUPERSEDED: word("There is firmware in it. Leave that out: apt updates this phone."),
    OutcomeCode.UNKNOWN_KEY: word("This phone does not know who signed it. Use the key that it knows."),
    OutcomeCode.FORGED: word("Changed after it was signed. Copy it to the stick again."),
    OutcomeCode.FIRMWARE_NOT_SIGNED_FOR: word("Its key may not sign firmware. Use another key."),
    OutcomeCode.FIRMWARE_BY_NETWORK: word("Firmware comes by stick only."),
    OutcomeCode.WRONG_SERIAL: word("It is for another phone. Add this serial number."),
    OutcomeCode.WRONG_FLEET: word("It is for another fleet. Use this phone's own."),
    OutcomeCode.EXPIRED: word("It has expired. Sign it again."),
    OutcomeCode.NOT_YET_VALID: word("It is not valid yet. Check the signer's clock."),
    OutcomeCode.OLD: word("This phone has had a newer one. Give it a higher number."),
    OutcomeCode.REVERTED_BEFORE: word("It has failed here before. Give it a higher number."),
    OutcomeCode.MISTAKES: word("There are mistakes in it. Check it on your computer."),
    OutcomeCode.LOCKED_OUT: word("It trusts no key for the next bundle. Add [trust]."),
    OutcomeCode.NO_SECRETS: word("Passwords are missing. Seal them anew."),
    OutcomeCode.SEALED_FOR_ANOTHER: word("Its passwords are for another phone. Seal them anew."),
    OutcomeCode.WRONG_CODE: word("The code was not right. Plug the stick in again."),
    OutcomeCode.NOT_ACCEPTED: word("Nobody said yes. Plug the stick in again."),
    OutcomeCode.BUSY: word("Another bundle is being tried. Plug the stick in again later."),
    OutcomeCode.NO_SPACE: word("The memory card is full. Make room first."),
    OutcomeCode.FAILED: word("The phone could not do it. Its log says why."),
    CheckName.NETWORK: word("The network did not work. Check cable and Wi-Fi."),
    CheckName.FIRMWARE: word("The new firmware did not work. The log says why."),
    CheckName.LINES: word("The phone line did not work. Check account and password."),
    CheckName.BROKER: word("The call data server did not answer. Check its address."),
    CheckName.SOUND: word("The sound card did not open. Check its name."),
    CheckName.MICROPHONE: word("The microphone did not open. Check its name."),
    CheckName.START: word("The phone did not start with it. The log says why."),
    StickCode.NO_BUNDLE: word("There is no bundle for this phone on the stick."),
    StickCode.IDENTITY_WRITTEN: word("The phone's identity is on the stick."),
    StickCode.COPY_WRITTEN: word("Your files are on the stick."),
    StickCode.COPY_NOT_WRITTEN: word("Your files are not on the stick. Is it full?"),
    StickCode.COPY_READ: word("The copy has been read."),
    StickCode.COPY_NOT_WANTED: word("To bring it back: Menu, Privacy, My data, A copy."),
    StickCode.STICK_GONE: word("The stick was pulled out too early. Plug it in again."),
    StickCode.STICK_UNREADABLE: word("The stick cannot be read. Format it as FAT and copy again."),
}
"""Why, and what to do about it."""

_CODES_ON_CARD: Final = {
    **CODES,
    OutcomeCode.FIRMWARE_SUPERSEDED: word(
        "There is firmware in it. Leave that out: put a .raucb file beside it, or write a new card."
    ),
}


def other_fleet(bundle_fleet: str, own_fleet: str) -> Word:
    """Say of a bundle for another fleet which that is, and which this phone's own."""
    return word("It is for fleet {bundle}, not {own}.", bundle=bundle_fleet, own=own_fleet)


def reasons(*, on_card: bool) -> Mapping[BundleCode, Word]:
    """Return why, as it is said on a phone that runs from a card of ours, or on any other."""
    return _CODES_ON_CARD if on_card else CODES
