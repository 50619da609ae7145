"""Malformed messages by number: the same seed and number give the same message, whatever was made before."""

import random
from dataclasses import dataclass
from typing import Final, Self

from tests.lab.fuzzer.corpus import Kind, make
from tests.lab.fuzzer.message import Context
from tests.lab.fuzzer.mutations import BYTE_MUTATIONS, LARGEST, MUTATIONS

# The handset's gate lets only a few INVITEs a second in, so that more of them would only make the run longer.
_WEIGHTS: Final = {Kind.INVITE: 10, Kind.IN_DIALOG: 40, Kind.OTHER: 30, Kind.RESPONSE: 20}


@dataclass(frozen=True, slots=True)
class Case:
    """One malformed message, yet to be made.

    Attributes:
        seed, number: make the same message again.
    """

    seed: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote."""
        seed, _, number = text.partition("/")
        return cls(int(seed), int(number))

    def __str__(self) -> str:
        return f"{self.seed}/{self.number}"

    @property
    def kind(self) -> Kind:
        """What the message was before it was broken."""
        return random.Random(f"kind {self}").choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]

    def make(self, context: Context, kind: Kind | None = None) -> bytes:
        """Make the message.

        Args:
            context: where it goes to.
            kind: another than its own, for the answer to a request.
        """
        rng = random.Random(str(self))
        message = make(kind or self.kind, rng, context)
        for mutation in rng.sample(MUTATIONS, rng.choice((0, 1, 1, 1, 2, 3))):
            mutation(message, rng)
        data = message.to_bytes()
        for byte_mutation in rng.sample(BYTE_MUTATIONS, rng.choice((0, 0, 1))):
            data = byte_mutation(data, rng)
        return data[:LARGEST]
