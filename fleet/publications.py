"""What operators say of their own messages, beside them: the outcomes of handsets name a message by its digest only."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from contract.downlink import DownTopic
from contract.messages import Digest, Message, Timestamp, handset_name

PUBLICATION_TOPICS: Final = "wecall-fleet/v1/+/publication/+"
"""Where all of them are, for whoever subscribes."""


class PublicationKind(StrEnum):
    """What was published; the value is the last level of the topic that the message itself goes to."""

    POLICY = "policy"
    NOTICE = "notice"
    ANSWER = "answer"
    BUNDLE = "bundle"
    UPDATE = "update"

    @property
    def topic(self) -> DownTopic:
        """Where the message goes."""
        return DownTopic(self.value)


class Publication(Message):
    """One message that an operator sent to handsets of a fleet; retained at `publication_topic`.

    Attributes:
        kind: what it is.
        name: what people call it: a policy's or an update's version, or the number of another kind.
        message: SHA-256 of the message as handsets get it, which is what their outcomes name.
        published_at: when its roll-out began.
    """

    kind: PublicationKind
    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]*\Z")]
    message: Digest
    published_at: Timestamp


def publication_topic(fleet: str, message: str) -> str:
    """Return the topic of a publication.

    Raises:
        ValueError: the fleet's name is not one level of a topic, or the message no digest.
    """
    return f"wecall-fleet/v1/{handset_name(fleet)}/publication/{msgspec.convert(message, Digest)}"
