"""What travels from the handset to whoever brings a bundle."""

from firmware.control.requests import Answer, Offer


class BundleOffered(Answer):
    """Pieces are awaited under this name."""

    offer: Offer
