"""An emergency number gets through whatever was set and whatever was done before, and is never changed."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contract.calls import DisconnectReason
from firmware.phone.activation import AgeBand
from firmware.phone.call import CallId, CallState, RegistrationState, RejectReason
from firmware.phone.commands import StartTimer
from firmware.phone.countries import COUNTRIES
from firmware.phone.dial_plan import DialPlan, Rewrite
from firmware.phone.digit_map import Alternative
from firmware.phone.events import Event, MinuteStarted, PreferencesLoaded, SetUpLoaded, Timer
from firmware.phone.features import CallRules, Hotline, OpenHours
from firmware.phone.key import Key
from firmware.phone.news import Problem, ProblemRaised, RegistrationChanged
from firmware.phone.numbers import NumberPattern
from firmware.phone.orders import PlaceCall, RejectCall, StartRinging
from firmware.phone.pin import PinSlot
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.requests.consents import ConsentsChanged
from firmware.phone.requests.pin import PinChanged, StoreWaitsForPin
from firmware.phone.state import PhoneSettings
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk
from tests.unit.phone.office import office, office_settings

_PLANS = {country: DialPlan.build(country=country, domain="example.com") for country in (*COUNTRIES, None)}
_FORWARDS = st.sampled_from(["", "2999", "112", "1001"])
_PREFERENCES = st.builds(
    Preferences,
    do_not_disturb=st.booleans(),
    forward_always=_FORWARDS,
    forward_busy=_FORWARDS,
    forward_no_answer=_FORWARDS,
    reject_anonymous=st.booleans(),
    blocked=st.sampled_from([(), ("*",), ("112",)]),
    speed_dials=st.sampled_from([(), (("1", "2345"), ("9", "2345"))]),
)
_RULES = st.lists(
    st.builds(
        Rewrite,
        st.sampled_from([Alternative.parse(text) for text in ("x.", "1xx", "9xx.", "x.T")]),
        st.integers(0, 3),
        st.sampled_from(["", "0", "00"]),
        st.sampled_from(["", "work"]),
    ),
    max_size=3,
)


# What somebody has said about the phone, or may not do with it, before anybody needs help.
_STANDING: st.SearchStrategy[tuple[Event, ...]] = st.sampled_from(
    [
        (),
        (PinChanged(is_set=True), PreferencesLoaded(Preferences(locked_when_idle=True, do_not_disturb=True))),
        (StoreWaitsForPin(),),
        (PinChanged(is_set=False), SetUpLoaded(SetUp.NEW)),
        (
            PinChanged(is_set=True),
            PinChanged(is_set=True, slot=PinSlot.GUARDIAN),
            ConsentsChanged(frozenset(), activated=False, age_band=AgeBand.UNDER_14),
            SetUpLoaded(SetUp.FIRST_RUN),
        ),
        (ProblemRaised(Problem.STORE_UNREADABLE, "It is full."),),
    ]
)


@st.composite
def _settings(draw: st.DrawFn) -> tuple[str, PhoneSettings]:
    """Return a number that is help in some country, or where nobody has said the country, and a phone there."""
    country = draw(st.sampled_from(list(_PLANS)))
    number = draw(st.sampled_from(sorted(_PLANS[country].emergency_numbers)))
    return number, office_settings(
        *draw(st.sampled_from([("x.T",), ("0[1-9]xx",), ("11xx", "2x.T"), ("*x.#",)])),
        country=country,
        rewrites=draw(_RULES),
        barred=draw(st.sampled_from([(), ("*",), ("1*", "9*", "0*")])),
        own_numbers=["1001", number],
        chosen_country=None if country else "",
        preferences=draw(_PREFERENCES),
        hotline=draw(st.sampled_from([None, Hotline("2345", 0), Hotline("2345", 5)])),
        provisioned=draw(st.sampled_from([True, True, True, False])),
        voicemail_number=draw(st.sampled_from(["", "2500"])),
        call_waiting=draw(st.booleans()),
        max_calls=draw(st.sampled_from([1, 4])),
        has_loudspeaker=draw(st.booleans()),
    )


def _press(key: Key) -> Callable[[Desk], object]:
    return lambda desk: desk.press(key)


def _hold(key: Key) -> Callable[[Desk], object]:
    return lambda desk: desk.hold_down(key)


def _end_call(desk: Desk) -> None:
    if desk.said(PlaceCall):
        desk.sip(CallState.DISCONNECTED, desk.said(PlaceCall)[-1].call_id, DisconnectReason.BUSY, 486)


def _expire_any(desk: Desk) -> None:
    for timer in sorted(desk.phone._state.timers):
        desk.expire(timer)


_EARLIER = st.lists(
    st.sampled_from(
        [
            *(_press(key) for key in Key),
            *(_hold(key) for key in (Key.DIGIT_0, Key.DIGIT_1, Key.CANCEL, Key.HASH)),
            lambda desk: desk.dial("*72"),
            lambda desk: desk.dial("*78"),
            lambda desk: desk.dial("2345#"),
            lambda desk: desk.ring(),
            _end_call,
            _expire_any,
        ]
    ),
    max_size=12,
)


def _uri(settings: PhoneSettings, number: str) -> str:
    """Return what is to be called: the number as it is, and 112 as the country's own where it has none."""
    sent = settings.dial_plan.general_number if number == "112" else number
    return f"sip:{sent}@example.com"


@given(case=_settings(), standing=_STANDING, on_hook=_EARLIER, off_hook=_EARLIER)
@hypothesis_settings(max_examples=600)
def test_after_putting_the_handset_down_an_emergency_number_is_called_as_it_is(
    case: tuple[str, PhoneSettings],
    standing: tuple[Event, ...],
    on_hook: list[Callable[[Desk], object]],
    off_hook: list[Callable[[Desk], object]],
) -> None:
    number, phone_settings = case
    desk = _desk(phone_settings, standing)
    for step in on_hook:
        step(desk)
    _hang_up_and_lift(desk)
    for step in off_hook:
        step(desk)
    desk.replace()
    _hang_up_and_lift(desk)
    calls = len(desk.said(PlaceCall))
    desk.dial(number)
    if len(desk.said(PlaceCall)) == calls:
        desk.expire(Timer.INTER_DIGIT)
    (call,) = desk.said(PlaceCall)[calls:]
    assert (call.uri, call.account, call.anonymous) == (_uri(phone_settings, number), "", False)
    assert desk.call.emergency


def _desk(phone_settings: PhoneSettings, standing: tuple[Event, ...]) -> Desk:
    desk = Desk(phone_settings)
    for event in standing:
        desk.handle(event)
    return desk


def _hang_up_and_lift(desk: Desk) -> None:
    """Do what a person does who wants dial tone: end what is there, lift, and cancel what answers."""
    if desk.view.speaker:
        desk.press(Key.SPEAKER)
    while desk.view.mode is Mode.RINGING:
        desk.press(Key.CANCEL)
    desk.hold_down(Key.CANCEL)
    desk.lift()
    if desk.view.mode is Mode.OUTGOING:
        desk.press(Key.CANCEL)


@given(case=_settings(), standing=_STANDING, on_hook=_EARLIER)
@hypothesis_settings(max_examples=400)
def test_an_emergency_number_dialled_before_lifting_is_called_as_it_is(
    case: tuple[str, PhoneSettings], standing: tuple[Event, ...], on_hook: list[Callable[[Desk], object]]
) -> None:
    number, phone_settings = case
    desk = _desk(phone_settings, standing)
    for step in on_hook:
        step(desk)
    if desk.view.speaker:
        desk.press(Key.SPEAKER)
    while desk.view.mode is Mode.RINGING:
        desk.press(Key.CANCEL)
    desk.hold_down(Key.CANCEL)
    calls = len(desk.said(PlaceCall))
    desk.dial(number)
    desk.lift()
    (call,) = desk.said(PlaceCall)[calls:]
    assert (call.uri, call.account) == (_uri(phone_settings, number), "")


def test_every_number_of_every_country_passes_a_lock_and_all_that_can_be_configured(subtests: pytest.Subtests) -> None:
    for country, plan in _PLANS.items():
        with subtests.test(country=country):
            for number in plan.emergency_numbers:
                phone_settings = office_settings(
                    "0[1-9]xx",
                    country=country,
                    rewrites=[Rewrite(Alternative.parse("x."), 2, "0", "work")],
                    barred=["*", number],
                    own_numbers=[number],
                    preferences=Preferences(do_not_disturb=True, locked_when_idle=True, blocked=("*",)),
                    max_calls=1,
                )
                desk = _desk(phone_settings, (PinChanged(is_set=True), PreferencesLoaded(phone_settings.preferences)))
                assert desk.view.locked
                desk.lift()
                desk.dial(number)
                if not desk.said(PlaceCall):
                    desk.expire(Timer.INTER_DIGIT)
                assert [(call.uri, call.account) for call in desk.said(PlaceCall)] == [
                    (_uri(phone_settings, number), "")
                ]


# --- those who call back ---

SHUT = CallRules(
    block=(NumberPattern("*"),),
    allow_only=True,
    hours=(OpenHours(frozenset({0}), 0, 1),),
)


def _shut_phone() -> Desk:
    desk = office(
        call_rules=SHUT,
        preferences=Preferences(do_not_disturb=True, reject_anonymous=True, forward_always="2999"),
    )
    desk.handle(MinuteStarted(weekday=3, minute=720, trusted=True))
    return desk


def test_for_half_an_hour_after_an_emergency_call_whoever_calls_rings() -> None:
    desk = _shut_phone()
    assert RejectCall(CallId("before"), RejectReason.BLOCKED) in desk.ring(CallId("before"))
    call_id = desk.place_call("112")
    assert StartTimer(Timer.EMERGENCY_CALLBACK, 1800) in desk.all_commands
    desk.sip(CallState.ACTIVE, call_id)
    desk.replace()
    rejected = len(desk.said(RejectCall))
    desk.ring()
    assert desk.view.mode is Mode.RINGING
    assert len(desk.said(StartRinging)) == 1
    assert len(desk.said(RejectCall)) == rejected
    desk.sip(CallState.DISCONNECTED, INCOMING, DisconnectReason.CANCELLED)
    desk.expire(Timer.EMERGENCY_CALLBACK)
    desk.ring(CallId("after"))
    assert desk.shown().mode is Mode.IDLE


@pytest.mark.parametrize("digits", ["9112", "*67112"])
def test_an_emergency_number_behind_a_prefix_or_a_code_counts_too_and_withholds_nothing(digits: str) -> None:
    desk = office("x.T", rewrites=[Rewrite(Alternative.parse("9xx."), strip=1)])
    desk.lift()
    desk.dial(digits)
    desk.press("#")
    assert [(call.uri, call.anonymous) for call in desk.said(PlaceCall)] == [("sip:112@example.com", False)]
    assert StartTimer(Timer.EMERGENCY_CALLBACK, 1800) in desk.all_commands


# --- the line that works ---


def _two_lines(default: RegistrationState, work: RegistrationState) -> Desk:
    desk = Desk(
        PhoneSettings(
            DialPlan.build(country="DE", domain="example.com", domains={"work": "work.example"}),
            accounts=(("", "Home"), ("work", "Work")),
        )
    )
    desk.handle(RegistrationChanged(default), RegistrationChanged(work, account="work"))
    return desk


@pytest.mark.parametrize(
    ("default", "work", "account", "uri"),
    [
        (RegistrationState.REGISTERED, RegistrationState.REGISTERED, "", "sip:112@example.com"),
        (RegistrationState.FAILED, RegistrationState.REGISTERED, "work", "sip:112@work.example"),
        (RegistrationState.FAILED, RegistrationState.FAILED, "", "sip:112@example.com"),
        (RegistrationState.REGISTERING, RegistrationState.REGISTERED, "", "sip:112@example.com"),
    ],
)
def test_an_emergency_call_takes_the_line_that_works(
    default: RegistrationState, work: RegistrationState, account: str, uri: str
) -> None:
    desk = _two_lines(default, work)
    desk.place_call("112")
    assert [(call.account, call.uri) for call in desk.said(PlaceCall)] == [(account, uri)]


def test_any_other_call_keeps_its_line() -> None:
    desk = _two_lines(RegistrationState.FAILED, RegistrationState.REGISTERED)
    desk.place_call("2345")
    assert [(call.account, call.uri) for call in desk.said(PlaceCall)] == [("", "sip:2345@example.com")]
