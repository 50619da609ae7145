"""The holder's consents: what stands for every purpose, and changes of it."""

from dataclasses import dataclass

from contract.consent import Actor, Purpose
from firmware.phone.request import Request


@dataclass(frozen=True, slots=True)
class ConsentsChanged:
    """What the holder agrees to, as the ledger says at the start and after each change.

    Attributes:
        granted: the purposes; none while the ledger is damaged.
        activated: the phone was set up by its holder, who has not declined the service; a damaged ledger takes that
            from nobody.
        age_band: what was declared then, as a short name; empty where nothing was.
        lapsed: the purposes that were answered and have changed since: they are to be asked again.
        unasked: the purposes that nobody has answered yet.
    """

    granted: frozenset[Purpose]
    activated: bool
    age_band: str = ""
    lapsed: frozenset[Purpose] = frozenset()
    unasked: frozenset[Purpose] = frozenset()


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One purpose as a menu shows it, in the display's language.

    Attributes:
        purpose: which.
        name: in a few words.
        covers: what is done for it and what is not.
        recipients: who gets something.
        granted: whether the holder agrees.
        needed: there is no service without it.
        since: when that was answered, as "25 Nov 2026"; empty where it never was.
        asked: it was answered as it is now; where not, it is to be asked, also where it was answered before.
    """

    purpose: Purpose
    name: str
    covers: str
    recipients: str
    granted: bool
    needed: bool
    since: str
    asked: bool


@dataclass(frozen=True, slots=True)
class ConsentsRead:
    """What stands for every purpose, the needed one first.

    Attributes:
        rows: one for each purpose.
        private: nothing but what the service needs is granted.
        damaged: the ledger is, so nothing counts as granted and nothing can be answered.
    """

    rows: tuple[ConsentRow, ...]
    private: bool = False
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class ReadConsents(Request[ConsentsRead]):
    """Read what stands for every purpose."""


@dataclass(frozen=True, slots=True)
class SetConsent(Request[ConsentsRead]):
    """Write a yes or a no to one purpose, the first no included; ConsentsChanged comes before the answer.

    Whoever asks has made sure that the actor is the one who answers.
    """

    purpose: Purpose
    granted: bool
    actor: Actor = Actor.HOLDER


@dataclass(frozen=True, slots=True)
class WithdrawOptional(Request[ConsentsRead]):
    """Begin private mode: take back every yes that the service does not need, all at once.

    It ends by answering anew, purpose by purpose: nothing is granted again by itself.
    """

    actor: Actor = Actor.HOLDER


@dataclass(frozen=True, slots=True)
class Activate(Request[ConsentsRead]):
    """Write that the phone is set up, once everything was asked; ConsentsChanged comes before the answer.

    Attributes:
        age_band: what was declared, as a short name such as "adult" or "under_14".
        actor: who set it up.
    """

    age_band: str
    actor: Actor = Actor.HOLDER


@dataclass(frozen=True, slots=True)
class ReadReceipt(Request[str]):
    """Make a receipt for the answer that stands for a purpose."""

    purpose: Purpose
