"""Several messages in one transaction: what is written of them, and what may be confirmed once it is on the disk."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from contract.messages import ConsentMessage, ErasureMessage, OutcomeMessage, StatusMessage, Topic
from fleet.collector import quarantine, states
from fleet.collector.erasing import carry_out, known_epochs
from fleet.collector.locks import take_locks
from fleet.collector.quarantine import Reason, Rejection, Sender
from fleet.collector.reading import Call, Calls, Cleared, Reading
from fleet.collector.records import Taken, insert_calls
from fleet.publications import Publication


@dataclass(slots=True)
class Written:
    """What became of a batch.

    Attributes:
        confirmed: by handset the numbers (epoch, seq) of records that may be confirmed.
        notices: erasure notices that are carried out, and are to be confirmed once nothing is left.
        inserted, duplicates: records that were new, and that were there already.
        withheld: records that were taken back or had grown too old before they came, by which of both.
        rejections: what was not taken.
        erased: records that notices deleted.
    """

    confirmed: dict[Sender, list[tuple[int, int]]] = field(default_factory=dict)
    notices: list[tuple[Sender, ErasureMessage]] = field(default_factory=list)
    inserted: int = 0
    duplicates: int = 0
    withheld: Counter[str] = field(default_factory=Counter)
    rejections: Counter[Rejection] = field(default_factory=Counter)
    erased: int = 0

    def joined(self, other: "Written") -> "Written":
        """Return what became of both."""
        confirmed = {sender: list(numbers) for sender, numbers in self.confirmed.items()}
        for sender, numbers in other.confirmed.items():
            confirmed.setdefault(sender, []).extend(numbers)
        return Written(
            confirmed,
            self.notices + other.notices,
            self.inserted + other.inserted,
            self.duplicates + other.duplicates,
            self.withheld + other.withheld,
            self.rejections + other.rejections,
            self.erased + other.erased,
        )


def write_batch(connection: Connection, readings: Sequence[Reading], now: datetime, oldest: datetime | None) -> Written:
    """Write what messages say.

    Args:
        connection: at the beginning of a transaction that writes.
        readings: the messages, in the order in which they came.
        now: when they were received.
        oldest: the earliest start of a call that is kept; None: all are.
    """
    writer = _Writer(connection, now, oldest)
    writer.begin(readings)
    segment: list[Reading] = []
    for reading in readings:
        if isinstance(reading.contents, ErasureMessage):
            # What came before it is deleted by it, and what comes after it may be another holder's.
            writer.write(segment)
            segment = []
            writer.erase(reading.sender, reading.contents)
        else:
            segment.append(reading)
    writer.write(segment)
    for reading in readings:
        writer.written.rejections.update(reading.rejections)
    quarantine.count(connection, writer.written.rejections, now)
    return writer.written


class _Writer:
    """Within one transaction. Tables and handsets come in one order, so that collectors do not wait in a circle."""

    def __init__(self, connection: Connection, now: datetime, oldest: datetime | None) -> None:
        self._connection = connection
        self._now = now
        self._oldest = oldest
        self._given_back = states.GivenBack()
        self._consents: dict[Sender, tuple[int, int]] = {}
        self.written = Written()

    def begin(self, readings: Sequence[Reading]) -> None:
        """Take locks, and note that the handsets were heard of."""
        spoken = [reading for reading in readings if reading.contents is not None and reading.sender.device]
        senders = {reading.sender for reading in spoken}
        erases = {reading.sender for reading in spoken if isinstance(reading.contents, ErasureMessage)}
        take_locks(self._connection, senders, erases)
        said: dict[Sender, str] = {}
        for reading in spoken:
            if isinstance(reading.contents, StatusMessage):
                said[reading.sender] = reading.contents.state
            elif isinstance(reading.contents, Cleared) and reading.contents.topic is Topic.STATUS:
                said[reading.sender] = states.UNKNOWN
        self._given_back = states.note_seen(self._connection, senders, said, self._now)

    def write(self, segment: Sequence[Reading]) -> None:
        """Write messages none of which erases anything."""
        said = [reading for reading in segment if not isinstance(reading.contents, Calls | None)]
        self._consents = states.stored_consents(
            self._connection, (reading.sender for reading in said if isinstance(reading.contents, ConsentMessage))
        )
        for reading in sorted(said, key=lambda reading: reading.sender):
            self._keep(reading)
        self._take(
            [call for reading in segment if isinstance(reading.contents, Calls) for call in reading.contents.calls]
        )

    def erase(self, sender: Sender, notice: ErasureMessage) -> None:
        """Carry a notice out."""
        self.written.erased += carry_out(self._connection, sender, notice, self._now)
        self.written.notices.append((sender, notice))
        if notice.cancelled:
            self._given_back.retired.add(sender)
            self._given_back.forgotten_at[sender] = self._now

    def _keep(self, reading: Reading) -> None:
        sender, contents = reading.sender, reading.contents
        if isinstance(contents, ConsentMessage):
            self._keep_consent(sender, contents)
        elif isinstance(contents, OutcomeMessage):
            states.keep_outcome(self._connection, sender, contents, self._now)
        elif isinstance(contents, Cleared) and contents.topic is Topic.CONSENT:
            states.clear_consent(self._connection, sender, self._now)
            self._consents.pop(sender, None)
        elif isinstance(contents, Publication):
            states.keep_publication(self._connection, sender.fleet, contents)

    def _keep_consent(self, sender: Sender, consent: ConsentMessage) -> None:
        # Each connection to the broker brings all of them again.
        epoch, seq = self._consents.get(sender, (0, 0))
        if (epoch == consent.epoch and seq >= consent.seq) or not states.keep_consent(
            self._connection, sender, consent, self._now
        ):
            return
        self._consents[sender] = (consent.epoch, consent.seq)
        self._has_holder({sender})

    def _take(self, calls: Sequence[Call]) -> None:
        if self._given_back.forgotten_at:
            calls = self._without_former_holders(calls)
        if not calls:
            return
        taken = insert_calls(self._connection, calls, self._now, self._oldest)
        if self._given_back.retired:
            self._has_holder({Sender(call.fleet, call.device) for call in taken.new})
        self._note(taken)

    def _without_former_holders(self, calls: Sequence[Call]) -> Sequence[Call]:
        """Sort out what may be a former holder's: its handset keeps it until it tells of consent in that epoch."""
        forgotten_at = self._given_back.forgotten_at
        epochs = {sender: known_epochs(self._connection, sender) for sender in forgotten_at}
        kept = []
        for call in calls:
            sender = Sender(call.fleet, call.device)
            if sender in forgotten_at and call.started_at < forgotten_at[sender] and call.epoch not in epochs[sender]:
                self._reject(call, Reason.FORMER_HOLDER)
            else:
                kept.append(call)
        return kept

    def _has_holder(self, senders: set[Sender]) -> None:
        """A handset that had been given back has another holder."""
        states.note_holder(self._connection, senders & self._given_back.retired)
        self._given_back.retired -= senders

    def _note(self, taken: Taken) -> None:
        self.written.inserted += len(taken.new)
        self.written.duplicates += len(taken.duplicates)
        self.written.withheld["erased"] += len(taken.erased)
        self.written.withheld["expired"] += len(taken.expired)
        for calls in (taken.new, taken.duplicates, taken.erased, taken.expired):
            self._confirm(calls)
        for call in taken.conflicts:
            self._reject(call, Reason.CONFLICT)

    def _reject(self, call: Call, reason: Reason) -> None:
        self.written.rejections[Rejection(Sender(call.fleet, call.device), Topic.CDR.value, reason)] += 1

    def _confirm(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self.written.confirmed.setdefault(Sender(call.fleet, call.device), []).append((call.epoch, call.seq))
