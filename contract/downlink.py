"""What the operator may send to the handset. The sync process carries it as bytes; only the handset looks into it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from contract.messages import HandsetName, Message, RecordRange

MAX_DOCUMENT_BYTES: Final = 45 * 1024
"""The longest of them but for bundles."""

MAX_NETWORK_BUNDLE_BYTES: Final = 4 * 1024 * 1024
"""The longest bundle that comes over the network; it crosses a local socket as an open file."""

MAX_CONFIRMED_RANGES: Final = 100


class DownTopic(StrEnum):
    """The last level of each topic that the handset listens to.

    ACK: an AckMessage of a collector. POLICY, NOTICE, ANSWER, UPDATE: documents with the operator's signature; see
    provisioning.signed.
    BUNDLE: a bundle without firmware; see provisioning.bundle.
    """

    ACK = "ack"
    POLICY = "policy"
    NOTICE = "notice"
    ANSWER = "answer"
    UPDATE = "update"
    BUNDLE = "bundle"


MOST_BYTES: Final[Mapping[DownTopic, int]] = {
    DownTopic.ACK: MAX_DOCUMENT_BYTES,
    DownTopic.POLICY: MAX_DOCUMENT_BYTES,
    DownTopic.NOTICE: MAX_DOCUMENT_BYTES,
    DownTopic.ANSWER: MAX_DOCUMENT_BYTES,
    DownTopic.UPDATE: MAX_DOCUMENT_BYTES,
    DownTopic.BUNDLE: MAX_NETWORK_BUNDLE_BYTES,
}
"""The longest message of each topic."""


class AckMessage(Message):
    """A collector behind the broker has these call detail records and has done what these erasure notices say.

    Attributes:
        collector: who says so, for the holder to read.
        messages: the messages of these numbers; those that never left are not confirmed by it.
    """

    collector: HandsetName
    messages: Annotated[tuple[RecordRange, ...], Meta(min_length=1, max_length=MAX_CONFIRMED_RANGES)]
