"""What is asked over a local socket, a closed list for each role; what an administrator asks is in admin_requests."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec
from msgspec import Meta

from contract.closed import Closed
from contract.downlink import DownTopic
from contract.results import OutcomeCode, StickCode
from firmware.ports.broker import BrokerProblem, BrokerState

_C = TypeVar("_C", bound=Closed)

MAX_LINE_BYTES: Final = 64 * 1024
"""The longest line, either way, its line end included."""


class Role(StrEnum):
    """Who is at the other end; the socket is the role."""

    SYNC = "sync"
    ADMIN = "admin"
    STICK = "stick"
    LAN = "lan"
    FETCH = "fetch"


class Request(Closed, tag_field="request"):
    """One line of a caller.

    Where its fields contradict each other, `__post_init__` raises a ValueError whose words quote none of them: the
    caller is told these words.

    Attributes:
        takes_file: an open file comes beside the line.
    """

    takes_file: ClassVar[bool] = False

    @property
    def request(self) -> str:
        """What it is called."""
        return str(self.__struct_config__.tag)

    def __repr__(self) -> str:
        """Tell no more than its name: what it brings, a PIN perhaps, is nobody's to read."""
        return f"{type(self).__name__}()"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Tell nothing: tracebacks that show what variables hold ask for this instead."""
        return []


class Answer(Closed):
    """What a handler returns; the server adds `"ok": true`."""

    def __repr__(self) -> str:
        """Tell no more than its name, as of a request."""
        return f"{type(self).__name__}()"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Tell nothing, as of a request."""
        return []


class FileAnswer(Answer):
    """Says that so many bytes of a file go behind this line; where fewer do, it is not whole."""

    size_bytes: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class WithFile(Answer):
    """What a handler returns for the server to send a FileAnswer, and then these pieces of it, an AsyncIterator."""

    answer: FileAnswer
    pieces: Any


class Empty(Answer):
    """Nothing more to say than that it was done."""


def written(message: Closed) -> dict[str, Any]:
    """Return what is in a request, an answer or a part of one, as JSON has it."""
    plain: dict[str, Any] = msgspec.to_builtins(message, enc_hook=_write_other)
    return plain


def read(model: type[_C], plain: object) -> _C:
    """Return a request or an answer.

    Raises:
        ValueError: it is none; the error's words may quote it.
    """
    return msgspec.convert(plain, model, dec_hook=read_other)


def _write_other(value: Any) -> object:
    if not hasattr(value, "model_dump"):
        raise TypeError(f"There is no JSON for what is a {type(value).__name__}")
    return value.model_dump(mode="json")


def read_other(kind: Any, plain: object) -> object:
    """Read what msgspec knows nothing of: models of pydantic's, where an answer has one."""
    return kind.model_validate(plain)


# --- sync -------------------------------------------------------------------------------------------------------------

Key = tuple[Annotated[int, Meta(ge=0, le=2**63 - 1)], Annotated[int, Meta(ge=0, le=2**63 - 1)]]
"""Epoch and sequence number of a message."""


class ConfigurationRequest(Request, tag="configuration"):
    """Asks for the broker's settings."""


class NextRequest(Request, tag="next"):
    """Waits for messages that are due, and asks for as many as one answer holds."""

    wait_s: Annotated[float, Meta(ge=0, le=60)] = 0


class DoneRequest(Request, tag="done"):
    """Says which messages the broker has."""

    keys: Annotated[tuple[Key, ...], Meta(max_length=1000)]


class ConnectionRequest(Request, tag="connection"):
    """Says how the sync process stands with the broker."""

    state: BrokerState
    code: BrokerProblem = BrokerProblem.NONE


class ReceivedRequest(Request, tag="received"):
    """Brings a message for the handset, as a file: what it says is for the handset to find out."""

    takes_file = True
    topic: DownTopic

    def __post_init__(self) -> None:
        if self.topic is DownTopic.BUNDLE:
            raise ValueError("a bundle comes by its digest")


class LineRequest(Request, tag="line"):
    """Waits until whether an account can call is something else than what was heard last; None: nothing was yet."""

    heard: bool | None = None
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 0


class MovedRequest(Request, tag="moved"):
    """Says how many bytes went to the broker and came from it since this was said last; they stay on the handset."""

    sent_bytes: Annotated[int, Meta(ge=0, lt=2**40)]
    received_bytes: Annotated[int, Meta(ge=0, lt=2**40)]


# --- bundles, by the stick or by the broker ---------------------------------------------------------------------------

Offer = Annotated[str, Meta(pattern=r"^[0-9a-f]{16,64}\Z")]
"""Names a bundle from when it has come until it is known what became of it."""


class BundleBeginRequest(Request, tag="bundle_begin"):
    """Says that a bundle of so many bytes is read from a stick now, unless it would not be taken."""

    size_bytes: Annotated[int, Meta(ge=1, lt=2**40)]


class BundleRequest(Request, tag="bundle"):
    """Brings a bundle, as a file."""

    takes_file = True


class NetworkBundleRequest(Request, tag="bundle"):
    """Brings a bundle that came over the network, as a file: by its SHA-256, as it is not read where it is known."""

    takes_file = True
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


# --- lan --------------------------------------------------------------------------------------------------------------


class BundleOfferedRequest(Request, tag="bundle_offered"):
    """Asks whether a bundle is wanted: by its SHA-256, and by the serials that it is for, none for all of a fleet."""

    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    serials: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=1000)]


class OfferAnswer(Answer):
    """Whether a bundle is to be brought."""

    is_wanted: bool


class AddressOfferedRequest(Request, tag="address_offered"):
    """Brings the address where bundles are, as the network names it; whoever stands before the phone is asked."""

    address: Annotated[str, Meta(max_length=255)]


# --- fetch, beside offers of bundles ----------------------------------------------------------------------------------


class AddressWantedRequest(Request, tag="address_wanted"):
    """Waits some seconds for an address that somebody confirms."""


class AddressAnswer(Answer):
    """What was confirmed just now, for once; empty where nothing was."""

    address: str


class FetchEndedRequest(Request, tag="fetch_ended"):
    """Tells why no bundle comes from the address that was confirmed."""

    code: OutcomeCode


# --- stick ------------------------------------------------------------------------------------------------------------


class IdentityRequest(Request, tag="identity"):
    """Asks who this handset is to the installer: what a blank stick collects."""


class HardwareRequest(Request, tag="hardware"):
    """Asks what the self-test of the hardware found, for the report."""


class BundleFollowRequest(Request, tag="bundle_follow"):
    """Waits for news of a bundle beyond those that are known; also after the handset has started anew."""

    offer: Offer
    after: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    wait_s: Annotated[float, Meta(ge=0, le=30)] = 0


CopyKey = Annotated[bytes, Meta(max_length=4096)]
"""The file beside a copy, which its words open; in JSON as base64."""


class CopyRequest(Request, tag="copy"):
    """Brings a copy of the holder's data, as a file, and its key; empty where the copy is open to all."""

    takes_file = True
    key: CopyKey


class UpdateRequest(Request, tag="update"):
    """Brings an update of the firmware, as a file, with its proof and a list of release keys, which may be empty.

    The answer comes once it is installed, or is not to be.
    """

    takes_file = True
    proof: Annotated[bytes, Meta(max_length=8 * 1024)] = b""
    release_keys: Annotated[bytes, Meta(max_length=32 * 1024)] = b""


class StickDoneRequest(Request, tag="stick_done"):
    """Says what came of a stick that brought this handset no bundle, or why it is refused, for the display."""

    code: StickCode | None = None
    refusal: OutcomeCode | None = None


class ReportedRequest(Request, tag="reported"):
    """Says that nothing is written to the stick any more, and whether all is on it that should be."""

    written: bool = True


class StickRemovedRequest(Request, tag="stick_removed"):
    """Says that the stick was taken out, and whether it was being read still."""

    early: bool = False


CopyName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}\Z")]
"""Names a file that the holder ordered, such as wecall-20260100-030405.tar.age."""


class ExportListRequest(Request, tag="export_list"):
    """Asks for the files that the holder has just ordered to be taken away."""


class ExportFetchRequest(Request, tag="export_fetch"):
    """Asks for such a file."""

    name: CopyName


class ExportWrittenRequest(Request, tag="export_written"):
    """Says that such files are where they were to go, and are to be forgotten here."""

    names: Annotated[tuple[CopyName, ...], Meta(min_length=1, max_length=8)]
