"""What whoever stands before the phone answers about a bundle; news of `bundle_news` follow."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AnswerBundleSigner:
    """Trust the key whose words were shown from now on, or do not."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class TryBundleCode:
    """Open the bundle's passwords with the code that was typed."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GiveUpBundleCode:
    """Apply nothing: nobody here knows the code."""


BundleErrand = AnswerBundleSigner | TryBundleCode | GiveUpBundleCode
