"""Holds a fleet's database against what its handsets were made to do, and says in sentences where the two part."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.lab.call_diary import Fate, History, Key


@dataclass(frozen=True, slots=True)
class Row:
    """A call detail record in the database."""

    device: str
    epoch: int
    seq: int
    call_id: str

    @property
    def key(self) -> Key:
        return (self.epoch, self.seq)


@dataclass(frozen=True, slots=True)
class Receipts:
    """What a handset can show its holder of where its records are.

    Attributes:
        living: records that a collector has confirmed and that nobody took back.
        unconfirmed: records and erasure notices that left and that no collector has confirmed.
        notices: the erasure notices that left.
        erased: the erasure notices that the ledger says recipients have followed.
    """

    living: frozenset[Key] = frozenset()
    unconfirmed: frozenset[Key] = frozenset()
    notices: frozenset[Key] = frozenset()
    erased: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Promises:
    """What must not be in the database any more, and what must be there: to be read before the database is.

    Attributes:
        kept: calls of which a collector has confirmed to have the record, and that nobody has taken back, by device.
        forbidden: calls that were begun outside consent.
        erased: records that a collector has confirmed to have erased, by device.
        gone: devices whose collector has confirmed that nothing of them is left.
    """

    kept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    forbidden: frozenset[str] = frozenset()
    erased: Mapping[str, frozenset[Key]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


def promises(histories: Mapping[str, History]) -> Promises:
    """Return what holds from now on."""
    return Promises(
        kept={
            device: frozenset(call_id for call_id in history.kept if history.fates[call_id] is Fate.OWED)
            for device, history in histories.items()
        },
        forbidden=frozenset(
            call_id
            for history in histories.values()
            for call_id, fate in history.fates.items()
            if fate is Fate.FORBIDDEN
        ),
        erased={device: frozenset(history.confirmed) for device, history in histories.items()},
        gone=frozenset(device for device, history in histories.items() if history.is_gone),
    )


def missing(promised: Promises, rows: Iterable[Row], histories: Mapping[str, History]) -> list[str]:
    """Return what was promised to be there and is not; histories as they are after the database was read.

    What was begun to be taken back meanwhile may be gone.
    """
    there = {(row.device, row.call_id) for row in rows}
    return [
        f"{device}: call {call_id} is not there, and was confirmed to be"
        for device, call_ids in promised.kept.items()
        for call_id in sorted(call_ids)
        if (device, call_id) not in there and histories[device].fates[call_id] is Fate.OWED
    ]


def broken(promised: Promises, rows: Iterable[Row]) -> list[str]:
    """Return what is there and must not be, in the storm and after it."""
    complaints = []
    times: Counter[str] = Counter()
    for row in rows:
        times[row.call_id] += 1
        if times[row.call_id] > 1:
            complaints.append(f"{row.device}: call {row.call_id} is there {times[row.call_id]} times")
        if row.call_id in promised.forbidden:
            complaints.append(f"{row.device}: call {row.call_id} is there, and was begun outside consent")
        if row.key in promised.erased.get(row.device, ()):
            complaints.append(f"{row.device}: record {row.key} is there, and was confirmed to be erased")
        if row.device in promised.gone:
            complaints.append(f"{row.device}: call {row.call_id} is there, and all of this handset was to be erased")
    return complaints


def wrong_at_the_end(
    histories: Mapping[str, History], rows: Sequence[Row], receipts: Mapping[str, Receipts]
) -> list[str]:
    """Return what is wrong once nothing is on its way any more."""
    complaints = broken(promises(histories), rows)
    present: dict[str, set[str]] = {}
    for row in rows:
        present.setdefault(row.device, set()).add(row.call_id)
        history = histories.get(row.device)
        fate = history.fates.get(row.call_id) if history is not None else None
        if fate is None:
            complaints.append(f"{row.device}: call {row.call_id} is there, and nobody made it")
        elif fate is Fate.TAKEN_BACK:
            complaints.append(f"{row.device}: call {row.call_id} is there, and was taken back")
    for device, history in histories.items():
        owed = {call_id for call_id, fate in history.fates.items() if fate is Fate.OWED}
        complaints += [f"{device}: call {call_id} is lost" for call_id in sorted(owed - present.get(device, set()))]
    for device, shown in receipts.items():
        complaints += _unlike(device, shown, {row.key for row in rows if row.device == device})
    return complaints


def _unlike(device: str, shown: Receipts, there: set[Key]) -> list[str]:
    """Return where what a handset shows is not what the database has."""
    return [
        f"{device}: {complaint}: {sorted(keys)}"
        for complaint, keys in (
            ("records that it shows as confirmed are not there", shown.living - there),
            ("records are there that it does not show", there - shown.living),
            ("messages have left, are still wanted, and no collector has confirmed them", shown.unconfirmed),
            ("recipients have followed notices, and the ledger does not say so", shown.notices - shown.erased),
        )
        if keys
    ]
