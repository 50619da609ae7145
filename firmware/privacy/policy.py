"""Privacy policies: which one counts, and how the days are counted after which a new one does.

The days begin when the holder has read the policy, and are counted by what the handset witnesses itself: a clock that
only ever runs, from one reading to the next. The time of day is not asked, whatever it says, while the handset runs.
Hours for which it was off count only where a time service kept the time of day right before and after, and never more
of them than hours for which it ran: whoever lies about the time of day, or a time service that does, cannot make the
days pass by themselves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from contract.consent import Purpose
from firmware.phone.requests.policies import PolicyState

_DAY_S: Final = 86_400
NOTICE_S: Final = 7 * _DAY_S
"""So long after it was read a policy takes effect."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the clocks say at one moment.

    Attributes:
        boot_id: names the run of the machine since it was switched on.
        running_s: how long that run has lasted, time asleep included.
        wall_s: the time of day, in seconds since the epoch.
        synced: a time service keeps the time of day right.
    """

    boot_id: str
    running_s: float
    wall_s: float
    synced: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last moment at which the time of day was right: in which run, when, and how much had been witnessed."""

    boot_id: str
    wall_s: float
    witnessed_s: float


@dataclass(frozen=True, slots=True)
class Witness:
    """How much time has passed for certain since a moment.

    Attributes:
        boot_id, running_s: of the last reading.
        witnessed_s: seconds that the handset ran.
        off_s: seconds that it was off, as far as that is known.
        anchor: the last moment at which the time of day was right, None before the first.
    """

    boot_id: str
    running_s: float
    witnessed_s: float = 0.0
    off_s: float = 0.0
    anchor: Anchor | None = None

    @classmethod
    def begin(cls, now: Reading) -> Self:
        """Begin to count."""
        return cls(now.boot_id, now.running_s).advance(now)

    @property
    def passed_s(self) -> float:
        """How many seconds have passed at least."""
        return self.witnessed_s + min(self.off_s, self.witnessed_s)

    @property
    def is_over(self) -> bool:
        """Tell whether the days have passed."""
        return self.passed_s >= NOTICE_S

    @property
    def days_left(self) -> int:
        """How many days are left, begun ones included."""
        return max(0, math.ceil((NOTICE_S - self.passed_s) / _DAY_S))

    def advance(self, now: Reading) -> Self:
        """Take another reading into account."""
        # Of a run that has just been met it is not known how much of it came after the last reading: the store may
        # have been put into a machine that has been running for weeks.
        same_run = now.boot_id == self.boot_id
        running_s = max(now.running_s, self.running_s) if same_run else now.running_s
        witnessed_s = self.witnessed_s + (running_s - self.running_s if same_run else 0.0)
        off_s, anchor = self.off_s, self.anchor
        if now.synced:
            if anchor is not None and anchor.boot_id != now.boot_id:
                ran_since_s = witnessed_s - anchor.witnessed_s
                off_s += max(0.0, now.wall_s - anchor.wall_s - ran_since_s)
            anchor = Anchor(now.boot_id, now.wall_s, witnessed_s)
        return replace(
            self, boot_id=now.boot_id, running_s=running_s, witnessed_s=witnessed_s, off_s=off_s, anchor=anchor
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What a policy says.

    Attributes:
        version: what it is called.
        date: when it was written, as "2026-11-25".
        text: its paragraphs, by language.
        changes: the purposes that it adds or changes: no earlier answer counts for them once it is in force.
    """

    version: str
    date: str
    text: Mapping[str, tuple[str, ...]]
    changes: frozenset[Purpose] = frozenset()

    def paragraphs(self, language: str) -> tuple[str, ...]:
        """Return the text in a language, in English where it is not written in that."""
        return self.text.get(language) or self.text["en"]


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy and how far it has come.

    Attributes:
        position: rises with each policy that is taken.
        policy: what it says.
        state: how far it has come.
        witness: how much time has passed since it was read, None where it is not waiting.
    """

    position: int
    policy: Policy
    state: PolicyState
    witness: Witness | None = None

    @property
    def days_left(self) -> int:
        """How many days are left until it takes effect; 0 where it is not waiting."""
        return self.witness.days_left if self.witness is not None else 0


KeptPolicies = Sequence[KeptPolicy]
"""The policies that are kept, oldest first."""


def in_force(policies: KeptPolicies) -> KeptPolicy | None:
    """Return the policy that counts, None on a phone whose holder has not read one yet."""
    return next((kept for kept in policies if kept.state is PolicyState.IN_FORCE), None)


def unread(policies: KeptPolicies) -> KeptPolicy | None:
    """Return the policy that waits to be read, None where there is none."""
    return next((kept for kept in policies if kept.state is PolicyState.UNREAD), None)


def add(policies: KeptPolicies, policy: Policy) -> tuple[KeptPolicy, ...]:
    """Add a policy that has come: it is to be read, in place of one that nobody has read."""
    position = policies[-1].position + 1 if policies else 1
    passed_over = (replace(kept, state=PolicyState.REPLACED) if _is_unread(kept) else kept for kept in policies)
    return (*passed_over, KeptPolicy(position, policy, PolicyState.UNREAD))


def show(policies: KeptPolicies, version: str, now: Reading) -> tuple[KeptPolicy, ...]:
    """Note that the holder has read the policy that waits to be read; another version changes nothing.

    The first one that is read takes effect at once: there is none before it that the holder could rely on.
    """
    first = in_force(policies) is None

    def read(kept: KeptPolicy) -> KeptPolicy:
        if not _is_unread(kept) or kept.policy.version != version:
            return kept
        if first:
            return replace(kept, state=PolicyState.IN_FORCE)
        return replace(kept, state=PolicyState.WAITING, witness=Witness.begin(now))

    return tuple(read(kept) for kept in policies)


def advance(policies: KeptPolicies, now: Reading) -> tuple[KeptPolicy, ...]:
    """Count on, and let the newest policy whose days are over take effect in place of all before it."""
    counted = tuple(
        kept if kept.witness is None else replace(kept, witness=kept.witness.advance(now)) for kept in policies
    )
    due = max((kept.position for kept in counted if kept.witness is not None and kept.witness.is_over), default=0)

    def take_effect(kept: KeptPolicy) -> KeptPolicy:
        if kept.position > due:
            return kept
        state = PolicyState.IN_FORCE if kept.position == due else PolicyState.REPLACED
        return replace(kept, state=state, witness=None)

    return tuple(take_effect(kept) for kept in counted)


def changes_since(policies: KeptPolicies, position: int, until: int) -> frozenset[Purpose]:
    """Return the purposes that were added or changed after one policy and up to another, passed over ones included."""
    return frozenset().union(*(kept.policy.changes for kept in policies if position < kept.position <= until))


def _is_unread(kept: KeptPolicy) -> bool:
    return kept.state is PolicyState.UNREAD
