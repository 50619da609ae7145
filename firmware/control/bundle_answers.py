"""What travels from the handset to whoever brings a bundle."""

from contract.results import OutcomeCode
from firmware.control.requests import Answer, Offer


class BundleOffered(Answer):
    """Pieces are awaited under this name; where there is none, no bundle is taken now, and why."""

    offer: Offer | None
    refusal: OutcomeCode | None = None


class NetworkBundleOffered(Answer):
    """Pieces are awaited under this name; where there is none, the bundle is known and need not come."""

    offer: Offer | None
