"""What a phone shows that a stick is plugged into: goldens show these pages on each display."""

from dataclasses import replace
from typing import Final

from firmware.phone.answers import PinChanged
from firmware.phone.bundle_news import (
    BundleCode,
    BundleCodeWanted,
    BundleEnded,
    BundleResult,
    BundleSignerShown,
    BundleStep,
    BundleStepStarted,
    StickReported,
)
from firmware.phone.call import RegistrationFailure
from firmware.phone.events import Event, Key, PreferencesLoaded
from firmware.phone.phone_settings import PhoneSettings
from firmware.phone.preferences import Preferences
from firmware.phone.view import PhoneView
from tests.unit.phone.desk import Desk, settings

SERIAL: Final = "10000000abcdef01"
SIGNER: Final = BundleSignerShown(("mountain", "umbrella", "breeze", "tortoise", "quantum", "sidewalk"))
LOCKED: Final = (PinChanged(is_set=True), PreferencesLoaded(Preferences(locked_when_idle=True)))

_ENDS: Final = {
    "done": BundleEnded(BundleResult.APPLIED, number=12),
    "nothing new": BundleEnded(BundleResult.NOTHING_TO_DO, number=12),
    "an identity was written": BundleEnded(BundleResult.NOTHING_TO_DO, BundleCode.IDENTITY_WRITTEN),
    "for another phone": BundleEnded(BundleResult.REFUSED, BundleCode.WRONG_SERIAL, 12),
    "from a stranger": BundleEnded(BundleResult.REFUSED, BundleCode.UNKNOWN_KEY),
    "its time is over": BundleEnded(BundleResult.REFUSED, BundleCode.EXPIRED, 12),
    "damaged": BundleEnded(BundleResult.REFUSED, BundleCode.UNREADABLE),
    "wrong password": BundleEnded(BundleResult.REVERTED, BundleCode.LINES, 12, RegistrationFailure.WRONG_PASSWORD),
    "no broker": BundleEnded(BundleResult.REVERTED, BundleCode.BROKER, 12),
    "pulled out": BundleEnded(BundleResult.INTERRUPTED, BundleCode.STICK_GONE),
}


def bundle_views() -> dict[str, PhoneView]:
    """Plug sticks in."""
    views = {
        "stick, waiting for it": Desk(_new()).view,
        "stick, waiting for it after a mistake": Desk(
            replace(_new(), mistakes=("accounts[1].password: is missing.", "device.id: is missing."))
        ).view,
        "stick, signer": _after(SIGNER),
        "stick, signer on a locked phone": _after(*LOCKED, SIGNER),
        "stick, signer whom nobody can accept": _after(SIGNER, Key.OK),
        "stick, code": _after(BundleCodeWanted(5)),
        "stick, half a code": _after(BundleCodeWanted(5), *map(Key, "34567")),
        "stick, wrong code": _after(BundleCodeWanted(3, wait_s=20, wrong=True)),
        "stick, emergency number for a code": _after(BundleCodeWanted(5), *map(Key, "112")),
    }
    views |= {f"stick, step {step}": _after(BundleStepStarted(step)) for step in BundleStep}
    views |= {f"stick, {name}": _after(ended, StickReported()) for name, ended in _ENDS.items()}
    views["stick, done, no report yet"] = _after(_ENDS["done"])
    views["stick, done, no report"] = _after(_ENDS["done"], StickReported(written=False))
    return views


def _new() -> PhoneSettings:
    return settings(provisioned=False, line_usable=False, serial=SERIAL)


def _after(*happened: Event | Key) -> PhoneView:
    desk = Desk()
    for each in happened:
        if isinstance(each, Key):
            desk.press(each)
        else:
            desk.handle(each)
    return desk.view
