"""What became of a bundle, in the words of those who hear of it: the phone, whoever brought it, the operator."""

from datetime import UTC, datetime

from contract.results import BundleResult, CheckCode, CheckName, OutcomeCode
from firmware.base.image import is_card
from firmware.base.proven_time import Now
from firmware.configuration.standing import BundleSource, Ended
from firmware.phone.bundle_news import BundleEnded
from provisioning.report import Check, Report


def report_of(ended: Ended, serial: str, firmware: str, now: Now) -> Report:
    """Return the report.

    Args:
        ended: what became of the bundle.
        serial: the handset's.
        firmware: the version that runs now.
        now: what is known of the time; a clock that is behind is a reason for much, so whoever reads is told.
    """
    clock = (Check(name=CheckName.CLOCK, passed=False, code=CheckCode.BEHIND),) if now.is_behind else ()
    return Report(
        serial=serial,
        number=ended.number,
        firmware=firmware,
        result=ended.result,
        code=ended.code,
        bundle_fleet=ended.bundle_fleet,
        own_fleet=ended.own_fleet,
        checks=(*clock, *ended.checks),
        made_at=datetime.fromtimestamp(ended.at, UTC),
    )


def news_of(ended: Ended) -> BundleEnded:
    """Return what the phone hears."""
    return BundleEnded(
        ended.result,
        ended.code,
        ended.number,
        ended.failure,
        ended.bundle_fleet,
        ended.own_fleet,
        by_stick=ended.source is BundleSource.STICK,
        by_lan=ended.source is BundleSource.LAN,
        on_card=is_card(),
    )


def outcome_of(ended: Ended) -> OutcomeCode:
    """Return what the operator is told of a bundle that came over the network."""
    match ended.result:
        case BundleResult.APPLIED | BundleResult.NOTHING_TO_DO:
            return OutcomeCode.APPLIED
        case BundleResult.REFUSED:
            return OutcomeCode(ended.code)
        case BundleResult.REVERTED | BundleResult.INTERRUPTED:
            return OutcomeCode(f"reverted_{ended.code}")
