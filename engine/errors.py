"""What goes wrong while the SIP library is built."""


class EngineError(Exception):
    """A sentence for the person who builds: what happened, to what, and what to do."""
