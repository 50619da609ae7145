"""What menus ask about the holder's consents; each is answered by an event of `consent_answers`."""

from dataclasses import dataclass

from contract.consent import Actor, Purpose


@dataclass(frozen=True, slots=True)
class ReadConsents:
    """Read what stands for every purpose; ConsentsRead follows."""


@dataclass(frozen=True, slots=True)
class SetConsent:
    """Write a yes or a no to one purpose, the first no included; ConsentsRead follows, and ConsentsChanged before it.

    Whoever asks has made sure that the actor is the one who answers.
    """

    purpose: Purpose
    granted: bool
    actor: Actor = Actor.HOLDER


@dataclass(frozen=True, slots=True)
class WithdrawOptional:
    """Begin private mode: take back every yes that the service does not need, all at once; ConsentsRead follows.

    It ends by answering anew, purpose by purpose: nothing is granted again by itself.
    """

    actor: Actor = Actor.HOLDER


@dataclass(frozen=True, slots=True)
class Activate:
    """Write that the phone is set up, once everything was asked; ConsentsRead follows, and ConsentsChanged before it.

    Attributes:
        age_band: what was declared, as a short name such as "adult" or "under_14".
        actor: who set it up.
    """

    age_band: str
    actor: Actor = Actor.HOLDER


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """Make a receipt for the answer that stands for a purpose; ReceiptRead follows."""

    purpose: Purpose


ConsentErrand = ReadConsents | SetConsent | WithdrawOptional | Activate | ReadReceipt
