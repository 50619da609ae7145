"""What the handset and root's service for updates say to each other: lines of JSON, one question a connection.

An update on a stick crosses as an open file beside the first line, never as a path: whoever has broken into the handset
can point root at no file that is not theirs.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from contract.results import OutcomeCode
from provisioning.section import Section

MAX_LINE_BYTES: Final = 128 * 1024
"""The longest line, either way, its line end included."""

SOCKET: Final = "/run/wecall-update/update.sock"
STATE: Final = "/run/wecall-update/state.json"

Base64 = Annotated[str, Field(max_length=96 * 1024, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class UpdateWish(StrEnum):
    """What the handset asks for.

    INSTALL: put an update into the other slot. START_TRIAL: boot from it once. WORKS, FAILS: what runs on trial does,
    or does not. STATE: how it stands. RELEASE_KEYS: take a newer list of release keys.
    """

    INSTALL = "install"
    START_TRIAL = "start_trial"
    WORKS = "works"
    FAILS = "fails"
    STATE = "state"
    RELEASE_KEYS = "release_keys"


class UpdateOutcome(StrEnum):
    """What became of a wish."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class UpdateRequest(Section):
    """One wish.

    Attributes:
        message: the signed document that announced the update, in base64; empty where a stick brings it.
        proof: that the release stands in the transparency log; empty for none.
        release_keys: a list of release keys, in base64; empty for none.
    """

    wish: UpdateWish
    message: Base64 = ""
    proof: Annotated[str, Field(max_length=8 * 1024)] = ""
    release_keys: Base64 = ""


class _SaidByRoot(Section):
    """What root says; a handset of older firmware than root's programs passes over what it does not know."""

    model_config = ConfigDict(extra="ignore")


class UpdateProgress(_SaidByRoot):
    """An update has come so far; an answer follows."""

    percent: Annotated[int, Field(ge=0, le=100)]
    received_bytes: Annotated[int, Field(ge=0)] = 0


class UpdateState(_SaidByRoot):
    """How the machine stands.

    Attributes:
        how: what it is updated by.
        version: that runs.
        slot: that it runs from.
        installed: the version that waits in the other slot; empty where none does.
        on_trial: what runs has not been said to work.
        tries: how often what waits was tried.
        last: what became of the last update, of the version `last_version`.
        floor: the lowest version that is taken.
        keys_number: of the list of release keys.
    """

    how: Literal["card", "package", "other"]
    version: Annotated[str, Field(max_length=64)]
    slot: Annotated[str, Field(max_length=1)] = ""
    installed: Annotated[str, Field(max_length=64)] = ""
    on_trial: bool = False
    tries: Annotated[int, Field(ge=0, le=3)] = 0
    last: OutcomeCode | Literal[""] = ""
    last_version: Annotated[str, Field(max_length=64)] = ""
    floor: Annotated[str, Field(max_length=64)] = ""
    keys_number: Annotated[int, Field(ge=0)] = 0


class UpdateAnswer(_SaidByRoot):
    """What became of a wish."""

    outcome: UpdateOutcome
    code: OutcomeCode | Literal[""] = ""
    state: UpdateState
