"""One root error, one subclass for each layer; adapters translate vendor exceptions into these."""

from contract.results import OutcomeCode
from firmware.base.words import Word


class HandsetError(Exception):
    """Something in the handset failed. The message says what happened, to what, and what to do about it."""


class ConfigurationError(HandsetError):
    """The configuration cannot be used.

    Attributes:
        mistakes: every mistake found, each a full sentence that names its place.
    """

    def __init__(self, message: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


class DialPlanError(HandsetError):
    """What was dialled matches no rule of the dial plan."""


class BundleError(HandsetError):
    """A bundle cannot be taken in, tried or kept.

    Attributes:
        refusal: what whoever brought it is told of that.
    """

    def __init__(self, message: str, refusal: OutcomeCode = OutcomeCode.FAILED) -> None:
        super().__init__(message)
        self.refusal = refusal


class SipError(HandsetError):
    """The SIP stack could not do what was asked."""


class MediaError(HandsetError):
    """The audio path could not be opened or kept running."""


class StorageError(HandsetError):
    """The encrypted store cannot be opened, read or written."""


class PictureError(HandsetError):
    """A file is not a picture that can be used.

    Attributes:
        words: why, for the person.
    """

    def __init__(self, words: Word) -> None:
        super().__init__(words.text.format_map(dict(words.values)))
        self.words = words


class NotGrantedError(HandsetError):
    """The holder has not agreed to what was about to be done.

    Attributes:
        words: what and how to agree, for the person.
    """

    def __init__(self, message: str, words: Word) -> None:
        super().__init__(message)
        self.words = words


class ControlError(HandsetError):
    """A request on a local socket was refused or could not be answered."""


class RequestRefusedError(ControlError):
    """The handset is there and does not do what was asked."""


class BundleNotTakenError(RequestRefusedError):
    """The handset is there and takes no bundle now.

    Attributes:
        refusal: why.
    """

    def __init__(self, refusal: OutcomeCode) -> None:
        super().__init__(f"The handset takes no bundle now: {refusal}.")
        self.refusal = refusal


class LanServerError(HandsetError):
    """A server of bundles is not there, or does not answer as one does.

    Attributes:
        refusal: which of these, for whoever named the server to be told.
    """

    def __init__(self, message: str, refusal: OutcomeCode = OutcomeCode.SERVER_WRONG) -> None:
        super().__init__(message)
        self.refusal = refusal


class StickError(HandsetError):
    """A stick cannot be read or written, or was taken out."""
