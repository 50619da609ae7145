"""What travels from the handset to the stick process."""

from typing import Annotated

from msgspec import Meta

from contract.results import OutcomeCode
from firmware.control.requests import Answer, CopyName, Offer, Piece
from firmware.phone.bundle_news import BundleStep
from provisioning.identity import Identity
from provisioning.report import Report


class IdentityTold(Answer):
    """Which handset this is, for the installer."""

    identity: Identity


class BundleAnswer(Answer):
    """What a bundle goes by that has come; or why none is taken now."""

    offer: Offer | None = None
    refusal: OutcomeCode | None = None


class BundleFollowed(Answer):
    """How far a bundle has come.

    Attributes:
        count: of news so far; asked again with it, the answer waits for the next one.
        step: what is being done.
        report: what became of it; None while that is not known.
    """

    count: Annotated[int, Meta(ge=0, lt=2**31)]
    step: BundleStep
    report: Report | None


class OrderedFile(Answer):
    """One file that the holder ordered."""

    name: CopyName
    size_bytes: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ExportListed(Answer):
    """All of them; empty where nothing was ordered just now."""

    files: Annotated[tuple[OrderedFile, ...], Meta(max_length=8)]


class ExportPiece(Answer):
    """Bytes of a file; none beyond its end."""

    data: Piece
