"""What becomes of a bundle and of the operator's messages, in the codes that display, report, wire and fleet share."""

from enum import StrEnum
from typing import Literal


class BundleResult(StrEnum):
    """What became of a bundle.

    APPLIED: it counts. REFUSED: it was never tried. REVERTED: it was tried and failed; the one before counts.
    INTERRUPTED: the stick was pulled out, or the power went; the one before counts. NOTHING_TO_DO: there was nothing on
    the stick that this handset does not have.
    """

    APPLIED = "applied"
    REFUSED = "refused"
    REVERTED = "reverted"
    INTERRUPTED = "interrupted"
    NOTHING_TO_DO = "nothing_to_do"


class OutcomeCode(StrEnum):
    """What became of a message of the operator's, or why a bundle is refused, however it came.

    Of signed documents alone. WRONG_KIND, WRONG_SCOPE: another kind is wanted; it is for others. REPLAYED: the handset
    has it. UNKNOWN_REQUEST, REQUEST_CLOSED: it answers what this holder never asked, or what waits for no
    answer.

    Of these and of bundles. TOO_LARGE: it, or something in it, is beyond what a handset takes. UNREADABLE: it is none,
    was cut short or damaged, or has something in it that does not belong there. UNKNOWN_KEY: the handset does not trust
    its signer with it. FORGED: the signature does not fit. EXPIRED, NOT_YET_VALID: its time is over, or has not come.
    OLD: the handset has had one with this number, or a higher one. FAILED: the handset could not do what it says, for a
    reason that is in its own log.

    Of bundles alone. UNSUPPORTED: it was made for newer firmware. FIRMWARE_SUPERSEDED: it has firmware in it, which
    bundles bring no more. FIRMWARE_NOT_SIGNED_FOR, FIRMWARE_BY_NETWORK, REVERTED_FIRMWARE: only older firmware says so;
    they are read until 2027-12. WRONG_SERIAL, WRONG_FLEET: it is for other handsets. REVERTED_BEFORE: the handset tried
    this one already and went back. MISTAKES: its configuration, or something else in it, has mistakes. LOCKED_OUT: its
    configuration trusts no key with bundles: no later bundle could be taken. NO_SECRETS: passwords are missing: none
    are sealed for this handset or to a code, and it has none of before. SEALED_FOR_ANOTHER: the secrets do not open
    with this handset's key. WRONG_CODE: they do not open with the code that was typed. NOT_ACCEPTED: the holder did not
    accept its signer, or typed no code. BUSY: another bundle is being taken. NO_SPACE: the handset's card is full.
    REVERTED_…: it was tried, and this check (`CheckName`) sent it back.

    Of updates alone, beside APPLIED, where the phone runs from it and it works. INSTALLED: it is in the other slot and
    waits for its trial. POSTPONED: it waits because the holder said later. WENT_BACK: its trial failed, and the phone
    runs from what it ran from before. NOT_FOR_THIS: it is for other hardware. BY_PACKAGE: this phone is a package that
    apt updates. BELOW_FLOOR: its version is below the lowest that is safe. NOT_NEWER: its version is not above the one
    that runs. KEY_REVOKED: its signer's certificate was taken back. NO_PROOF: it is not shown to stand in the
    transparency log. WRONG_SIZE, WRONG_HASH: it is not what the operator announced. UNREACHABLE: its server does not
    answer. SERVER_WRONG: its server answers what was not asked for. STALLED: its server stopped in the middle. DAMAGED:
    it cannot be read whole, or does not fit its signature.
    """

    TAKEN = "taken"
    SHOWN = "shown"
    ACKNOWLEDGED = "acknowledged"
    IN_FORCE = "in_force"
    NOT_GRANTED = "not_granted"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    WRONG_SCOPE = "wrong_scope"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    OLD = "old"
    REPLAYED = "replayed"
    UNKNOWN_REQUEST = "unknown_request"
    REQUEST_CLOSED = "request_closed"
    FAILED = "failed"

    APPLIED = "applied"
    UNSUPPORTED = "unsupported"
    FIRMWARE_SUPERSEDED = "firmware_superseded"
    FIRMWARE_NOT_SIGNED_FOR = "firmware_not_signed_for"
    FIRMWARE_BY_NETWORK = "firmware_by_network"
    WRONG_SERIAL = "wrong_serial"
    WRONG_FLEET = "wrong_fleet"
    REVERTED_BEFORE = "reverted_before"
    MISTAKES = "mistakes"
    LOCKED_OUT = "locked_out"
    NO_SECRETS = "no_secrets"
    SEALED_FOR_ANOTHER = "sealed_for_another"
    WRONG_CODE = "wrong_code"
    NOT_ACCEPTED = "not_accepted"
    BUSY = "busy"
    NO_SPACE = "no_space"
    REVERTED_NETWORK = "reverted_network"
    REVERTED_FIRMWARE = "reverted_firmware"
    REVERTED_LINES = "reverted_lines"
    REVERTED_BROKER = "reverted_broker"
    REVERTED_SOUND = "reverted_sound"
    REVERTED_MICROPHONE = "reverted_microphone"
    REVERTED_START = "reverted_start"

    INSTALLED = "installed"
    POSTPONED = "postponed"
    WENT_BACK = "went_back"
    NOT_FOR_THIS = "not_for_this"
    BY_PACKAGE = "by_package"
    BELOW_FLOOR = "below_floor"
    NOT_NEWER = "not_newer"
    KEY_REVOKED = "key_revoked"
    NO_PROOF = "no_proof"
    WRONG_SIZE = "wrong_size"
    WRONG_HASH = "wrong_hash"
    UNREACHABLE = "unreachable"
    SERVER_WRONG = "server_wrong"
    STALLED = "stalled"
    DAMAGED = "damaged"


class CheckName(StrEnum):
    """What is tried before a bundle holds, and what else of it is taken in once it does.

    NETWORK: what it says about Wi-Fi, Ethernet and the clock could be set.
    FIRMWARE: what it brought could be installed, and runs. Only older firmware says so; it is read until 2027-12.
    LINES: an account registers with its server.
    BROKER: the broker lets the handset in.
    SOUND: the earpiece opens, and the loudspeaker where there is one.
    MICROPHONE: so does the microphone, which is shut again before it records anything.
    START: the handset starts with it.
    CONTACTS, PICTURES: those that it brings were taken in; the holder has to agree to that.
    DOCUMENTS: policies and notices were taken in.
    RING_TONES: the phone can ring with the tone that the configuration names.
    CLOCK: it may be right; there only where it cannot be.
    HARDWARE: a part of the hardware does what it should, as somebody found by the self-test; it is of no bundle.
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
    HARDWARE = "hardware"


class HardwarePart(StrEnum):
    """What the self-test of the hardware tries, in its order."""

    KEYS = "keys"
    HOOK = "hook"
    EAR = "ear"
    MICROPHONE = "microphone"
    RING = "ring"
    LIGHT = "light"


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
    NOT_NOTICED = "not_noticed"
    NOT_TRIED = "not_tried"
    # Nothing says so now; it may stand in what a handset or a stick keeps.
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


class StickCode(StrEnum):
    """What came of a stick that brought no bundle for this handset, and what is wrong with the stick itself."""

    NO_BUNDLE = "no_bundle"
    IDENTITY_WRITTEN = "identity_written"
    COPY_WRITTEN = "copy_written"
    COPY_NOT_WRITTEN = "copy_not_written"
    COPY_READ = "copy_read"
    COPY_NOT_WANTED = "copy_not_wanted"
    STICK_GONE = "stick_gone"
    STICK_UNREADABLE = "stick_unreadable"


ReportCode = OutcomeCode | CheckName | Literal[""]
"""Why a bundle was refused, or which check sent it back; empty where there is nothing to say."""

BundleCode = ReportCode | StickCode
"""Why a bundle was not applied, or what was done in its place."""
