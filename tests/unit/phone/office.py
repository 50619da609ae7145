"""A telephone as an installer sets it up: with feature codes, rules for dialling and whatever a test adds."""

from collections.abc import Iterable

from firmware.phone.dial_plan import DialPlan, Rewrite
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.state import PhoneSettings
from firmware.settings.phone import feature_codes
from provisioning.calling import FeatureCodes
from tests.unit.phone.desk import Desk

CODES = FeatureCodes()
AGREED = ConsentsChanged(frozenset(), activated=True)
"""What the store says of a telephone that is in use, and whose holder agrees to nothing that can be left out."""


def office_settings(
    *digit_map: str,
    country: str | None = "DE",
    rewrites: Iterable[Rewrite] = (),
    barred: Iterable[str] = (),
    own_numbers: Iterable[str] = ("1001",),
    emergency_numbers: Iterable[str] = (),
    **more: object,
) -> PhoneSettings:
    plan = DialPlan.build(
        country=country,
        domain="example.com",
        digit_map=digit_map or ("x.T",),
        emergency_numbers=emergency_numbers,
        rewrites=rewrites,
        barred=barred,
        own_numbers=own_numbers,
    )
    return PhoneSettings(plan, **{"feature_codes": feature_codes(CODES)} | more)  # type: ignore[arg-type]


def office(*digit_map: str, **more: object) -> Desk:
    desk = Desk(office_settings(*digit_map, **more))  # type: ignore[arg-type]
    desk.handle(AGREED)
    return desk
