"""What menus ask about the privacy policy and the operator's notices; answered by events of `policy_answers`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListPolicies:
    """Read which policies are kept; PoliciesListed follows."""


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """Read a policy; PolicyRead follows.

    Attributes:
        version: which one; the newest where empty.
    """

    version: str = ""


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """The holder has read a policy to its end on the display; PolicyRead follows, and DocumentsChanged before it.

    From then on the days are counted after which it takes effect. Said again of the same policy, it changes nothing.
    """

    version: str


@dataclass(frozen=True, slots=True)
class ReadNotices:
    """Read the operator's notices; NoticesRead follows."""


@dataclass(frozen=True, slots=True)
class AcknowledgeNotice:
    """The holder has read a notice; NoticesRead follows, and DocumentsChanged before it."""

    notice_id: int


PolicyErrand = ListPolicies | ReadPolicy | PolicyShown | ReadNotices | AcknowledgeNotice
