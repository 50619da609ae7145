"""The consent ledger: what the holder agreed to, asked for and was shown, as an append-only chain of hashes.

Each entry's hash covers its content and the hash of the entry before it, so that no entry can be changed, dropped or
reordered unnoticed. A chain alone does not show that its newest entries are missing, which would bring a withdrawn
consent back: whoever keeps the ledger keeps its head apart, and `find_damage` compares the two.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

from contract.consent import Actor, Channel, ClockTrust, Purpose

GENESIS_HASH: Final = "0" * 64
"""Stands for the entry before the first."""

FORMAT: Final = 2
"""The format of new entries. Entries of format 1 know no actor, channel and clock, and were all consents."""

_ABOUT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}")


class LedgerAction(StrEnum):
    """What an entry tells of, and in brackets what it is about.

    GRANT: the holder said yes (a purpose). REFUSE: asked for the first time, the holder said no (a purpose).
    WITHDRAW: a yes was taken back (a purpose). LAPSE: the purpose changed, so that no earlier answer counts any more
    (a purpose).
    NUMBER_PROVED, NUMBER_UNPROVED: the line's number was proved to be its holder's, or not (how, or why not).
    ACTIVATE: the phone was set up by its holder (the age band). DEACTIVATE: it was given back (the reason).
    POLICY_SHOWN, POLICY_IN_FORCE: a policy was seen on the display, took effect (its version).
    CATALOGUE_IN_FORCE: another wording of the purposes took effect (its version).
    NOTICE_SHOWN, NOTICE_ACKNOWLEDGED: one of the operator's notices (its id).
    REQUEST: the holder asked the operator for something (what for, and the request's number).
    REQUEST_ANSWERED: the operator answered it, or the holder closed it (how, and the number).
    OBJECTION: the holder objects to an answer, so that the request waits again (the decision, and the number).
    CHECK_FAILED: whoever asked for one of the holder's rights did not prove to be the holder (the right).
    EXPORT: a copy was handed out (what of). ERASE: something was forgotten (what).
    RECIPIENT_ERASED: a recipient says that it has forgotten it too (the erasure notice's id).
    RECIPIENT_SILENT: not all recipients said in time that they have forgotten somebody (whom).
    OVERRIDE: the holder overruled what the handset had decided by itself (the rule).
    """

    GRANT = "grant"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    NUMBER_PROVED = "number_proved"
    NUMBER_UNPROVED = "number_unproved"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    POLICY_SHOWN = "policy_shown"
    POLICY_IN_FORCE = "policy_in_force"
    CATALOGUE_IN_FORCE = "catalogue_in_force"
    NOTICE_SHOWN = "notice_shown"
    NOTICE_ACKNOWLEDGED = "notice_acknowledged"
    REQUEST = "request"
    REQUEST_ANSWERED = "request_answered"
    OBJECTION = "objection"
    CHECK_FAILED = "check_failed"
    EXPORT = "export"
    ERASE = "erase"
    RECIPIENT_ERASED = "recipient_erased"
    RECIPIENT_SILENT = "recipient_silent"
    OVERRIDE = "override"


ANSWERS: Final = frozenset({LedgerAction.GRANT, LedgerAction.REFUSE, LedgerAction.WITHDRAW, LedgerAction.LAPSE})
"""The actions that are about a purpose and change what may be done for it."""


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The newest entry: how many there are and its hash."""

    entries: int = 0
    hash: str = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the ledger.

    Attributes:
        number: 1 for the first entry, then one more each.
        action: what it tells of.
        about: a purpose, or what names a policy, a request and so on; never anybody's number, name or words.
        at: RFC 3339 UTC time with milliseconds, by the handset's clock; the order is that of the numbers, not of this.
        policy_version: the policy that was in force.
        previous_hash: the hash of the entry before, GENESIS_HASH for the first.
        hash: SHA-256 over all the rest, in hexadecimal.
        actor, channel, clock: who decided, how it was said and how good the clock was; None in format 1.
        format: how the hash is made.
    """

    number: int
    action: LedgerAction
    about: str
    at: str
    policy_version: str
    previous_hash: str
    hash: str
    actor: Actor | None = None
    channel: Channel | None = None
    clock: ClockTrust | None = None
    format: int = FORMAT

    @classmethod
    def follow(
        cls,
        head: LedgerHead,
        action: LedgerAction,
        about: str,
        *,
        actor: Actor,
        channel: Channel,
        at: str,
        clock: ClockTrust,
        policy_version: str,
    ) -> Self:
        """Make the entry that comes after `head`.

        Raises:
            ValueError: an answer is about no purpose, or `about` is not what names something.
        """
        if action in ANSWERS:
            Purpose(about)
        elif not _ABOUT.fullmatch(about):
            raise ValueError("an entry of the ledger is about something that has a short name")
        draft = cls(head.entries + 1, action, about, at, policy_version, head.hash, "", actor, channel, clock)
        return replace(draft, hash=_hash_of(draft))

    @property
    def head(self) -> LedgerHead:
        """The ledger's head once this entry is its newest."""
        return LedgerHead(self.number, self.hash)

    @property
    def purpose(self) -> Purpose | None:
        """The purpose that it answers, None where it tells of something else."""
        return Purpose(self.about) if self.action in ANSWERS else None

    def holds(self) -> bool:
        """Tell whether the hash fits the content, and the content the format."""
        content = (self.actor, self.channel, self.clock)
        if self.format == 1:
            whole = content == (None, None, None) and self.action in {LedgerAction.GRANT, LedgerAction.WITHDRAW}
        else:
            whole = self.format == FORMAT and None not in content
        return whole and self.hash == _hash_of(self)


class Damage(StrEnum):
    """What is wrong with a ledger.

    UNREADABLE: an entry says what no entry can say. CHANGED: an entry's hash does not fit its content. MISSING: an
    entry's number is not the next one. NOT_CHAINED: an entry does not follow the one before it. CUT: the entries end
    before the head that was kept apart, or go on after it. ANOTHER: they end where the head says, but at another entry.
    """

    UNREADABLE = "unreadable"
    CHANGED = "changed"
    MISSING = "missing"
    NOT_CHAINED = "not_chained"
    CUT = "cut"
    ANOTHER = "another"


@dataclass(frozen=True, slots=True)
class DamageFound:
    """The first place where a ledger is not what it was.

    Attributes:
        number: the entry by its place in the chain.
        damage: what is wrong there.
    """

    number: int
    damage: Damage


_DAMAGE_WORDS: Final = {
    Damage.UNREADABLE: "says what no entry can say",
    Damage.CHANGED: "was changed",
    Damage.MISSING: "is missing",
    Damage.NOT_CHAINED: "does not follow the one before it",
    Damage.CUT: "is where the entries and the head that is kept apart part",
    Damage.ANOTHER: "is another one than the head that is kept apart",
}


def damage_words(found: DamageFound) -> str:
    """Say where the ledger is damaged, in a sentence."""
    return f"The consent ledger does not verify: entry {found.number} {_DAMAGE_WORDS[found.damage]}."


@dataclass(frozen=True, slots=True)
class PurposeConsent:
    """The answer that stands for one purpose.

    Attributes:
        granted: whether the holder agrees.
        entry_number: the ledger entry that says so; 0 where the holder was never asked.
        since: that entry's time; empty where the holder was never asked.
        asked: the holder has answered for the purpose as it is now.
    """

    granted: bool = False
    entry_number: int = 0
    since: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What the ledger amounts to.

    Attributes:
        damage: where the chain does not verify, None where it does; while it does not, no purpose is granted.
        head: the newest entry.
        purposes: the answer for every purpose.
        activated: the phone was set up by its holder, who has not declined the service. A ledger that does not verify
            does not undo it, for the phone still calls.
        age_band: what was declared then; empty where nothing was, or where the ledger does not verify.
    """

    damage: DamageFound | None
    head: LedgerHead
    purposes: dict[Purpose, PurposeConsent]
    activated: bool = False
    age_band: str = ""

    @property
    def all_lapsed(self) -> frozenset[Purpose]:
        """The purposes that were answered and have changed since: they are to be asked again."""
        return frozenset(
            purpose for purpose, answer in self.purposes.items() if answer.entry_number and not answer.asked
        )

    @property
    def all_unasked(self) -> frozenset[Purpose]:
        """The purposes that nobody has answered yet; none where that cannot be known."""
        return frozenset(
            purpose for purpose, answer in self.purposes.items() if self.intact and not answer.entry_number
        )

    @classmethod
    def broken(cls, head: LedgerHead, damage: DamageFound) -> Self:
        """What a ledger that does not verify amounts to: a no to everything."""
        return cls(damage, head, dict.fromkeys(Purpose, PurposeConsent()), activated=True)

    @property
    def intact(self) -> bool:
        """Tell whether the chain verifies."""
        return self.damage is None

    def granted(self, purpose: Purpose) -> bool:
        """Tell whether a purpose is granted now."""
        return self.purposes[purpose].granted

    @property
    def all_granted(self) -> frozenset[Purpose]:
        """Every purpose that is granted now."""
        return frozenset(purpose for purpose in Purpose if self.granted(purpose))


@dataclass(frozen=True, slots=True)
class LedgerPrefix:
    """What the entries up to one of them, which verify, amount to.

    Attributes:
        head: the newest of them.
        format: the newest one's.
        purposes: the answer for every purpose.
        age_band: what was declared when the phone was set up; empty where nothing was.
    """

    head: LedgerHead = LedgerHead()
    format: int = 1
    purposes: Mapping[Purpose, PurposeConsent] = field(default_factory=lambda: dict.fromkeys(Purpose, PurposeConsent()))
    age_band: str = ""

    def followed_by(self, chain: Sequence[LedgerEntry]) -> "LedgerPrefix":
        """Return what they amount to together with the entries that come next, which verify too."""
        if not chain:
            return self
        purposes, age_band = dict(self.purposes), self.age_band
        for entry in chain:
            if (purpose := entry.purpose) is not None:
                granted = entry.action is LedgerAction.GRANT
                asked = entry.action is not LedgerAction.LAPSE
                purposes[purpose] = PurposeConsent(granted, entry.number, entry.at, asked)
            elif entry.action is LedgerAction.ACTIVATE:
                age_band = entry.about
            elif entry.action is LedgerAction.DEACTIVATE:
                age_band = ""
        return LedgerPrefix(chain[-1].head, chain[-1].format, purposes, age_band)

    @property
    def state(self) -> ConsentState:
        """What the ledger amounts to where these are all its entries."""
        service = self.purposes[Purpose.SERVICE]
        declined = service.asked and not service.granted
        return ConsentState(None, self.head, dict(self.purposes), bool(self.age_band) and not declined, self.age_band)


NO_ENTRIES: Final = LedgerPrefix()
"""What a ledger begins with."""


def find_damage(
    chain: Sequence[LedgerEntry], head: LedgerHead, before: LedgerPrefix = NO_ENTRIES
) -> DamageFound | None:
    """Find the first place where a chain, after what verified before, is not whole and unchanged up to the head."""
    expected, newest_format = before.head, before.format
    for place, entry in enumerate(chain, start=expected.entries + 1):
        if entry.number != place:
            return DamageFound(place, Damage.MISSING)
        if not entry.holds() or entry.format < newest_format:
            return DamageFound(place, Damage.CHANGED)
        if entry.previous_hash != expected.hash:
            return DamageFound(place, Damage.NOT_CHAINED)
        expected, newest_format = entry.head, entry.format
    if expected.entries != head.entries:
        return DamageFound(min(expected.entries, head.entries) + 1, Damage.CUT)
    return None if expected == head else DamageFound(head.entries, Damage.ANOTHER)


def _hash_of(entry: LedgerEntry) -> str:
    content: dict[str, str | int | None] = {
        "number": entry.number,
        "action": entry.action,
        "at": entry.at,
        "policy_version": entry.policy_version,
        "previous_hash": entry.previous_hash,
    }
    if entry.format == 1:
        content["purpose"] = entry.about
    else:
        content |= {
            "format": entry.format,
            "about": entry.about,
            "actor": entry.actor,
            "channel": entry.channel,
            "clock": entry.clock,
        }
    # Sorted keys, no spaces, ASCII: for strings and whole numbers this is RFC 8785's canonical JSON.
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
