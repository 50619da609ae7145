"""What an administrator may ask of the handset: a closed list."""

from typing import Annotated, Literal

from msgspec import Meta

from contract.closed import Closed
from firmware.control.requests import CopyKey, Request
from firmware.phone.contact import NumberKind


class StatusRequest(Request, tag="status"):
    """Asks how the handset is."""


class PageRequest(Request, tag="page"):
    """Asks what the display says, without anything about anybody."""


class DoctorRequest(Request, tag="doctor"):
    """Asks what works, part by part, and what to do about the rest."""


class ConsentRequest(Request, tag="consent"):
    """Lists, grants or withdraws consent; a change needs the holder's PIN, or the guardian's, where one is set."""

    action: Literal["list", "grant", "withdraw"] = "list"
    purpose: Annotated[str, Meta(max_length=64, pattern=r"^[a-z][a-z0-9_]*\Z")] | None = None
    pin: Annotated[str, Meta(max_length=32)] = ""

    def __post_init__(self) -> None:
        if (self.action == "list") != (self.purpose is None):
            raise ValueError("grant and withdraw name a purpose, list names none")


class LedgerVerifyRequest(Request, tag="ledger_verify"):
    """Asks whether the consent ledger is whole and unchanged."""


class LedgerShowRequest(Request, tag="ledger_show"):
    """Asks for entries of the consent ledger, those after one of them."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class LogRequest(Request, tag="log"):
    """Asks for the newest lines of the call log."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class PictureListRequest(Request, tag="picture_list"):
    """Asks which pictures are kept."""


class PictureAddRequest(Request, tag="picture_add", kw_only=True):
    """Keeps a picture, rows of red, green and blue in a file; gives it to a contact, by name or id, if one is named."""

    takes_file = True
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    contact: Annotated[str, Meta(max_length=200)] = ""
    width_px: Annotated[int, Meta(ge=1, le=320)]
    height_px: Annotated[int, Meta(ge=1, le=240)]


class PictureRemoveRequest(Request, tag="picture_remove"):
    """Forgets a picture."""

    picture: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]


class KeyRotateRequest(Request, tag="key_rotate"):
    """Writes the store anew with another key."""


class DocumentTakeRequest(Request, tag="document_take"):
    """Brings a signed document of the operator, as a file."""

    takes_file = True
    kind: Literal["policy", "notice", "catalogue", "answer"]


class MyDataExportRequest(Request, tag="my_data_export"):
    """Asks for a copy of everything, encrypted unless it is to be open to all; needs the holder's PIN."""

    pin: Annotated[str, Meta(max_length=32)]
    open: bool = False


class MyDataImportRequest(Request, tag="my_data_import"):
    """Brings a copy, as a file, its key and the words that open that; needs the holder's PIN."""

    takes_file = True
    pin: Annotated[str, Meta(max_length=32)]
    key: CopyKey
    passphrase: Annotated[str, Meta(max_length=512)]


class ResetRequest(Request, tag="reset"):
    """Asks for a factory reset; the guardian's PIN is needed where there is a guardian."""

    pin: Annotated[str, Meta(max_length=32)] = ""


class ContactExportRequest(Request, tag="contact_export"):
    """Says that all contacts are about to be written to a file; needs the holder's PIN."""

    pin: Annotated[str, Meta(max_length=32)]


class ContactListRequest(Request, tag="contact_list"):
    """Asks for contacts in the order in which they were added, those after one of them."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Meta(ge=1, le=10)] = 10
    """So many always go into one line: each has up to 20 numbers of 64 characters, which have up to four bytes."""


class ContactNumberPart(Closed):
    """One number and what it is."""

    number: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: NumberKind = NumberKind.OTHER


class ContactAddRequest(Request, tag="contact_add"):
    """Adds a contact, or gives the one that is there the numbers that it lacks."""

    name: Annotated[str, Meta(max_length=80)]
    numbers: Annotated[tuple[ContactNumberPart, ...], Meta(max_length=20)] = ()


class ContactImportRequest(Request, tag="contact_import"):
    """Brings a file of vCards.

    Attributes:
        since: what `erasures` was in the answer to an earlier file of the same import; None where this is the first.
    """

    takes_file = True
    since: Annotated[int, Meta(ge=0)] | None = None


class ContactCardsRequest(Request, tag="contact_cards"):
    """Asks for a file with the vCards of all contacts."""

    version: Literal["3.0", "4.0"] = "3.0"


class ContactRemoveRequest(Request, tag="contact_remove"):
    """Forgets a contact."""

    contact_id: Annotated[int, Meta(ge=1, le=2**63 - 1)]


class ConfigHistoryRequest(Request, tag="config_history"):
    """Asks which configurations that bundles brought are kept."""


class UpdateStatusRequest(Request, tag="update_status"):
    """Asks which version runs, what waits, and until when that can be put off."""


class UpdateNowRequest(Request, tag="update_now"):
    """Has the update that waits installed and tried as soon as nobody uses the phone."""


class UpdatePostponeRequest(Request, tag="update_postpone"):
    """Puts the update that waits off, as its holder may."""


class ConfigRevertRequest(Request, tag="config_revert"):
    """Has the configuration tried that counted before."""
