"""Keeps to the rates at which the handset's gate lets messages in, so that they get behind it."""

import threading
from typing import Final

from firmware.sip.gate import TokenBucket
from tests.lab.fuzzer.corpus import Kind

_PER_S: Final = {Kind.INVITE: 5.0, Kind.OTHER: 18.0, Kind.IN_DIALOG: 18.0}
_TURN_S: Final = 0.01


class Pace:
    """One bucket for each kind that the gate counts."""

    def __init__(self) -> None:
        self._buckets = {kind: TokenBucket(rate, rate) for kind, rate in _PER_S.items()}

    def wait_for(self, kind: Kind) -> None:
        """Wait until one more of a kind will be let in."""
        bucket = self._buckets.get(kind)
        while bucket is not None and not bucket.take():
            threading.Event().wait(_TURN_S)
