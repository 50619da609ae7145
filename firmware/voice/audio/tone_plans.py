"""Call progress tones by country (ITU-T E.180 Supplement 2, or the country's own specification)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from firmware.phone.countries import COUNTRIES
from firmware.phone.orders import Tone

GENERAL_PLAN: Final = "ITU"
"""Names the plan that ITU-T E.180 recommends, which serves where no nearer one is known."""


@dataclass(frozen=True, slots=True)
class ToneShape:
    """One tone.

    Attributes:
        frequencies_hz: what sounds together.
        cadence_ms: on, off, on, off...; empty for a continuous tone.
        modulation_hz: the frequency that modulates the amplitude, 0 for none.
        repeats: False for a tone that is played once.
        level_dbm0: the level of all frequencies together while it is on.
        lead_ms: on, off, on, off... once before the cadence.
    """

    frequencies_hz: tuple[int, ...]
    cadence_ms: tuple[int, ...] = ()
    modulation_hz: int = 0
    repeats: bool = True
    level_dbm0: float = -13.0
    lead_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TonePlan:
    """A country's tones, and the rhythm in which its telephones ring."""

    tones: Mapping[Tone, ToneShape]
    ring_cadence_ms: tuple[int, ...]


def tone_plan(country: str) -> TonePlan:
    """Return the plan of a country that the configuration may name, or the nearest one that is known.

    Raises:
        KeyError: there is no such country.
    """
    return PLANS[plan_name(country)]


def plan_name(country: str) -> str:
    """Return whose plan a country has: its own code where that is known, another's, or `GENERAL_PLAN`.

    Raises:
        KeyError: there is no such country.
    """
    if country in PLANS:
        return country
    if COUNTRIES[country].calling_code == _NORTH_AMERICAN_CODE:
        return "US"
    return next((model for model, alike in _LIKE.items() if country in alike.split()), GENERAL_PLAN)


# Under the voice that it sounds over, yet not under a faint one.
_OVER_A_CALL_DBM0 = -20.0
_STUTTER_MS = (100, 100) * 5
# Once every 15 s: a reminder, where a held call would otherwise be forgotten.
_HOLD_REMINDER_MS = (120, 120, 120, 14_640)
# Higher than any country's other tones: nobody should take it for one of them.
_WARNING_HZ = (1000,)
_WARNING_MS = (120, 80, 120, 80)


# Twice, and then not for a while: where a country's own beeps come every second or two, they would cover the voice.
_CALL_WAITING_MS = (200, 200, 200, 5000)
_NORTH_AMERICAN_CODE = "1"
# Whose exchanges came from one country sound like its.
_LIKE: Mapping[str, str] = {
    "AU": "CC CX HM NF",
    "CN": "MO",
    "DK": "FO GL",
    "ES": "AD",
    "FI": "AX",
    "FR": "BL GF GP MC MF MQ NC PF PM RE TF WF YT",
    "GB": "AC FK GG GI GS IM IO JE MT SH TA CY BH KW OM QA AE LK MM MU SC KE UG TZ ZM MW GH NG SL GM",
    "IN": "BD BT NP",
    "IT": "SM VA",
    "NL": "AW BQ CW SX SR",
    "NO": "BV SJ",
    "NZ": "CK NU PN TK WS",
    "RU": "AM AZ BY GE KG KZ MD TJ TM UA UZ",
    "US": "FM MH PW",
    "ZA": "BW LS NA SZ ZW",
}


def _plan(
    *,
    dial: ToneShape,
    ringback: ToneShape,
    busy: ToneShape,
    reorder: ToneShape,
    call_waiting_ms: Sequence[int],
    call_waiting_hz: int | None = None,
    ring_cadence_ms: Sequence[int] = (),
) -> TonePlan:
    # E.180 leaves these to each country. Three short bursts of dial tone confirm in North America, and bursts ahead of
    # it say there that something waits; both are understood elsewhere. Most use the busy tone's pitch over a call.
    over_a_call_hz = (call_waiting_hz or busy.frequencies_hz[0],)
    tones = {
        Tone.DIAL: dial,
        Tone.RINGBACK: ringback,
        Tone.BUSY: busy,
        Tone.REORDER: reorder,
        Tone.CONFIRMATION: replace(dial, cadence_ms=(100,) * 6, repeats=False),
        Tone.STUTTER_DIAL: replace(dial, lead_ms=_STUTTER_MS),
        Tone.CALL_WAITING: ToneShape(over_a_call_hz, tuple(call_waiting_ms), level_dbm0=_OVER_A_CALL_DBM0),
        Tone.HOLD_REMINDER: ToneShape(over_a_call_hz, _HOLD_REMINDER_MS, level_dbm0=_OVER_A_CALL_DBM0),
        Tone.WARNING: ToneShape(_WARNING_HZ, _WARNING_MS, repeats=False),
    }
    return TonePlan(MappingProxyType(tones), tuple(ring_cadence_ms) or ringback.cadence_ms)


_BRITISH_RING = (400, 200, 400, 2000)

# The precise tone plan of North America (Telcordia GR-506) sets levels for each tone.
_NORTH_AMERICA = _plan(
    dial=ToneShape((350, 440), level_dbm0=-10),
    ringback=ToneShape((440, 480), (2000, 4000), level_dbm0=-16),
    busy=ToneShape((480, 620), (500, 500), level_dbm0=-21),
    reorder=ToneShape((480, 620), (250, 250), level_dbm0=-21),
    call_waiting_ms=(300, 10_000),
    call_waiting_hz=440,
)


def _at_425_hz(
    *,
    busy_ms: int,
    reorder_ms: Sequence[int],
    call_waiting_ms: Sequence[int] = _CALL_WAITING_MS,
    dial_ms: Sequence[int] = (),
    ring_ms: Sequence[int] = (1000, 4000),
) -> TonePlan:
    return _plan(
        dial=ToneShape((425,), tuple(dial_ms)),
        ringback=ToneShape((425,), tuple(ring_ms)),
        busy=ToneShape((425,), (busy_ms, busy_ms)),
        reorder=ToneShape((425,), tuple(reorder_ms)),
        call_waiting_ms=call_waiting_ms,
    )


PLANS: Final[Mapping[str, TonePlan]] = {
    # ITU-T E.180 sections 3 to 6: one tone of 425 Hz for all.
    GENERAL_PLAN: _at_425_hz(busy_ms=500, reorder_ms=(250, 250)),
    "AT": _plan(
        dial=ToneShape((420,)),
        ringback=ToneShape((420,), (1000, 5000)),
        busy=ToneShape((420,), (400, 400)),
        reorder=ToneShape((420,), (200, 200)),
        call_waiting_ms=_CALL_WAITING_MS,
    ),
    "AU": _plan(
        dial=ToneShape((413, 438)),
        ringback=ToneShape((413, 438), _BRITISH_RING),
        busy=ToneShape((425,), (375, 375)),
        reorder=ToneShape((425,), (375, 375), level_dbm0=-18),
        call_waiting_ms=(200, 200, 200, 4400),
    ),
    "BE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 3000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (170, 170)),
        call_waiting_ms=(175, 175, 175, 3500),
        call_waiting_hz=1400,
    ),
    "BG": _at_425_hz(busy_ms=500, reorder_ms=(250, 250), call_waiting_ms=(150, 150, 150, 4000)),
    "BR": _at_425_hz(busy_ms=250, reorder_ms=(250, 250, 750, 250)),
    "CA": _NORTH_AMERICA,
    "CH": _at_425_hz(busy_ms=500, reorder_ms=(200, 200), call_waiting_ms=(200, 200, 200, 4000)),
    "CL": _plan(
        dial=ToneShape((400,)),
        ringback=ToneShape((400,), (1000, 3000)),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (200, 200)),
        call_waiting_ms=(250, 8750),
    ),
    "CN": _plan(
        dial=ToneShape((450,)),
        ringback=ToneShape((450,), (1000, 4000)),
        busy=ToneShape((450,), (350, 350)),
        reorder=ToneShape((450,), (700, 700)),
        call_waiting_ms=(400, 4000),
    ),
    "CZ": _at_425_hz(busy_ms=330, reorder_ms=(165, 165), call_waiting_ms=(330, 9000), dial_ms=(330, 330, 660, 660)),
    "DE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (480, 480)),
        reorder=ToneShape((425,), (240, 240)),
        call_waiting_ms=(200, 200, 200, 5000),
    ),
    "DK": _at_425_hz(busy_ms=500, reorder_ms=(200, 200), call_waiting_ms=(200, 600, 200, 3000)),
    "EE": _at_425_hz(busy_ms=300, reorder_ms=(200, 200)),
    "ES": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1500, 3000)),
        busy=ToneShape((425,), (200, 200)),
        reorder=ToneShape((425,), (200, 200, 200, 200, 200, 600)),
        call_waiting_ms=(175, 175, 175, 3500),
    ),
    "FI": _at_425_hz(busy_ms=300, reorder_ms=(200, 200), call_waiting_ms=(150, 150, 150, 8000)),
    "FR": _plan(
        dial=ToneShape((440,)),
        ringback=ToneShape((440,), (1500, 3500)),
        busy=ToneShape((440,), (500, 500)),
        reorder=ToneShape((440,), (250, 250)),
        call_waiting_ms=(300, 10_000),
    ),
    "GB": _plan(
        dial=ToneShape((350, 440)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((400,), (375, 375)),
        reorder=ToneShape((400,), (400, 350, 225, 525)),
        call_waiting_ms=(100, 4000),
    ),
    "GR": _at_425_hz(
        busy_ms=300, reorder_ms=(200, 200), call_waiting_ms=(150, 150, 150, 8000), dial_ms=(200, 300, 700, 800)
    ),
    "HK": _plan(
        dial=ToneShape((350, 440)),
        ringback=ToneShape((440, 480), (400, 200, 400, 3000)),
        busy=ToneShape((480, 620), (500, 500)),
        reorder=ToneShape((480, 620), (250, 250)),
        call_waiting_ms=(300, 10_000),
        call_waiting_hz=440,
    ),
    "HU": _at_425_hz(busy_ms=300, reorder_ms=(300, 300), ring_ms=(1250, 3750)),
    "ID": _at_425_hz(busy_ms=500, reorder_ms=(250, 250), call_waiting_ms=(150, 150, 150, 10_000)),
    "IE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (250, 250)),
        call_waiting_ms=(180, 200, 200, 4500),
    ),
    "IL": _plan(
        dial=ToneShape((414,)),
        ringback=ToneShape((414,), (1000, 3000)),
        busy=ToneShape((414,), (500, 500)),
        reorder=ToneShape((414,), (250, 250)),
        call_waiting_ms=(100, 100, 100, 100, 600, 3000),
    ),
    "IN": _plan(
        dial=ToneShape((400,), modulation_hz=25),
        ringback=ToneShape((400,), _BRITISH_RING, modulation_hz=25),
        busy=ToneShape((400,), (750, 750)),
        reorder=ToneShape((400,), (250, 250)),
        call_waiting_ms=(200, 100, 200, 7500),
    ),
    "IT": _plan(
        dial=ToneShape((425,), (200, 200, 600, 1000)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (200, 200)),
        call_waiting_ms=(400, 100, 250, 100, 150, 14_000),
    ),
    "JP": _plan(
        dial=ToneShape((400,)),
        ringback=ToneShape((400,), (1000, 2000), modulation_hz=16),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (500, 500)),
        call_waiting_ms=(500, 8000),
    ),
    "KR": _plan(
        dial=ToneShape((350, 440)),
        ringback=ToneShape((440, 480), (1000, 2000)),
        busy=ToneShape((480, 620), (500, 500)),
        reorder=ToneShape((480, 620), (300, 200)),
        call_waiting_ms=(300, 10_000),
        call_waiting_hz=440,
    ),
    "LT": _at_425_hz(busy_ms=350, reorder_ms=(200, 200), call_waiting_ms=(150, 150, 150, 4000)),
    "MX": _at_425_hz(busy_ms=250, reorder_ms=(250, 250), call_waiting_ms=(200, 600, 200, 10_000)),
    "MY": _at_425_hz(busy_ms=500, reorder_ms=(500, 500), ring_ms=_BRITISH_RING),
    "NL": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (250, 250)),
        call_waiting_ms=(500, 9500),
    ),
    "NO": _at_425_hz(busy_ms=500, reorder_ms=(200, 200), call_waiting_ms=(200, 600, 200, 10_000)),
    "NZ": _plan(
        dial=ToneShape((400,)),
        ringback=ToneShape((400, 450), _BRITISH_RING),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (250, 250)),
        call_waiting_ms=(200, 3000),
    ),
    "PH": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425, 480), (1000, 4000)),
        busy=ToneShape((480, 620), (500, 500)),
        reorder=ToneShape((480, 620), (250, 250)),
        call_waiting_ms=(300, 10_000),
        call_waiting_hz=440,
    ),
    "PL": _at_425_hz(busy_ms=500, reorder_ms=(500, 500), call_waiting_ms=(150, 150, 150, 4000)),
    "PT": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 5000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (200, 200)),
        call_waiting_ms=(300, 10_000),
        call_waiting_hz=440,
    ),
    "RU": _at_425_hz(busy_ms=350, reorder_ms=(175, 175), call_waiting_ms=(200, 5000)),
    "SE": _at_425_hz(busy_ms=250, reorder_ms=(250, 750), call_waiting_ms=(200, 500, 200, 9100), ring_ms=(1000, 5000)),
    "SG": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), _BRITISH_RING, modulation_hz=24),
        busy=ToneShape((425,), (750, 750)),
        reorder=ToneShape((425,), (250, 250)),
        call_waiting_ms=(300, 200, 300, 3200),
    ),
    "TH": _plan(
        dial=ToneShape((400,), modulation_hz=50),
        ringback=ToneShape((420,), (1000, 5000)),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (300, 300)),
        call_waiting_ms=(400, 10_000),
    ),
    "TW": _plan(
        dial=ToneShape((350, 440)),
        ringback=ToneShape((440, 480), (1000, 2000)),
        busy=ToneShape((480, 620), (500, 500)),
        reorder=ToneShape((480, 620), (250, 250)),
        call_waiting_ms=(250, 250, 250, 3250),
        call_waiting_hz=440,
    ),
    "US": _NORTH_AMERICA,
    "VE": _plan(
        dial=ToneShape((425,)),
        ringback=ToneShape((425,), (1000, 4000)),
        busy=ToneShape((425,), (500, 500)),
        reorder=ToneShape((425,), (250, 250)),
        call_waiting_ms=(300, 6000),
        call_waiting_hz=450,
    ),
    "ZA": _plan(
        dial=ToneShape((400,), modulation_hz=33),
        ringback=ToneShape((400,), _BRITISH_RING, modulation_hz=33),
        busy=ToneShape((400,), (500, 500)),
        reorder=ToneShape((400,), (250, 250)),
        call_waiting_ms=(250, 250, 250, 4000),
    ),
}
"""By ISO 3166 code of the country whose exchanges sound so, or `GENERAL_PLAN`."""
