"""What travels from the handset to whoever brings a bundle."""

from firmware.control.requests import Answer, Offer


class BundleOffered(Answer):
    """Pieces are awaited under this name."""

    offer: Offer


class NetworkBundleOffered(Answer):
    """Pieces are awaited under this name; where there is none, the bundle is known and need not come."""

    offer: Offer | None
