"""The base of what provisioning raises."""

from typing import NoReturn

from contract.results import OutcomeCode


class ProvisioningError(Exception):
    """Set-up material (a configuration, later a bundle) cannot be used; `mistakes` lists every reason as a sentence."""

    def __init__(self, message: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


class BundleRefusedError(ProvisioningError):
    """A bundle is not taken.

    Attributes:
        refusal: why, as a code.
    """

    def __init__(self, refusal: OutcomeCode, message: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message, mistakes)
        self.refusal = refusal


def refuse(refusal: OutcomeCode, message: str) -> NoReturn:
    """Refuse a bundle.

    Raises:
        BundleRefusedError: always.
    """
    raise BundleRefusedError(refusal, message)
