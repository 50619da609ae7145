"""What becomes of the errands of `key_errands`, and what the phone hears of the store's keys by itself."""

from dataclasses import dataclass

from firmware.phone.pin import Guard


@dataclass(frozen=True, slots=True)
class StoreGuarded:
    """What the thief of the memory card lacks, as the handset says at the start and after each change."""

    guards: frozenset[Guard]


@dataclass(frozen=True, slots=True)
class StoreWaitsForPin:
    """The store stays closed until somebody types the PIN: nothing that is kept in it is known yet."""


KeyAnswer = StoreGuarded | StoreWaitsForPin
