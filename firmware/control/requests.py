"""Every request that a local socket understands: closed models, one list for each role."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import Base64UrlBytes, BaseModel, ConfigDict, Field, model_validator

from firmware.egress.downlink import MAX_DOCUMENT_BYTES, MAX_NETWORK_BUNDLE_BYTES, DownTopic
from firmware.phone.bundle_news import BundleCode
from firmware.phone.contact import NumberKind
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.vcard.properties import MAX_PROPERTIES, CardProperty

MAX_LINE_BYTES: Final = 64 * 1024
"""The longest line, either way, its line end included."""

MAX_PIECE_BYTES: Final = 45_000
"""The most that one line brings of a file that is longer than a line; it goes as base64."""


class Role(StrEnum):
    """Who is at the other end; the socket is the role."""

    SYNC = "sync"
    ADMIN = "admin"
    STICK = "stick"


class Request(BaseModel):
    """One line of a caller."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    request: str


class Answer(BaseModel):
    """What a handler returns; the server adds `"ok": true`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Empty(Answer):
    """Nothing more to say than that it was done."""


# --- sync -------------------------------------------------------------------------------------------------------------

Key = tuple[Annotated[int, Field(ge=0, lt=2**63)], Annotated[int, Field(ge=0, lt=2**63)]]
"""Epoch and sequence number of a message."""


class ConfigurationRequest(Request):
    """Asks for the broker's settings."""

    request: Literal["configuration"] = "configuration"


class NextRequest(Request):
    """Waits for messages that are due, and asks for as many as one answer holds."""

    request: Literal["next"] = "next"
    wait_s: Annotated[float, Field(ge=0, le=60)] = 0


class DoneRequest(Request):
    """Says which messages the broker has."""

    request: Literal["done"] = "done"
    keys: Annotated[tuple[Key, ...], Field(max_length=1000)]


class ConnectionRequest(Request):
    """Says how the sync process stands with the broker."""

    request: Literal["connection"] = "connection"
    state: BrokerState
    code: BrokerProblem = BrokerProblem.NONE


class ReceivedRequest(Request):
    """Brings a message for the handset, in base64: what it says is for the handset to find out."""

    request: Literal["received"] = "received"
    topic: Literal[DownTopic.ACK, DownTopic.POLICY, DownTopic.NOTICE, DownTopic.ANSWER]
    document: Annotated[Base64UrlBytes, Field(max_length=MAX_DOCUMENT_BYTES, repr=False)]


class MovedRequest(Request):
    """Says how many bytes went to the broker and came from it since this was said last; they stay on the handset."""

    request: Literal["moved"] = "moved"
    sent_bytes: Annotated[int, Field(ge=0, lt=2**40)]
    received_bytes: Annotated[int, Field(ge=0, lt=2**40)]


# --- bundles, by the stick or by the broker ---------------------------------------------------------------------------

Offer = Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
"""Names a bundle from its first piece until it is known what became of it."""


class BundleBeginRequest(Request):
    """Offers a bundle of so many bytes, which is to come in pieces."""

    request: Literal["bundle_begin"] = "bundle_begin"
    size_bytes: Annotated[int, Field(ge=1, lt=2**40)]


class NetworkBundleBeginRequest(Request):
    """Offers a bundle that came over the network, by its SHA-256: it need not come where it is known."""

    request: Literal["bundle_begin"] = "bundle_begin"
    size_bytes: Annotated[int, Field(ge=1, le=MAX_NETWORK_BUNDLE_BYTES)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BundlePieceRequest(Request):
    """Brings a bundle's next bytes, in base64."""

    request: Literal["bundle_piece"] = "bundle_piece"
    offer: Offer
    data: Annotated[Base64UrlBytes, Field(max_length=MAX_PIECE_BYTES, repr=False)]


class BundleEndRequest(Request):
    """Says that all of a bundle has come, and has it looked at."""

    request: Literal["bundle_end"] = "bundle_end"
    offer: Offer


# --- stick ------------------------------------------------------------------------------------------------------------


class IdentityRequest(Request):
    """Asks who this handset is to the installer: what a blank stick collects."""

    request: Literal["identity"] = "identity"


class BundleFollowRequest(Request):
    """Waits for news of a bundle beyond those that are known; also after the handset has started anew."""

    request: Literal["bundle_follow"] = "bundle_follow"
    offer: Offer
    after: Annotated[int, Field(ge=0, lt=2**31)] = 0
    wait_s: Annotated[float, Field(ge=0, le=30)] = 0


class StickDoneRequest(Request):
    """Says what came of a stick that brought this handset no bundle, for the display."""

    request: Literal["stick_done"] = "stick_done"
    code: BundleCode


class ReportedRequest(Request):
    """Says that nothing is written to the stick any more, and whether all is on it that should be."""

    request: Literal["reported"] = "reported"
    written: bool = True


class StickRemovedRequest(Request):
    """Says that the stick was taken out, and whether it was being read still."""

    request: Literal["stick_removed"] = "stick_removed"
    early: bool = False


CopyName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
"""Names a file that the holder ordered, such as wecall-20260100-030405.tar.age."""


class ExportListRequest(Request):
    """Asks for the files that the holder has just ordered to be taken away."""

    request: Literal["export_list"] = "export_list"


class ExportPieceRequest(Request):
    """Asks for bytes of such a file, from some place on."""

    request: Literal["export_piece"] = "export_piece"
    name: CopyName
    offset: Annotated[int, Field(ge=0, lt=2**63)]


class ExportWrittenRequest(Request):
    """Says that such files are where they were to go, and are to be forgotten here."""

    request: Literal["export_written"] = "export_written"
    names: Annotated[tuple[CopyName, ...], Field(min_length=1, max_length=8)]


# --- admin ------------------------------------------------------------------------------------------------------------


class StatusRequest(Request):
    """Asks how the handset is."""

    request: Literal["status"] = "status"


class PageRequest(Request):
    """Asks what the display says, without anything about anybody."""

    request: Literal["page"] = "page"


class DoctorRequest(Request):
    """Asks what works, part by part, and what to do about the rest."""

    request: Literal["doctor"] = "doctor"


class ConsentRequest(Request):
    """Lists, grants or withdraws consent; a change needs the holder's PIN, or the guardian's, where one is set."""

    request: Literal["consent"] = "consent"
    action: Literal["list", "grant", "withdraw"] = "list"
    purpose: Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    pin: Annotated[str, Field(max_length=32, repr=False)] = ""

    @model_validator(mode="after")
    def _a_change_names_its_purpose(self) -> Self:
        if (self.action == "list") != (self.purpose is None):
            raise ValueError("grant and withdraw name a purpose, list names none")
        return self


class LedgerVerifyRequest(Request):
    """Asks whether the consent ledger is whole and unchanged."""

    request: Literal["ledger_verify"] = "ledger_verify"


class LedgerShowRequest(Request):
    """Asks for entries of the consent ledger, those after one of them."""

    request: Literal["ledger_show"] = "ledger_show"
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class LogRequest(Request):
    """Asks for the newest lines of the call log."""

    request: Literal["log"] = "log"
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PictureListRequest(Request):
    """Asks which pictures are kept."""

    request: Literal["picture_list"] = "picture_list"


Upload = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Names a picture while it comes in parts."""


class PicturePartRequest(Request):
    """Brings the next bytes of a picture: rows of red, green and blue, in base64."""

    request: Literal["picture_part"] = "picture_part"
    upload: Upload
    data: Annotated[str, Field(max_length=60_000)]


class PictureAddRequest(Request):
    """Keeps the picture whose parts have come, and gives it to a contact, by name or id, where one is named."""

    request: Literal["picture_add"] = "picture_add"
    upload: Upload
    name: Annotated[str, Field(min_length=1, max_length=60)]
    contact: Annotated[str, Field(max_length=200)] = ""
    width_px: Annotated[int, Field(ge=1, le=320)]
    height_px: Annotated[int, Field(ge=1, le=240)]


class ContactPhotoAddRequest(Request):
    """Keeps the picture whose parts have come as the photo of a contact that has none; it goes with the contact."""

    request: Literal["contact_photo_add"] = "contact_photo_add"
    upload: Upload
    contact_id: Annotated[int, Field(ge=1, lt=2**63)]
    width_px: Annotated[int, Field(ge=1, le=320)]
    height_px: Annotated[int, Field(ge=1, le=240)]


class PictureRemoveRequest(Request):
    """Forgets a picture."""

    request: Literal["picture_remove"] = "picture_remove"
    picture: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class KeyRotateRequest(Request):
    """Writes the store anew with another key."""

    request: Literal["key_rotate"] = "key_rotate"


class DocumentTakeRequest(Request):
    """Brings a signed document of the operator, in base64."""

    request: Literal["document_take"] = "document_take"
    kind: Literal["policy", "notice", "catalogue", "answer"]
    data: Annotated[str, Field(max_length=60_000)]


class MyDataExportRequest(Request):
    """Asks for a copy of everything, encrypted unless it is to be open to all; needs the holder's PIN."""

    request: Literal["my_data_export"] = "my_data_export"
    pin: Annotated[str, Field(max_length=32, repr=False)]
    open: bool = False


class ResetRequest(Request):
    """Asks for a factory reset; the guardian's PIN is needed where there is a guardian."""

    request: Literal["reset"] = "reset"
    pin: Annotated[str, Field(max_length=32, repr=False)] = ""


class ContactExportRequest(Request):
    """Says that all contacts are about to be written to a file; needs the holder's PIN."""

    request: Literal["contact_export"] = "contact_export"
    pin: Annotated[str, Field(max_length=32, repr=False)]


class ContactListRequest(Request):
    """Asks for contacts in the order in which they were added, those after one of them; there may come fewer.

    Attributes:
        properties: what is kept of their cards is wanted too.
    """

    request: Literal["contact_list"] = "contact_list"
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=20)] = 15
    properties: bool = False


class ContactPhotoRequest(Request):
    """Asks for a contact's picture as a file."""

    request: Literal["contact_photo"] = "contact_photo"
    contact_id: Annotated[int, Field(ge=1, lt=2**63)]


class ContactNumberPart(BaseModel):
    """One number and what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[str, Field(min_length=1, max_length=64)]
    kind: NumberKind = NumberKind.OTHER


class ContactPart(BaseModel):
    """One contact as a card has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=80)]
    numbers: Annotated[tuple[ContactNumberPart, ...], Field(max_length=20)] = ()
    properties: Annotated[tuple[CardProperty, ...], Field(max_length=MAX_PROPERTIES)] = ()


class ContactMergeRequest(Request):
    """Adds contacts; those that are there already get the numbers that they lack.

    Attributes:
        since: what `erasures` was in the first answer to the same import; None where there was none yet.
    """

    request: Literal["contact_merge"] = "contact_merge"
    since: Annotated[int, Field(ge=0)] | None = None
    contacts: Annotated[tuple[ContactPart, ...], Field(min_length=1, max_length=20)]


class ContactRemoveRequest(Request):
    """Forgets a contact."""

    request: Literal["contact_remove"] = "contact_remove"
    contact_id: Annotated[int, Field(ge=1, lt=2**63)]


class ConfigHistoryRequest(Request):
    """Asks which configurations that bundles brought are kept."""

    request: Literal["config_history"] = "config_history"


class ConfigRevertRequest(Request):
    """Has the configuration tried that counted before."""

    request: Literal["config_revert"] = "config_revert"


def _by_name(*models: type[Request]) -> Mapping[str, type[Request]]:
    return MappingProxyType({str(model.model_fields["request"].default): model for model in models})


REQUESTS: Final[Mapping[Role, Mapping[str, type[Request]]]] = MappingProxyType(
    {
        Role.SYNC: _by_name(
            ConfigurationRequest,
            NextRequest,
            DoneRequest,
            ConnectionRequest,
            ReceivedRequest,
            MovedRequest,
            NetworkBundleBeginRequest,
            BundlePieceRequest,
            BundleEndRequest,
        ),
        Role.STICK: _by_name(
            IdentityRequest,
            BundleBeginRequest,
            BundlePieceRequest,
            BundleEndRequest,
            BundleFollowRequest,
            StickDoneRequest,
            ReportedRequest,
            StickRemovedRequest,
            ExportListRequest,
            ExportPieceRequest,
            ExportWrittenRequest,
        ),
        Role.ADMIN: _by_name(
            StatusRequest,
            PageRequest,
            DoctorRequest,
            ConsentRequest,
            LedgerVerifyRequest,
            LedgerShowRequest,
            DocumentTakeRequest,
            KeyRotateRequest,
            ResetRequest,
            MyDataExportRequest,
            ContactExportRequest,
            ExportPieceRequest,
            ExportWrittenRequest,
            LogRequest,
            PictureListRequest,
            PicturePartRequest,
            PictureAddRequest,
            PictureRemoveRequest,
            ContactListRequest,
            ContactPhotoRequest,
            ContactPhotoAddRequest,
            ContactMergeRequest,
            ContactRemoveRequest,
            ConfigHistoryRequest,
            ConfigRevertRequest,
        ),
    }
)
