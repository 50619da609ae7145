"""What a phone shows of updates of its firmware: goldens show these pages on each display."""

from dataclasses import replace
from typing import Final

from contract.results import BundleResult, OutcomeCode
from firmware.phone.bundle_news import BundleEnded, StickReported
from firmware.phone.events import Event
from firmware.phone.updates import UpdateKind, UpdateStage, UpdateTold
from firmware.phone.view import PhoneView
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import open_page

_WAITS: Final = UpdateTold(
    "0.2.0", stage=UpdateStage.WAITING, version="0.3.0", kind=UpdateKind.SECURITY, until="25 Dec", comes_tonight=True
)
_WENT_BACK: Final = replace(_WAITS, stage=UpdateStage.ENDED, code=OutcomeCode.WENT_BACK)
_RESTARTS: Final = UpdateTold("0.2.0", stage=UpdateStage.RESTARTING, version="0.3.0", restarts_in_s=60)
_TOLD: Final = {
    "waits": _WAITS,
    "waits, put off": replace(_WAITS, kind=UpdateKind.FEATURE, is_put_off=True, comes_tonight=False),
    "waits after a try": replace(_WAITS, until="", code=OutcomeCode.UNREACHABLE),
    "being installed": replace(_WAITS, stage=UpdateStage.INSTALLING, percent=34),
    "installed": replace(_WAITS, stage=UpdateStage.INSTALLED),
    "on trial": replace(_WAITS, stage=UpdateStage.ON_TRIAL),
    "went back": _WENT_BACK,
    "none": UpdateTold("0.2.0"),
    "by apt": UpdateTold("0.2.0", by_package=True),
}
_BY_STICK: Final = {
    "installed": BundleEnded(BundleResult.APPLIED, OutcomeCode.INSTALLED, is_update=True, version="0.3.0"),
    "works": BundleEnded(BundleResult.APPLIED, OutcomeCode.APPLIED, is_update=True, version="0.3.0"),
    "without its proof": BundleEnded(BundleResult.REFUSED, OutcomeCode.NO_PROOF, is_update=True),
    "went back": BundleEnded(BundleResult.REVERTED, OutcomeCode.WENT_BACK, is_update=True, version="0.3.0"),
    "not newer": BundleEnded(BundleResult.NOTHING_TO_DO, OutcomeCode.NOT_NEWER, is_update=True),
}


def update_views() -> dict[str, PhoneView]:
    """Announce updates, and bring them by stick."""
    pages = {f"update, page, {name}": _page(told) for name, told in _TOLD.items()}
    sticks = {f"update by stick, {name}": _after(ended, StickReported()) for name, ended in _BY_STICK.items()}
    return pages | {
        "update, idle, tonight": _after(_WAITS),
        "update, idle, went back": _after(_WENT_BACK),
        "update, idle, restarts": _after(_RESTARTS),
        "update, idle, restarts now": _after(replace(_RESTARTS, restarts_in_s=0)),
        "update by stick, restarts": _after(_BY_STICK["installed"], StickReported(), _RESTARTS),
        **sticks,
    }


def _page(told: UpdateTold) -> PhoneView:
    desk = Desk()
    desk.handle(told)
    open_page(desk, "This phone", "Updates")
    return desk.view


def _after(*happened: Event) -> PhoneView:
    desk = Desk()
    for each in happened:
        desk.handle(each)
    return desk.view
