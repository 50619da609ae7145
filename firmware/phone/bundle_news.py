"""What the phone hears of a bundle, and what whoever stands before it answers."""

from dataclasses import dataclass, field
from enum import StrEnum

from contract.results import BundleCode, BundleResult
from firmware.phone.call import RegistrationFailure
from firmware.phone.request import Request


class BundleStep(StrEnum):
    """What is being done with a bundle, in this order; after REVERTING the configuration from before runs again.

    READING: it comes from the stick. CHECKING: its signature and everything in it. ASKING: a person is asked.
    WAITING_FOR_CALL: a call goes on, which is never cut. NETWORK: what needs root is done. LINES: each account
    registers. BROKER: it answers. SOUND: earpiece and microphone open. KEEPING: it is written down as the
    one that counts. UPDATE, after all of these or alone: the firmware on the stick is installed.
    """

    READING = "reading"
    CHECKING = "checking"
    ASKING = "asking"
    WAITING_FOR_CALL = "waiting_for_call"
    NETWORK = "network"
    LINES = "lines"
    BROKER = "broker"
    SOUND = "sound"
    KEEPING = "keeping"
    REVERTING = "reverting"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class BundleStepStarted:
    """A step has begun, or has come further.

    After the phone has started anew for the trial the step that goes on is told again.

    Attributes:
        step: which one.
        percent: how much of UPDATE is done, told again and again.
        by_stick: a stick has brought the bundle; what the operator sends takes nobody's display.
        by_lan: it was found on the local network by a phone that is not set up.
    """

    step: BundleStep
    percent: int = 0
    by_stick: bool = True
    by_lan: bool = False


@dataclass(frozen=True, slots=True)
class BundleAddressShown:
    """The network of a phone that is not set up names an address where bundles are; nobody asks there without a yes.

    AnswerBundleAddress is the answer.
    """

    address: str


@dataclass(frozen=True, slots=True)
class BundleSignerShown:
    """No key is pinned yet: whoever stands before the phone is to compare the words that stand for the signer's key.

    AnswerBundleSigner is the answer.
    """

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BundleCodeWanted:
    """The bundle's passwords are sealed to a code that is to be typed: for the first time, or again after a wrong one.

    TryBundleCode or GiveUpBundleCode is the answer.

    Attributes:
        tries_left: so many codes may still be typed.
        wrong: the last one was.
    """

    tries_left: int
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class BundleEnded:
    """It is known what became of a bundle; a bundle of which nothing was heard before may end, too.

    Attributes:
        result: that.
        code: why it was not applied.
        number: the bundle's number; None where it could not be read.
        failure: why a line did not register, where that is the reason.
        bundle_fleet, own_fleet: of a bundle for another fleet that one, and the phone's; empty otherwise.
        by_stick: a stick has brought the bundle.
        by_lan: it was found on the local network.
        on_card: the phone runs from a card of ours, and no package was installed.
        is_update: it was no bundle but an update of the firmware.
        version: the update's, where it is known.
    """

    result: BundleResult
    code: BundleCode = ""
    number: int | None = None
    failure: RegistrationFailure | None = None
    bundle_fleet: str = ""
    own_fleet: str = ""
    by_stick: bool = True
    by_lan: bool = False
    on_card: bool = False
    is_update: bool = False
    version: str = ""


@dataclass(frozen=True, slots=True)
class StickReported:
    """Nothing is written to the stick any more: it may be taken out.

    `written` is False where the report could not be left on it.
    """

    written: bool = True


@dataclass(frozen=True, slots=True)
class StickRemoved:
    """The stick was taken out."""


BundleQuestion = BundleAddressShown | BundleSignerShown | BundleCodeWanted
BundleNews = BundleStepStarted | BundleQuestion | BundleEnded | StickReported | StickRemoved


@dataclass(frozen=True, slots=True)
class AnswerBundleAddress(Request[None]):
    """Fetch bundles from the address that was shown, or do not."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class AnswerBundleSigner(Request[None]):
    """Trust the key whose words were shown from now on, or do not."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class TryBundleCode(Request[None]):
    """Open the bundle's passwords with the code that was typed."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GiveUpBundleCode(Request[None]):
    """Apply nothing: nobody here knows the code."""
