"""The base of what provisioning raises."""


class ProvisioningError(Exception):
    """Set-up material (a configuration, later a bundle) cannot be used; `mistakes` lists every reason as a sentence."""

    def __init__(self, message: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes
