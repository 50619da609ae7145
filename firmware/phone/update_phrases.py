"""What is said of updates of the firmware: why one was not taken, and what becomes of it, with what to do about it."""

from collections.abc import Mapping
from typing import Final

from contract.results import BundleCode, OutcomeCode
from firmware.base.words import Text, Word, word
from firmware.phone.bundle_reasons import CODES
from firmware.phone.updates import UpdateKind, UpdateStage, UpdateTold

_DAMAGED: Final = word("The update is damaged. Copy or publish it again.")

UPDATE_CODES: Final[Mapping[BundleCode, Word]] = {
    OutcomeCode.APPLIED: word("The update works."),
    OutcomeCode.INSTALLED: word("Installed. The phone restarts to try it."),
    OutcomeCode.POSTPONED: word("The update was put off."),
    OutcomeCode.WENT_BACK: word("The update did not work. The old version runs."),
    OutcomeCode.NOT_FOR_THIS: word("The update is for other hardware."),
    OutcomeCode.BY_PACKAGE: word("apt updates this phone. No file is needed."),
    OutcomeCode.BELOW_FLOOR: word("This version is no longer safe. Use a newer one."),
    OutcomeCode.NOT_NEWER: word("The phone has this version or a newer one."),
    OutcomeCode.KEY_REVOKED: word("Its key was taken back. Get the update anew."),
    OutcomeCode.NO_PROOF: word("Its proof is missing. Put its .proof file beside it."),
    OutcomeCode.WRONG_SIZE: word("The update has the wrong size. Publish it again."),
    OutcomeCode.WRONG_HASH: word("This is not the update that was announced."),
    OutcomeCode.UNREACHABLE: word("The update's server does not answer. Trying again."),
    OutcomeCode.SERVER_WRONG: word("The update's server is wrong. Tell your operator."),
    OutcomeCode.STALLED: word("The download stopped. Trying again."),
    OutcomeCode.DAMAGED: _DAMAGED,
    OutcomeCode.UNREADABLE: _DAMAGED,
    OutcomeCode.TOO_LARGE: word("The update is too large for this phone."),
    OutcomeCode.BUSY: word("Another update is under way. Try again later."),
}
"""What is said otherwise of updates than of bundles, or of updates alone."""

KINDS: Final[Mapping[UpdateKind, Word]] = {
    UpdateKind.SECURITY: word("Security"),
    UpdateKind.FEATURE: word("New features"),
}

RESTARTS_NOW: Final = word("Restarts now. Back in a minute or two.")
ANY_KEY: Final = word("Any key: later")


def update_reason(code: BundleCode) -> Word:
    """Say what a code means of an update."""
    return UPDATE_CODES.get(code) or CODES.get(code) or CODES[OutcomeCode.FAILED]


def restart_words(told: UpdateTold) -> Text:
    """Say when the phone restarts."""
    return word("Restarts in {s} s", s=told.restarts_in_s) if told.restarts_in_s else RESTARTS_NOW


def restart_sentence(told: UpdateTold) -> Text:
    """Say the same in a sentence, with what to do about it."""
    return word("Restarts in {s} s. Any key: later.", s=told.restarts_in_s) if told.restarts_in_s else RESTARTS_NOW


def idle_words(told: UpdateTold) -> Text:
    """Say on a phone that nobody uses what there is to know; empty where nothing is."""
    if not told.is_worth_a_word:
        return ""
    return word("Update did not work") if told.stage is UpdateStage.ENDED else word("Update tonight")
