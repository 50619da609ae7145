"""What travels from the handset to the stick process."""

from typing import Annotated

from msgspec import Meta

from contract.results import OutcomeCode
from firmware.control.requests import Answer, CopyName, Offer
from firmware.phone.bundle_news import BundleStep
from provisioning.identity import Identity
from provisioning.report import HardwareTest, Report


class IdentityTold(Answer):
    """Which handset this is, for the installer."""

    identity: Identity


class HardwareTold(Answer):
    """What the self-test found; None where nobody made it."""

    test: HardwareTest | None


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


class CopyAnswer(Answer):
    """Whether the holder waited for a copy; it is not read any more."""

    is_wanted: bool


class UpdateTaken(Answer):
    """What became of an update: INSTALLED, and then the phone restarts to try it; APPLIED, where it works already.

    Attributes:
        version: the update's, where it is known.
    """

    code: OutcomeCode
    version: Annotated[str, Meta(max_length=64)] = ""


class ExportListed(Answer):
    """Which files the holder ordered; none where nothing was ordered just now."""

    names: Annotated[tuple[CopyName, ...], Meta(max_length=8)]
