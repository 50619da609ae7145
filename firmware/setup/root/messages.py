"""What the handset and the service that has root say to each other: lines of JSON, one question a connection.

The bundle itself crosses as an open file beside the first line, never as a path: whoever has broken into the handset
can point root at no file that is not theirs.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field, SecretStr

from provisioning.section import Section

MAX_LINE_BYTES: Final = 16 * 1024
"""The longest line, either way, its line end included."""

Number = Annotated[int, Field(ge=1, lt=2**53)]

NOT_JOINED: Final = "not_joined"
"""The code of an answer: Wi-Fi networks in reach do not let the handset in."""

SOCKET: Final = "/run/wecall-apply/apply.sock"


class Wish(StrEnum):
    """What the handset asks for.

    TRY: install what this bundle brings for root, for now. KEEP: it works; keep it for good. GO_BACK: it does not;
    put back what was there.
    """

    TRY = "try"
    KEEP = "keep"
    GO_BACK = "go_back"


class RootStep(StrEnum):
    """What is being done, told while it is done."""

    NETWORK = "network"


class RootOutcome(StrEnum):
    """What became of a wish.

    APPLIED: the bundle is in force until KEEP, and goes by itself two minutes from now. KEPT: it is in force for good.
    REVERTED: what was there before is in force. REFUSED: the bundle is not one that root takes, and nothing was
    changed. FAILED: it could not be installed, and what was there before is in force. UNAVAILABLE: no service of root's
    runs on this machine.
    """

    APPLIED = "applied"
    KEPT = "kept"
    REVERTED = "reverted"
    REFUSED = "refused"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class RootRequest(Section):
    """One wish.

    Attributes:
        number: the bundle's; it must be the number that stands in it.
        secrets: the passwords of Wi-Fi networks that the bundle has sealed to the handset, by their names.
    """

    wish: Wish
    number: Number
    secrets: Annotated[dict[str, SecretStr], Field(max_length=8)] = Field(default_factory=dict)


class _SaidByRoot(Section):
    """What root says; a handset that still runs while newer firmware is installed passes over what it does not know."""

    model_config = ConfigDict(extra="ignore")


class RootProgress(_SaidByRoot):
    """A step has begun; an answer follows.

    It goes to whoever asked, on the connection of their own question, and holds nothing that a bundle could put there.
    """

    step: RootStep


class RootAnswer(_SaidByRoot):
    """What became of a wish.

    Attributes:
        number: of the bundle that was asked about.
        code: an `OutcomeCode` where the bundle was refused, a `RootStep` where that step failed, or `NOT_JOINED`.
    """

    outcome: RootOutcome
    number: Number
    code: Annotated[str, Field(max_length=32)] = ""
