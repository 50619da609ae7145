"""What travels from the handset to whoever brings a bundle."""

from firmware.control.requests import Answer, Offer
from provisioning.refusal import BundleRefusal


class BundleOffered(Answer):
    """Pieces are awaited under this name; where there is none, no bundle is taken now, and why."""

    offer: Offer | None
    refusal: BundleRefusal | None = None


class NetworkBundleOffered(Answer):
    """Pieces are awaited under this name; where there is none, the bundle is known and need not come."""

    offer: Offer | None
