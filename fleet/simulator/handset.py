"""One simulated handset: holder, clock, calls and outbox; what leaves it passes the real gate and the real sync."""

import asyncio
import hashlib
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from contract.downlink import AckMessage, DownTopic
from contract.messages import CallDetailRecord, ClockQuality, ErasureReason, OutcomeMessage, Topic, timestamp
from contract.results import OutcomeCode
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import OutboxKey, OutboxMessage
from fleet.simulator.clock import SimulatedClock
from fleet.simulator.counts import Counts
from fleet.simulator.holder import SimulatedHolder
from fleet.simulator.network import Network
from fleet.simulator.outbox import SimulatedOutbox
from fleet.simulator.trouble import Ending, Trouble, draw_ending

_RINGING_S: Final = 12.0
_SHORT_S: Final = 4.0
REDIALS_AFTER_S: Final = (3.0, 20.0)
"""How soon at the earliest and at the latest somebody dials a number again."""

_ASKED: Final = (
    Purpose.RECORDING,
    Purpose.CDR_SYNC,
    Purpose.CDR_SYNC,
    Purpose.CROSS_BORDER_CDR,
    Purpose.OPERATOR_NOTICES,
)

# What becomes of a message that is taken, step by step, and of one that is not.
_TAKEN: Final = {
    DownTopic.POLICY: (OutcomeCode.TAKEN, OutcomeCode.SHOWN),
    DownTopic.NOTICE: (OutcomeCode.TAKEN, OutcomeCode.SHOWN, OutcomeCode.ACKNOWLEDGED),
    DownTopic.ANSWER: (OutcomeCode.TAKEN, OutcomeCode.ACKNOWLEDGED),
    DownTopic.BUNDLE: (OutcomeCode.APPLIED,),
    DownTopic.UPDATE: (OutcomeCode.TAKEN, OutcomeCode.INSTALLED, OutcomeCode.APPLIED),
}
_NOT_TAKEN: Final = {
    DownTopic.POLICY: (OutcomeCode.EXPIRED, OutcomeCode.UNKNOWN_KEY),
    DownTopic.NOTICE: (OutcomeCode.NOT_GRANTED, OutcomeCode.EXPIRED),
    DownTopic.ANSWER: (OutcomeCode.UNKNOWN_REQUEST, OutcomeCode.REQUEST_CLOSED),
    DownTopic.BUNDLE: (OutcomeCode.REVERTED_LINES, OutcomeCode.REVERTED_BROKER, OutcomeCode.NO_SPACE),
    DownTopic.UPDATE: (OutcomeCode.UNREACHABLE, OutcomeCode.WENT_BACK, OutcomeCode.NO_SPACE),
}
_STEP_S: Final = 8.0

# Numbers that belong to nobody: those that regulators keep for films and examples.
# North America: 555-0100 to 555-0199 of every area (NANPA); Great Britain: Ofcom's for drama; France: ARCEP's for
# audiovisual works; Australia: ACMA's for creative works. Each X is any digit.
_FICTIONAL: Final = (
    "+121255501XX", "+141555501XX", "+160455501XX",
    "+441632960XXX", "+442079460XXX", "+441614960XXX", "+447700900XXX",
    "+3319900XXXX", "+3363998XXXX",
    "+6125550XXXX", "+6187010XXXX",
)  # fmt: skip
_WITHHELD: Final = 0.05
_INTERNAL: Final = 0.3

Later = Callable[[float, Callable[[], None]], object]
"""Calls something after so many seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCall:
    """A call that goes on.

    Attributes:
        started_s: when it began by the handset's clock.
        ledger_entries: how long the ledger was then; see ConsentGate.
        was_synced: whether the clock was right then.
        ringing_s, talking_s: how long it rings and is talked; None where nobody answers.
        direction, number: who began it, and the other end, None where that is withheld.
        ending: how it ends.
    """

    started_s: float
    ledger_entries: int
    was_synced: bool
    ringing_s: float
    talking_s: float | None
    direction: CallDirection
    number: str | None
    ending: Ending

    @property
    def duration_s(self) -> float:
        """From its beginning to its end."""
        return self.ringing_s + (self.talking_s or 0.0)


class SimulatedHandset:
    """What the sync process sees of a handset (`firmware.sync.publisher.Handset`), and what its holder does with it."""

    def __init__(
        self,
        settings: BrokerSettings,
        parts: tuple[SimulatedHolder, SimulatedClock, SimulatedOutbox, Network],
        rng: random.Random,
        counts: Counts,
        later: Later,
        *,
        failures: float,
        troubles: Sequence[Trouble] = (),
    ) -> None:
        """Set up one that has said nothing yet.

        Args:
            settings: how it reaches the broker.
            parts: what it is made of.
            rng: draws what happens.
            counts: what it counts into.
            later: lets it do something later.
            failures: the share of the operator's messages that it does not take.
            troubles: what is broken.
        """
        self.device = settings.device
        self.holder, self.clock, self.outbox, self.network = parts
        self.is_online = False
        self._settings = settings
        self._rng = rng
        self._counts = counts
        self._later = later
        self._failures = failures
        self._troubles = troubles
        self._account = f"{rng.getrandbits(128):032x}"
        self._boot_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self._known: set[str] = set()
        self.say_consent()

    # --- what happens at it -------------------------------------------------------------------------------------------

    def begin_call(self, mean_s: float, again: str | None = None) -> SimulatedCall:
        """Let a call begin that is talked for so long as a rule.

        Args:
            mean_s: seconds.
            again: the number that its holder dials once more; None: any call.
        """
        draw = self._rng
        ending = draw_ending(self.device, self.clock.true_s(), self._troubles, draw)
        # A tenth of what is talked, so that short calls do not ring longer than they last.
        ringing_s = draw.expovariate(1.0) * min(_RINGING_S, mean_s / 10)
        talking_s = draw.expovariate(1.0) * mean_s
        if ending.is_short:
            talking_s = min(talking_s, _SHORT_S)
        direction = draw.choice((CallDirection.OUTGOING, CallDirection.INCOMING))
        number = fictional_number(draw)
        if again is not None:
            direction, number = CallDirection.OUTGOING, again
        return SimulatedCall(
            self.clock.now_s(),
            self.holder.state.head.entries,
            self.clock.is_synced,
            ringing_s,
            talking_s if ending.is_answered else None,
            direction,
            number,
            ending,
        )

    def end_call(self, call: SimulatedCall) -> str | None:
        """Queue its record, if its holder agrees to that; return the number where the holder dials it again at once."""
        self._counts.calls += 1
        self.outbox.append(Topic.CDR, lambda epoch, seq: self._record(call, epoch, seq), call.ledger_entries)
        return call.number if self._rng.random() < call.ending.redials else None

    def change_something(self) -> None:
        """Let its holder ask something, be answered, or change an answer."""
        kind = self._rng.random()
        if self.holder.has_asked and kind < 0.3:  # noqa: PLR2004 - of what holders do
            self.holder.be_answered()
        elif kind < 0.5:  # noqa: PLR2004 - likewise
            self.holder.ask()
        else:
            purpose = self._rng.choice(_ASKED)
            if not self.holder.change(purpose) and purpose is Purpose.CDR_SYNC:
                self.outbox.take_back(ErasureReason.WITHDRAWN)
        self.say_consent()

    def say_consent(self) -> None:
        """Queue how it stands with the holder's answers."""
        self.outbox.append(
            Topic.CONSENT,
            lambda epoch, seq: self.holder.statement(self.device, epoch, seq),
            self.holder.state.head.entries,
        )

    def _record(self, call: SimulatedCall, epoch: int, seq: int) -> CallDetailRecord:
        answered_s = None if call.talking_s is None else call.started_s + call.ringing_s
        # By what has passed and not by the clock, which may have stepped meanwhile.
        ended_s = None if call.ending.reason is DisconnectReason.INTERRUPTED else call.started_s + call.duration_s
        return CallDetailRecord(
            id=f"{self._rng.getrandbits(128):032x}",
            device=self.device,
            account=self._account,
            direction=call.direction,
            number=call.number,
            started_at=timestamp(call.started_s),
            answered_at=None if answered_s is None else timestamp(answered_s),
            ended_at=None if ended_s is None else timestamp(ended_s),
            result=call.ending.reason,
            sip_code=call.ending.sip_code,
            clock_quality=ClockQuality(synced=call.was_synced, boot_id=self._boot_id),
            epoch=epoch,
            seq=seq,
        )

    # --- for sync -----------------------------------------------------------------------------------------------------

    async def configuration(self) -> BrokerSettings:
        return self._settings

    async def next_messages(self, wait_s: float) -> Sequence[OutboxMessage]:
        return await self.outbox.next_messages(self._settings.batch_records, wait_s)

    async def line(self, heard: bool | None, wait_s: float) -> bool | None:
        if heard is None:
            return True
        await asyncio.sleep(wait_s)
        return None

    async def done(self, keys: Sequence[OutboxKey]) -> None:
        self.outbox.complete(keys)

    async def report(self, state: BrokerState, problem: BrokerProblem) -> None:  # noqa: ARG002 - nobody looks at it
        is_online = state is BrokerState.CONNECTED
        self._counts.online += is_online - self.is_online
        self._counts.connects += is_online and not self.is_online
        self._counts.lost += self.is_online and not is_online
        self.is_online = is_online

    async def moved(self, traffic: Traffic) -> None:
        self._counts.sent_bytes += traffic.sent_bytes
        self._counts.received_bytes += traffic.received_bytes

    async def received(self, topic: DownTopic, document: bytes) -> None:
        if topic is DownTopic.ACK:
            try:
                ack = AckMessage.read(document)
            except ValueError:
                return
            self.outbox.confirm(ack.messages)
            return
        digest = hashlib.sha256(document).hexdigest()
        if not document or digest in self._known:
            return
        self._known.add(digest)
        if self._rng.random() < self._failures:
            self._tell(digest, self._rng.choice(_NOT_TAKEN[topic]))
            return
        after_s = 0.0
        for code in _TAKEN[topic]:
            after_s += self._rng.expovariate(1.0) * _STEP_S
            self._later(after_s, lambda code=code: self._tell(digest, code))  # type: ignore[misc]

    def _tell(self, message: str, code: OutcomeCode) -> None:
        self._counts.outcomes += 1
        self.outbox.append(
            Topic.OUTCOME,
            lambda epoch, seq: OutcomeMessage(device=self.device, message=message, code=code, epoch=epoch, seq=seq),
            0,
        )


def fictional_number(rng: random.Random) -> str | None:
    """Return the other end of a call: a number outside, an extension, or None where it is withheld."""
    kind = rng.random()
    if kind < _WITHHELD:
        return None
    if kind < _WITHHELD + _INTERNAL:
        return str(rng.randrange(1000, 2000))
    return "".join(str(rng.randrange(10)) if each == "X" else each for each in rng.choice(_FICTIONAL))
