"""Why a bundle is not taken."""

from enum import StrEnum
from typing import NoReturn

from provisioning.errors import ProvisioningError


class BundleRefusal(StrEnum):
    """Why a bundle is not taken.

    TOO_LARGE: the file, or something in it, is beyond what a handset takes.
    UNREADABLE: it is no bundle, was cut short or damaged, or has something in it that no bundle has.
    UNSUPPORTED: it was made for newer firmware.
    UNKNOWN_KEY: its signer is not one of those that the handset trusts with bundles.
    FORGED: the signature does not fit.
    FIRMWARE_NOT_SIGNED_FOR: it has firmware in it, and its signer may sign bundles, but not firmware.
    FIRMWARE_BY_NETWORK: it has firmware in it and came over MQTT; firmware comes by stick.
    WRONG_SERIAL, WRONG_FLEET: it is for other handsets.
    EXPIRED, NOT_YET_VALID: its time is over, or has not come.
    OLD: the handset has had one with this number, or a higher one.
    REVERTED_BEFORE: the handset tried this one already and went back.
    MISTAKES: its configuration, or something else in it, has mistakes.
    LOCKED_OUT: its configuration trusts no key with bundles: no later bundle could be taken.
    NO_SECRETS: passwords are missing: none are sealed for this handset or to a code, and it has none of before.
    SEALED_FOR_ANOTHER: the secrets do not open with this handset's key.
    WRONG_CODE: the secrets do not open with the code that was typed.
    NOT_ACCEPTED: the holder did not accept its signer, or typed no code.
    BUSY: another bundle is being taken.
    NO_SPACE: the handset's card is full.
    FAILED: the handset could not do what it says, for a reason that is in its own log.
    """

    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    FIRMWARE_NOT_SIGNED_FOR = "firmware_not_signed_for"
    FIRMWARE_BY_NETWORK = "firmware_by_network"
    WRONG_SERIAL = "wrong_serial"
    WRONG_FLEET = "wrong_fleet"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    OLD = "old"
    REVERTED_BEFORE = "reverted_before"
    MISTAKES = "mistakes"
    LOCKED_OUT = "locked_out"
    NO_SECRETS = "no_secrets"
    SEALED_FOR_ANOTHER = "sealed_for_another"
    WRONG_CODE = "wrong_code"
    NOT_ACCEPTED = "not_accepted"
    BUSY = "busy"
    NO_SPACE = "no_space"
    FAILED = "failed"


class BundleRefusedError(ProvisioningError):
    """A bundle is not taken.

    Attributes:
        refusal: why, as a code.
    """

    def __init__(self, refusal: BundleRefusal, message: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message, mistakes)
        self.refusal = refusal


def refuse(refusal: BundleRefusal, message: str) -> NoReturn:
    """Refuse a bundle.

    Raises:
        BundleRefusedError: always.
    """
    raise BundleRefusedError(refusal, message)
