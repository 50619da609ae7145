"""What the operator may send to the handset. The sync process carries it as bytes; only the handset looks into it."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from firmware.egress.messages import HandsetName, Message, RecordRange

MAX_DOCUMENT_BYTES: Final = 45 * 1024
"""The longest of them; as base64 it fits into one line of a local socket."""

MAX_CONFIRMED_RANGES: Final = 100


class DownTopic(StrEnum):
    """The last level of each topic that the handset listens to.

    ACK: an AckMessage of a collector. POLICY, NOTICE: documents with the operator's signature; see provisioning.signed.
    """

    ACK = "ack"
    POLICY = "policy"
    NOTICE = "notice"


class AckMessage(Message):
    """A collector behind the broker has these call detail records and has done what these erasure notices say.

    Attributes:
        collector: who says so, for the holder to read.
        messages: the messages of these numbers; those that never left are not confirmed by it.
    """

    collector: HandsetName
    messages: Annotated[tuple[RecordRange, ...], Field(min_length=1, max_length=MAX_CONFIRMED_RANGES)]
