"""Has the broker keep a message no longer."""

import asyncio
import re
from typing import Final

from contract.messages import topic_name
from fleet.errors import FleetError
from fleet.publisher.connection import BrokerLine
from fleet.publisher.record import Record, RecordFolder
from fleet.publisher.roll_out import Verdict

_ENOUGH: Final = re.compile(r"[0-9a-f]{8,64}")
_MOST_ON_THE_WAY: Final = 100


def found_by(folder: RecordFolder, message: str) -> Record:
    """Open the one record whose message begins so.

    Raises:
        FleetError: there is none, or more than one.
    """
    if not _ENOUGH.fullmatch(message):
        raise FleetError("A message is named by its SHA-256, of which 8 digits are enough: wecall fleet publish status")
    found = [record.message for record in folder.all() if record.message.startswith(message)]
    if len(found) != 1:
        raise FleetError(f"{len(found)} messages begin with {message}. See: wecall fleet publish status")
    record = folder.find(found[0])
    assert record is not None  # noqa: S101 - it has just been read
    return record


async def withdraw_from(line: BrokerLine, record: Record, folder: RecordFolder, *, only_taken: bool) -> int:
    """Clear the topics of the handsets that it was sent to, and return how many those were.

    One that has had a later message of the kind is left alone: what the broker keeps for it is that one.

    Raises:
        FleetError: the broker does not let this operator, or the connection is lost; said again, it goes on.
    """
    kind, roll_out = record.plan.publication.kind, record.roll_out
    later = {device for other in folder.place_takers(record) for device in other.roll_out.sent}
    left = [
        device
        for device in roll_out.sent
        if device not in later | record.withdrawn and (not only_taken or roll_out.verdict_of(device) is Verdict.GOOD)
    ]
    for begin in range(0, len(left), _MOST_ON_THE_WAY):
        devices = left[begin : begin + _MOST_ON_THE_WAY]
        topics = [topic_name(record.plan.fleet, device, kind.topic) for device in devices]
        await asyncio.gather(*(line.publish(topic, b"") for topic in topics))
        record.note_withdrawn(devices)
    return len(left)
