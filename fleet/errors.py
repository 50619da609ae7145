"""What goes wrong for whoever looks after many handsets."""


class FleetError(Exception):
    """Base of all errors of this package; its text is a sentence for people."""
