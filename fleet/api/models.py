"""What the HTTP API answers, as closed models: the page, the OpenAPI document and the CSV files follow from them.

Times are RFC 3339 in UTC. What `rows` holds comes in the order that its route tells; `next` is what `after` takes to go
on behind the last row, and null where there is nothing more.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose, RequestKind
from contract.messages import ErasureReason
from contract.results import OutcomeCode
from fleet.api.settings import DashboardUser
from fleet.names import HandsetName
from fleet.publications import PublicationKind


class DeviceState(StrEnum):
    """Where a handset is.

    NO_LINE: connected, and no account of it can call. UNKNOWN until its first word. RETIRED once its holder has gone
    and all of it was deleted.
    """

    ONLINE = "online"
    NO_LINE = "no_line"
    OFFLINE = "offline"
    UNKNOWN = "unknown"
    RETIRED = "retired"


class RequestStanding(StrEnum):
    """How far a holder's request is; OVERDUE: the day on which it was due has passed and it is not closed."""

    OPEN = "open"
    OVERDUE = "overdue"
    CLOSED = "closed"


class ErasureStanding(StrEnum):
    """Whether what a notice names is deleted; OUTSTANDING: not yet."""

    OUTSTANDING = "outstanding"
    DONE = "done"


class DropKind(StrEnum):
    """How a call dropped.

    NETWORK_LOST, INTERRUPTED: its record says so. SERVER_ERROR: it does, or the server answered nothing in time, or
    that it is out of order (408 and 5xx). QUICK_REDIAL: it was very short, and the handset called the same number again
    at once.
    """

    NETWORK_LOST = "network_lost"
    INTERRUPTED = "interrupted"
    SERVER_ERROR = "server_error"
    QUICK_REDIAL = "quick_redial"


class CauseKind(StrEnum):
    """Where calls drop: at one handset, at one place, or at many handsets at the same time."""

    HANDSET = "handset"
    PLACE = "place"
    MANY = "many"


class Answer(BaseModel):
    """What all answers have in common: nothing can be added to them, and no error quotes what was in them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Row = TypeVar("Row", bound=Answer)


class Page(Answer, Generic[Row]):
    """Some rows in their order, and where to go on."""

    rows: tuple[Row, ...]
    next: str | None


class Settings(Answer):
    """What the page needs before anybody has logged in.

    Attributes:
        languages: what the page can speak, the default first.
        time_zone: where the days begin by which requests are due, an IANA name.
        open_id: what people call the OpenID provider by which they may log in; None: there is none.
    """

    languages: tuple[Literal["en", "zh"], ...]
    time_zone: str
    open_id: str | None


class Credentials(BaseModel):
    """Who logs in: a user of the broker's, and the password that the broker knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: DashboardUser
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]


Challenge = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="Of a verifier, by S256 (RFC 7636).")]


class OpenIdReturn(BaseModel):
    """What a browser has that comes back from an OpenID provider.

    Attributes:
        code: the provider's, good once.
        verifier: whose challenge the browser left with (RFC 7636 section 4.1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[SecretStr, Field(min_length=1, max_length=2048)]
    verifier: Annotated[SecretStr, Field(min_length=43, max_length=128)]


class Departure(Answer):
    """Where a browser goes to log in.

    Attributes:
        address: the provider's.
        page: the page's own, as the provider knows it: whoever began elsewhere does not come back there.
    """

    address: str
    page: str


class Session(Answer):
    """A token for `Authorization: Bearer`, which ends at `expires_at`, or after `idle_s` seconds without a request.

    Attributes:
        fleets: those that this user may see; None: all.
        audits: whether this user may read what all have done.
    """

    token: str
    user: str
    expires_at: datetime
    idle_s: int
    fleets: tuple[str, ...] | None
    audits: bool


class Device(Answer):
    """One handset; `state` is what it has been since `state_since`."""

    fleet: str
    device: str
    state: DeviceState
    state_since: datetime
    first_seen_at: datetime
    last_seen_at: datetime


class DevicePage(Page[Device]):
    """Handsets by fleet and name."""


class DeviceCount(Answer):
    """How many handsets of a fleet are in each state, and since when the one is in it that is so longest."""

    fleet: str
    online: int
    no_line: int
    offline: int
    unknown: int
    retired: int
    longest_offline_since: datetime | None
    longest_no_line_since: datetime | None


class DeviceCounts(Answer):
    """Handsets by fleet and state, by the name of the fleet."""

    rows: tuple[DeviceCount, ...]


class Call(Answer):
    """One call that is over, as its handset told it.

    Attributes:
        number: the other end, or the pseudonym for it beyond a border; None where it was withheld.
        answered_at: None where nobody answered.
        ended_at: None where the handset was cut off and did not see the end.
        talk_s: seconds from the answer to the end; None where one of them is.
        clock_synced: the handset's clock had been set from the network when the call started.
    """

    fleet: str
    device: str
    epoch: int
    seq: int
    id: str
    account: str
    direction: CallDirection
    number: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    talk_s: float | None
    result: DisconnectReason
    sip_code: int
    clock_synced: bool
    boot_id: str
    received_at: datetime


class CallPage(Page[Call]):
    """Calls, the one that started last first."""


class CallHour(Answer):
    """Calls that started within the hour from `hour` on."""

    hour: datetime
    calls: int
    answered: int


class CallHours(Answer):
    """Every hour from `start` to `end`, those without a call too, the earliest first."""

    start: datetime
    end: datetime
    rows: tuple[CallHour, ...]


class CallResult(Answer):
    """Calls in one direction that ended in one way."""

    result: DisconnectReason
    direction: CallDirection
    calls: int


class CallResults(Answer):
    """How calls that started between `start` and `end` ended, the most frequent first."""

    start: datetime
    end: datetime
    rows: tuple[CallResult, ...]


class DroppedCall(Call):
    """One call that dropped.

    Attributes:
        drop: how.
        redialled: the handset called the same number again at once.
    """

    drop: DropKind
    redialled: bool


class DroppedCallPage(Page[DroppedCall]):
    """Calls that dropped, the one that started last first."""


class DropCause(Answer):
    """Calls that dropped together: more of them than chance lets drop.

    Attributes:
        device, place: which one, where the cause is one.
        drop: how most of them dropped.
        start, end: from the minute of the first to the end of the last one's.
        calls: of this handset or place in the period; of all handsets of the fleet between `start` and `end`.
        dropped: those of the cause among them.
        handsets: whose calls these were.
        usual: the share of calls that drops in the rest of the fleet, 0 to 1.
        chance: how often at most chance alone shows such a cause anywhere in a fleet that has none, 0 to 1.
    """

    kind: CauseKind
    fleet: str
    device: str | None
    place: str | None
    drop: DropKind
    start: datetime
    end: datetime
    calls: int
    dropped: int
    handsets: int
    usual: float
    chance: float


class Drops(Answer):
    """How many calls dropped, and how.

    Attributes:
        quick_redial: calls that were dialled again at once, however they dropped.
        handsets: those on which a call dropped.
        cause, cause_drop: what explains most of them, and how most calls of that cause dropped; None where they are no
            more than usual.
        others: on how many other handsets that cause let calls drop.
    """

    fleet: str
    calls: int
    dropped: int
    network_lost: int
    interrupted: int
    server_error: int
    quick_redial: int
    handsets: int
    cause: CauseKind | None
    cause_drop: DropKind | None
    others: int


class HandsetDrops(Drops):
    """Those of one handset; `place` is None where nobody has named one."""

    device: str
    place: str | None


class PlaceDrops(Drops):
    """Those of one place."""

    place: str


class MinuteDrops(Drops):
    """Those that started within the minute from `minute` on."""

    minute: datetime


class DropCauses(Answer):
    """Why calls dropped that started between `start` and `end`.

    Attributes:
        start: later than what was asked for where more calls dropped than are looked at; then it is the time of the
            earliest of them.
        calls, dropped: all of them.
        causes: the one with the most calls first.
        handsets, places, minutes: those with the most dropped calls first; minutes in which calls of several handsets
            dropped.
    """

    start: datetime
    end: datetime
    calls: int
    dropped: int
    causes: tuple[DropCause, ...]
    handsets: tuple[HandsetDrops, ...]
    places: tuple[PlaceDrops, ...]
    minutes: tuple[MinuteDrops, ...]


class PurposeCoverage(Answer):
    """How many handsets' holders said yes to one purpose, no, or were never asked."""

    purpose: Purpose
    granted: int
    refused: int
    not_asked: int


class ConsentCoverage(Answer):
    """Consent by purpose, over all handsets that are not retired.

    Attributes:
        devices: how many these are.
        reporting: how many of them have told their state of consent; `rows` counts these.
        ledgers_broken: how many of those say that their ledger does not verify, so that nothing is granted.
    """

    devices: int
    reporting: int
    ledgers_broken: int
    rows: tuple[PurposeCoverage, ...]


class RightsRequest(Answer):
    """One request that a holder made of the operator.

    Attributes:
        epoch: what a signed answer names beside the number; None with firmware that takes no answers.
        due: counted here until the handset knows the day.
        objected: the holder objects to the answer that was given.
        days_left: until `due`, negative once that has passed; None where it is closed.
    """

    fleet: str
    device: str
    number: int
    epoch: int | None
    kind: RequestKind
    due: date
    objected: bool
    standing: RequestStanding
    days_left: int | None
    first_seen_at: datetime
    closed_at: datetime | None


class RightsRequestPage(Page[RightsRequest]):
    """Requests, the one that is due first first."""


class RightsRequestCounts(Answer):
    """How many requests stand how, and the earliest day by which one that is not closed is due."""

    open: int
    overdue: int
    closed: int
    next_due: date | None


class Erasure(Answer):
    """One notice by which a handset had records deleted.

    Attributes:
        cancelled: its holder has gone, so that everything of the handset goes.
        deleted: rows that were deleted for it.
    """

    fleet: str
    device: str
    epoch: int
    seq: int
    reason: ErasureReason
    cancelled: bool
    standing: ErasureStanding
    received_at: datetime
    done_at: datetime | None
    deleted: int


class ErasurePage(Page[Erasure]):
    """Erasures, the one that came last first."""


class CodeCount(Answer):
    """Handsets whose newest word about a message is this code."""

    code: OutcomeCode
    devices: int


class Outcome(Answer):
    """What became of one message of the operator's.

    Attributes:
        message: its SHA-256.
        kind, name, published_at: as the operator said when publishing; None where nobody did.
        devices: handsets that said anything about it.
        codes: their newest words, the most frequent first.
        last_received_at: when the newest of them came; None where none did.
    """

    fleet: str
    message: str
    kind: PublicationKind | None
    name: str | None
    published_at: datetime | None
    devices: int
    codes: tuple[CodeCount, ...]
    last_received_at: datetime | None


class OutcomePage(Page[Outcome]):
    """Messages of the operator's by fleet, the one that was published (or first answered) last first."""


class DeviceOutcome(Answer):
    """The newest word of one handset about one message."""

    fleet: str
    device: str
    message: str
    code: OutcomeCode
    received_at: datetime


class DeviceOutcomePage(Page[DeviceOutcome]):
    """Newest words by fleet, handset and message."""


class NamedDevice(Answer):
    """A handset of the table of names.

    Attributes:
        fleet: None where neither the table nor what was heard of it says.
        device: its id.
        serial, label, place: as the table has them; "" where it has nothing.
        heard: whether anything of it has ever come.
    """

    fleet: str | None
    device: str
    serial: str
    label: str
    place: str
    heard: bool


class Names(Answer):
    """What people call handsets, by device id; also of those that were never heard of.

    Attributes:
        rows: empty where the collector has no table.
        read_at: when the table could be read last; None: never.
        broken: whether the table that is there now cannot be used, so that these names are older; the log says why.
    """

    rows: tuple[NamedDevice, ...]
    read_at: datetime | None
    broken: bool


class Quarantined(Answer):
    """Messages that were not taken, of one handset on one topic for one reason; counted, never kept."""

    fleet: str
    device: str
    topic: str
    reason: str
    count: int
    first_received_at: datetime
    last_received_at: datetime


class QuarantinePage(Page[Quarantined]):
    """Quarantined messages by fleet, handset, topic and reason."""


class Audited(Answer):
    """What somebody did.

    Attributes:
        who: a user of the broker's, or `token:` and the first eight digits of the token's SHA-256.
        action: logged_in, logged_out, viewed (once an hour) or exported.
        what: a route of this API, or the table that a page made a file of; empty where `action` says it all.
        fleets: of which, with a space between; `*` for all.
        device: of which handset alone; empty where it was of all.
    """

    at: datetime
    id: str
    who: str
    action: str
    what: str
    fleets: str
    device: str


class AuditPage(Page[Audited]):
    """What people and programs did, the latest first."""


class Export(BaseModel):
    """A file that a page has made."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    what: Annotated[str, Field(pattern=r"^[a-z-]{1,32}$")]
    fleet: HandsetName | None = None


class Problem(Answer):
    """Why a request was not answered, in a sentence."""

    detail: str


class Mistake(Answer):
    """One thing that is wrong in a request: where it stands, and why; never what was sent."""

    where: str
    why: str


class Mistakes(Answer):
    """Everything that is wrong in a request."""

    detail: str
    mistakes: tuple[Mistake, ...]
