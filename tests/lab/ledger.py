"""Chains of ledger entries, in both formats, made without a store."""

import hashlib
import json
from collections.abc import Sequence
from typing import Final

from contract.consent import Actor, Channel, ClockTrust, Purpose
from firmware.privacy.catalogue import POLICY_VERSION
from firmware.privacy.consent import (
    NO_ENTRIES,
    ConsentState,
    LedgerAction,
    LedgerEntry,
    LedgerHead,
    find_damage,
)

AT: Final = "2026-03-01T10:00:00.000Z"

Step = tuple[LedgerAction, str]


def chain_of(*steps: Step | LedgerAction, old: int = 0) -> tuple[LedgerEntry, ...]:
    """Make a chain; an action alone is about the sync of call records. The first `old` entries are of format 1."""
    head = LedgerHead()
    chain: list[LedgerEntry] = []
    for step in steps:
        action, about = step if isinstance(step, tuple) else (step, Purpose.CDR_SYNC.value)
        if len(chain) < old:
            chain.append(entry_of_format_1(head, action, about))
        else:
            chain.append(follow(head, action, about))
        head = chain[-1].head
    return tuple(chain)


def follow(head: LedgerHead, action: LedgerAction, about: str, at: str = AT) -> LedgerEntry:
    """Make the entry that comes after a head, typed by the holder."""
    return LedgerEntry.follow(
        head,
        action,
        about,
        actor=Actor.HOLDER,
        channel=Channel.KEYPAD,
        at=at,
        clock=ClockTrust.SYNCED,
        policy_version=POLICY_VERSION,
    )


def entry_of_format_1(head: LedgerHead, action: LedgerAction, about: str) -> LedgerEntry:
    """Make an entry as the first firmware did."""
    content = {
        "action": action.value,
        "at": AT,
        "number": head.entries + 1,
        "policy_version": POLICY_VERSION,
        "previous_hash": head.hash,
        "purpose": about,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return LedgerEntry(
        head.entries + 1, action, about, AT, POLICY_VERSION, head.hash, digest, None, None, None, format=1
    )


def head_of(chain: Sequence[LedgerEntry]) -> LedgerHead:
    """Return the head that is kept apart of a whole chain."""
    return chain[-1].head if chain else LedgerHead()


def verify(chain: Sequence[LedgerEntry], head: LedgerHead) -> bool:
    """Tell whether a chain is whole, unchanged and ends at the head that was kept apart."""
    return find_damage(chain, head) is None


def current_state(chain: Sequence[LedgerEntry], head: LedgerHead) -> ConsentState:
    """Read a chain as the store reads its ledger; one that does not verify counts as a no to everything."""
    damage = find_damage(chain, head)
    return ConsentState.broken(head, damage) if damage is not None else NO_ENTRIES.followed_by(chain).state
