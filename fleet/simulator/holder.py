"""The holder of a simulated handset: a ledger of answers, and requests that wait for the operator."""

import random
import secrets
from datetime import UTC, datetime
from typing import Final

from contract.consent import Actor, Channel, ClockTrust, Purpose, RequestKind
from contract.messages import MAX_REQUESTS, ConsentMessage, PurposeState, RequestStatement, timestamp
from firmware.privacy.catalogue import POLICY_VERSION
from firmware.privacy.consent import NO_ENTRIES, ConsentState, LedgerAction, LedgerEntry
from firmware.privacy.rights import MONDAY_TO_FRIDAY, WORKING_DAYS, Request
from fleet.simulator.clock import SimulatedClock
from fleet.simulator.settings import DAY_S

_OLDEST_ANSWER_S: Final = 300 * DAY_S
_OLDEST_REQUEST_S: Final = 14 * DAY_S


class SimulatedHolder:
    """Answers for each purpose, in a real ledger; asks and is answered."""

    def __init__(self, clock: SimulatedClock, rng: random.Random, *, agrees: bool, asks: bool) -> None:
        """Set up what was decided before the simulation begins.

        Args:
            clock: the handset's.
            rng: draws what is decided.
            agrees: whether records of calls are synced at first.
            asks: whether a request waits at first.
        """
        self._clock = clock
        self._rng = rng
        self._prefix = NO_ENTRIES
        self._requests: list[Request] = []
        at_s = max(0.0, clock.now_s() - rng.uniform(DAY_S, _OLDEST_ANSWER_S))
        for purpose in Purpose:
            granted = agrees if purpose is Purpose.CDR_SYNC else purpose is Purpose.SERVICE or rng.random() < 0.5  # noqa: PLR2004 - one of two
            self._note(LedgerAction.GRANT if granted else LedgerAction.REFUSE, purpose, at_s)
        if asks:
            self.ask(max(0.0, clock.now_s() - rng.uniform(0.0, _OLDEST_REQUEST_S)))

    @property
    def state(self) -> ConsentState:
        """What the ledger amounts to."""
        return self._prefix.state

    @property
    def has_asked(self) -> bool:
        """Whether a request waits."""
        return bool(self._requests)

    def change(self, purpose: Purpose) -> bool:
        """Change the answer for a purpose; return whether it is a yes now."""
        granted = not self.state.granted(purpose)
        self._note(LedgerAction.GRANT if granted else LedgerAction.WITHDRAW, purpose, self._clock.now_s())
        return granted

    def ask(self, filed_s: float | None = None) -> None:
        """File a request."""
        at_s = self._clock.now_s() if filed_s is None else filed_s
        number = self._prefix.head.entries + 1
        self._note(LedgerAction.REQUEST, str(number), at_s)
        due = MONDAY_TO_FRIDAY.after(datetime.fromtimestamp(at_s, UTC).date(), WORKING_DAYS)
        kind = self._rng.choice(list(RequestKind))
        self._requests.append(Request(number, secrets.randbelow(2**53 - 1) + 1, kind, at_s, due))

    def be_answered(self) -> None:
        """Close the oldest request."""
        request = self._requests.pop(0)
        self._note(LedgerAction.REQUEST_ANSWERED, str(request.number), self._clock.now_s())

    def statement(self, device: str, epoch: int, seq: int) -> ConsentMessage:
        """Say how it all stands, as the handset tells the operator."""
        state = self.state
        told = [request.told(self._clock.today()) for request in self._requests[:MAX_REQUESTS]]
        return ConsentMessage(
            device=device,
            purposes=tuple(
                PurposeState(purpose=purpose, granted=answer.granted, since=answer.since or None)
                for purpose, answer in state.purposes.items()
            ),
            policy_version=POLICY_VERSION,
            ledger_entries=state.head.entries,
            ledger_head=state.head.hash,
            ledger_intact=state.intact,
            requests=tuple(
                RequestStatement(number=each.number, epoch=each.epoch, kind=each.kind, due=each.due, state=each.state)
                for each in told
            ),
            epoch=epoch,
            seq=seq,
        )

    def _note(self, action: LedgerAction, about: str, at_s: float) -> None:
        entry = LedgerEntry.follow(
            self._prefix.head,
            action,
            about,
            actor=Actor.HOLDER,
            channel=Channel.KEYPAD,
            at=timestamp(at_s),
            clock=ClockTrust.SYNCED if self._clock.is_synced else ClockTrust.UNSYNCED,
            policy_version=POLICY_VERSION,
        )
        self._prefix = self._prefix.followed_by([entry])
