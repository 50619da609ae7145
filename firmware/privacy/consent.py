"""The consent ledger: what the holder agreed to and when, as an append-only chain of hashes.

Each entry's hash covers its content and the hash of the entry before it, so that no entry can be changed, dropped or
reordered unnoticed. A chain alone does not show that its newest entries are missing, which would bring a withdrawn
consent back: whoever keeps the ledger keeps its head apart, and `verify` compares the two.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final, Self

from firmware.phone.purpose import Purpose

GENESIS_HASH: Final = "0" * 64
"""Stands for the entry before the first."""


class ConsentAction(StrEnum):
    """What the holder did."""

    GRANT = "grant"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The newest entry: how many there are and its hash."""

    entries: int = 0
    hash: str = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """One line of the ledger.

    Attributes:
        number: 1 for the first entry, then one more each.
        action: what the holder did.
        purpose: for which purpose.
        at: RFC 3339 UTC time with milliseconds, by the handset's clock; the order is that of the numbers, not of this.
        policy_version: the policy that was in force.
        previous_hash: the hash of the entry before, GENESIS_HASH for the first.
        hash: SHA-256 over all of the above, in hexadecimal.
    """

    number: int
    action: ConsentAction
    purpose: Purpose
    at: str
    policy_version: str
    previous_hash: str
    hash: str

    @classmethod
    def follow(cls, head: LedgerHead, action: ConsentAction, purpose: Purpose, *, at: str, policy_version: str) -> Self:
        """Make the entry that comes after `head`."""
        draft = cls(head.entries + 1, action, purpose, at, policy_version, head.hash, hash="")
        return replace(draft, hash=_hash_of(draft))

    @property
    def head(self) -> LedgerHead:
        """The ledger's head once this entry is its newest."""
        return LedgerHead(self.number, self.hash)

    def holds(self) -> bool:
        """Tell whether the hash fits the content."""
        return self.hash == _hash_of(self)


@dataclass(frozen=True, slots=True)
class PurposeConsent:
    """The answer that stands for one purpose.

    Attributes:
        granted: whether the holder agrees.
        entry_number: the ledger entry that says so; 0 where the holder was never asked.
        since: that entry's time; empty where the holder was never asked.
    """

    granted: bool = False
    entry_number: int = 0
    since: str = ""


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What the ledger amounts to.

    Attributes:
        intact: the chain verifies; where it does not, no purpose is granted.
        head: the newest entry.
        purposes: the answer for every purpose.
    """

    intact: bool
    head: LedgerHead
    purposes: dict[Purpose, PurposeConsent]

    @classmethod
    def broken(cls, head: LedgerHead) -> Self:
        """What a ledger that does not verify amounts to: a no to everything."""
        return cls(False, head, dict.fromkeys(Purpose, PurposeConsent()))

    def granted(self, purpose: Purpose) -> bool:
        """Tell whether a purpose is granted now."""
        return self.purposes[purpose].granted


def verify(chain: Sequence[ConsentEntry], head: LedgerHead) -> bool:
    """Tell whether a chain is whole, unchanged and ends at the head that was kept apart."""
    expected = LedgerHead()
    for entry in chain:
        if entry.number != expected.entries + 1 or entry.previous_hash != expected.hash or not entry.holds():
            return False
        expected = entry.head
    return expected == head


def current_state(chain: Sequence[ConsentEntry], head: LedgerHead) -> ConsentState:
    """Read the chain; one that does not verify counts as a no to everything."""
    if not verify(chain, head):
        return ConsentState.broken(head)
    purposes = dict.fromkeys(Purpose, PurposeConsent())
    for entry in chain:
        purposes[entry.purpose] = PurposeConsent(entry.action is ConsentAction.GRANT, entry.number, entry.at)
    return ConsentState(True, head, purposes)


def _hash_of(entry: ConsentEntry) -> str:
    # Sorted keys, no spaces, ASCII: for strings and whole numbers this is RFC 8785's canonical JSON.
    content = asdict(entry)
    del content["hash"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
