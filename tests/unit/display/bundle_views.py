"""What a phone shows that a stick is plugged into: goldens show these pages on each display."""

from base64 import b64encode
from dataclasses import replace
from typing import Final

from contract.results import BundleResult, CheckName, OutcomeCode, StickCode
from firmware.configuration.standing import BundleSource, Ended, Kept, Standing
from firmware.phone.bundle_news import (
    BundleAddressShown,
    BundleCodeWanted,
    BundleEnded,
    BundleSignerShown,
    BundleStep,
    BundleStepStarted,
    StickReported,
)
from firmware.phone.call import RegistrationFailure
from firmware.phone.events import Event, PreferencesLoaded
from firmware.phone.key import Key
from firmware.phone.phone_settings import PhoneSettings
from firmware.phone.preferences import Preferences
from firmware.phone.requests.handset import ReadFacts
from firmware.phone.requests.pin import PinChanged
from firmware.phone.view import PhoneView
from firmware.services.set_up_facts import set_up_facts
from provisioning.trust import Kind, TrustedKey
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import open_page

SERIAL: Final = "10000000abcdef01"
SIGNER: Final = BundleSignerShown(("mountain", "umbrella", "breeze", "tortoise", "quantum", "sidewalk"))
LOCKED: Final = (PinChanged(is_set=True), PreferencesLoaded(Preferences(locked_when_idle=True)))

_DIGEST: Final = "0" * 64
_KEY: Final = TrustedKey(public=b64encode(bytes(32)).decode(), signs=frozenset({Kind.BUNDLE}))
_ENDS: Final = {
    "done": BundleEnded(BundleResult.APPLIED, number=12),
    "nothing new": BundleEnded(BundleResult.NOTHING_TO_DO, number=12),
    "an identity was written": BundleEnded(BundleResult.NOTHING_TO_DO, StickCode.IDENTITY_WRITTEN),
    "a copy was written": BundleEnded(BundleResult.NOTHING_TO_DO, StickCode.COPY_WRITTEN),
    "a copy is not wanted": BundleEnded(BundleResult.NOTHING_TO_DO, StickCode.COPY_NOT_WANTED),
    "for another phone": BundleEnded(BundleResult.REFUSED, OutcomeCode.WRONG_SERIAL, 12),
    "for another fleet": BundleEnded(
        BundleResult.REFUSED, OutcomeCode.WRONG_FLEET, 12, bundle_fleet="harbour-hotel", own_fleet="city-hotel"
    ),
    "from a stranger": BundleEnded(BundleResult.REFUSED, OutcomeCode.UNKNOWN_KEY),
    "its time is over": BundleEnded(BundleResult.REFUSED, OutcomeCode.EXPIRED, 12),
    "damaged": BundleEnded(BundleResult.REFUSED, OutcomeCode.UNREADABLE),
    "wrong password": BundleEnded(BundleResult.REVERTED, CheckName.LINES, 12, RegistrationFailure.WRONG_PASSWORD),
    "no broker": BundleEnded(BundleResult.REVERTED, CheckName.BROKER, 12),
    "pulled out": BundleEnded(BundleResult.INTERRUPTED, StickCode.STICK_GONE),
}


def bundle_views() -> dict[str, PhoneView]:
    """Plug sticks in."""
    views = {
        "stick, waiting for it": Desk(_new()).view,
        "stick, waiting for it after a mistake": Desk(
            replace(_new(), mistakes=("accounts[1].password: is missing.", "device.id: is missing."))
        ).view,
        "stick, an address instead of it": _after(BundleAddressShown("https://phones.example.org:8443/all/bundles")),
        "stick, signer": _after(SIGNER),
        "stick, signer on a locked phone": _after(*LOCKED, SIGNER),
        "stick, signer whom nobody can accept": _after(SIGNER, Key.OK),
        "stick, code": _after(BundleCodeWanted(5)),
        "stick, half a code": _after(BundleCodeWanted(5), *map(Key, "34567")),
        "stick, wrong code": _after(BundleCodeWanted(3, wrong=True)),
        "stick, emergency number for a code": _after(BundleCodeWanted(5), *map(Key, "112")),
    }
    views |= {f"stick, step {step}": _after(BundleStepStarted(step)) for step in BundleStep}
    views |= {f"stick, {name}": _after(ended, StickReported()) for name, ended in _ENDS.items()}
    views["stick, what its installer reads later"] = _installer_s_page()
    views["stick, done, no report yet"] = _after(_ENDS["done"])
    views["stick, done, no report"] = _after(_ENDS["done"], StickReported(written=False))
    return views


def _installer_s_page() -> PhoneView:
    desk = Desk()
    open_page(desk, "This phone", "Set-up")
    kept = Kept(number=12, digest=_DIGEST, kept_at=0, note="Site 3, first floor")
    ended = Ended(
        offer="a" * 16,
        digest=_DIGEST,
        source=BundleSource.STICK,
        result=BundleResult.REVERTED,
        code=CheckName.LINES,
        number=13,
        at=0,
    )
    facts = set_up_facts(SERIAL, Standing(active=12, kept=(kept,), ended=ended), (_KEY,))
    desk.reply(ReadFacts, facts)
    return desk.view


def _new() -> PhoneSettings:
    return settings(provisioned=False, line_usable=False, serial=SERIAL)


def _after(*happened: Event | Key) -> PhoneView:
    desk = Desk(settings(serial=SERIAL))
    for each in happened:
        if isinstance(each, Key):
            desk.press(each)
        else:
            desk.handle(each)
    return desk.view
