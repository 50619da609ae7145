"""The order of the rules as a table: which of two that both have something to say decides."""

from dataclasses import replace

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallerId, CallId, CallState, Decision, RejectReason, SipUri, Verification
from firmware.phone.digit_map import Alternative
from firmware.phone.events import BlockedContactsLoaded, CallerNamed, MinuteStarted, Timer
from firmware.phone.features import CallRules, FeatureState, OpenHours
from firmware.phone.news import IncomingCallReceived
from firmware.phone.numbers import NumberPattern
from firmware.phone.orders import RejectCall, StartRinging
from firmware.phone.policy import AutoAnswer, Forward, Reject, Ring, Verdict, judge, on_busy, on_no_answer
from firmware.phone.preferences import Preferences
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Mode
from tests.unit.phone.desk import INCOMING, Desk, settings

ANNA = CallerId("+49301234567", "Anna", asserted=True)
ANONYMOUS = CallerId("")
MONDAY_NOON = MinuteStarted(weekday=0, minute=12 * 60, trusted=True)
NIGHT = CallRules(hours=(OpenHours(frozenset(range(7)), 22 * 60, 6 * 60),))
INTERCOM = CallRules(auto_answer_from=(Alternative.parse("030xxxxxxx"), Alternative.parse("2xx")))
BLOCKED = Reject(RejectReason.BLOCKED, Decision.BLOCKED)
DISTURBED = Reject(RejectReason.DO_NOT_DISTURB, Decision.DO_NOT_DISTURB)


def patterns(*texts: str) -> tuple[NumberPattern, ...]:
    return tuple(NumberPattern(text) for text in texts)


def phone(rules: CallRules | None = None, **preferences: object) -> PhoneState:
    set_by_holder = Preferences(**preferences)  # type: ignore[arg-type]
    state = PhoneState(settings(call_rules=rules or CallRules()), lambda: CallId("out"))
    state.features = FeatureState(set_by_holder, minute=MONDAY_NOON)
    return state


def verdict(state: PhoneState, caller: CallerId = ANNA, **more: object) -> Verdict:
    return judge(state, IncomingCallReceived(CallId("in"), caller, **more))  # type: ignore[arg-type]


# Every rule with what it decides, in their order. All but the first and the last keep the caller from ringing.
RULES_IN_ORDER: list[tuple[str, CallerId, dict[str, object], dict[str, object], Verdict]] = [
    ("allow", ANNA, {"allow": patterns("030*")}, {}, Ring()),
    ("block", ANNA, {"block": patterns("030*")}, {}, BLOCKED),
    ("anonymous", ANONYMOUS, {}, {"reject_anonymous": True}, Reject(RejectReason.ANONYMOUS, Decision.ANONYMOUS)),
    ("allow only", ANNA, {"allow_only": True}, {}, Reject(RejectReason.BLOCKED, Decision.NOT_ON_ALLOW_LIST)),
    ("hours", ANNA, {"hours": NIGHT.hours}, {}, Reject(RejectReason.OUT_OF_HOURS, Decision.OUT_OF_HOURS)),
    ("do not disturb", ANNA, {}, {"do_not_disturb": True}, DISTURBED),
    (
        "forward always",
        ANNA,
        {},
        {"forward_always": "2999"},
        Forward(SipUri("sip:2999@example.com"), Decision.FORWARDED_ALWAYS),
    ),
    ("auto-answer", ANNA, {"auto_answer_from": INTERCOM.auto_answer_from}, {"auto_answer": True}, AutoAnswer(2)),
]


@pytest.mark.parametrize("index", range(len(RULES_IN_ORDER)), ids=[rule[0] for rule in RULES_IN_ORDER])
def test_each_rule_decides_before_all_those_behind_it(index: int) -> None:
    _, caller, rules, preferences, expected = RULES_IN_ORDER[index]
    for _, _, later_rules, later_preferences, _ in reversed(RULES_IN_ORDER[index:]):
        rules = later_rules | rules
        preferences = later_preferences | preferences
    state = phone(CallRules(**rules), **preferences)  # type: ignore[arg-type]
    assert verdict(state, caller, answer_after_s=2) == expected


@pytest.mark.parametrize("rule", RULES_IN_ORDER, ids=[rule[0] for rule in RULES_IN_ORDER])
def test_each_rule_decides_alone(rule: tuple[str, CallerId, dict[str, object], dict[str, object], Verdict]) -> None:
    _, caller, rules, preferences, expected = rule
    state = phone(CallRules(**rules), **preferences)  # type: ignore[arg-type]
    asks_for_answer = {"answer_after_s": 2} if isinstance(expected, AutoAnswer) else {}
    assert verdict(state, caller, **asks_for_answer) == expected


@pytest.mark.parametrize("rule", RULES_IN_ORDER, ids=[rule[0] for rule in RULES_IN_ORDER])
def test_after_an_emergency_call_every_caller_rings_aloud(
    rule: tuple[str, CallerId, dict[str, object], dict[str, object], Verdict],
) -> None:
    _, caller, rules, preferences, _ = rule
    state = phone(CallRules(**rules), **preferences, forward_busy="2999", forward_no_answer="2999")  # type: ignore[arg-type]
    state.timers.add(Timer.EMERGENCY_CALLBACK)
    event = IncomingCallReceived(CallId("in"), caller, answer_after_s=0)
    assert judge(state, event) == Ring(aloud=True)
    assert on_busy(state, event) == Reject(RejectReason.BUSY, Decision.PHONE_BUSY)
    call = Call(event.call_id, CallDirection.INCOMING, caller, CallState.INCOMING)
    assert on_no_answer(state, call) == Reject(RejectReason.NO_ANSWER, None)


def test_without_any_rule_everybody_rings() -> None:
    for caller in (ANNA, ANONYMOUS, CallerId("alice@example.com")):
        assert verdict(phone(), caller) == Ring()


def test_only_a_vouched_for_number_opens_the_door_but_any_shuts_it() -> None:
    claimed = replace(ANNA, asserted=False)
    allowing = phone(CallRules(allow=patterns("+49301234567")), do_not_disturb=True)
    assert verdict(allowing, ANNA) == Ring()
    assert verdict(allowing, claimed) == DISTURBED
    assert verdict(phone(CallRules(block=patterns("+49301234567"))), claimed) == BLOCKED


def test_the_holders_own_block_list_counts_like_the_configurations() -> None:
    assert verdict(phone(blocked=("0301234567",))) == BLOCKED
    assert verdict(phone(blocked=("0301234568",))) == Ring()


@pytest.mark.parametrize(
    ("days", "from_minute", "to_minute", "open_at", "closed_at"),
    [
        ({0}, 8 * 60, 18 * 60, [(0, 480), (0, 1079)], [(0, 479), (0, 1080), (1, 480), (6, 480)]),
        ({0}, 22 * 60, 6 * 60, [(0, 1320), (0, 1439), (1, 0), (1, 359)], [(0, 0), (0, 1319), (1, 360), (1, 1320)]),
        ({6}, 22 * 60, 6 * 60, [(6, 1320), (0, 359)], [(6, 359), (0, 1320)]),
        ({0}, 0, 24 * 60, [(0, 0), (0, 1439)], [(1, 0), (6, 1439)]),
        ({0}, 8 * 60, 8 * 60, [(0, 480), (0, 1439), (1, 479)], [(0, 479), (1, 480)]),
    ],
)
def test_hours_are_those_of_the_week_also_across_midnight(
    days: set[int],
    from_minute: int,
    to_minute: int,
    open_at: list[tuple[int, int]],
    closed_at: list[tuple[int, int]],
) -> None:
    hours = OpenHours(frozenset(days), from_minute, to_minute)
    assert all(hours.include(*now) for now in open_at)
    assert not any(hours.include(*now) for now in closed_at)


def test_calls_ring_within_any_of_several_stretches() -> None:
    noon = OpenHours(frozenset({0}), 11 * 60, 13 * 60)
    assert verdict(phone(CallRules(hours=(*NIGHT.hours, noon)))) == Ring()


@pytest.mark.parametrize("now", [None, MinuteStarted(weekday=0, minute=720, trusted=False)])
def test_a_clock_that_was_not_set_turns_nobody_away(now: MinuteStarted | None) -> None:
    state = phone(NIGHT)
    state.features.minute = now
    assert verdict(state) == Ring()


def test_calls_outside_the_hours_are_sent_on_where_that_is_configured() -> None:
    state = phone(replace(NIGHT, out_of_hours_forward="2999"))
    assert verdict(state) == Forward(SipUri("sip:2999@example.com"), Decision.OUT_OF_HOURS)


@pytest.mark.parametrize("target", ["112", "#", "0301234567", "+49301234567", "0049301234567"])
def test_nobody_is_sent_to_an_emergency_number_to_nonsense_or_back_to_where_the_call_came_from(target: str) -> None:
    assert verdict(phone(forward_always=target)) == Ring()
    event = IncomingCallReceived(CallId("in"), ANNA)
    assert on_busy(phone(forward_busy=target), event) == Reject(RejectReason.BUSY, Decision.PHONE_BUSY)


def test_a_call_is_not_sent_back_to_whoever_sent_it_here() -> None:
    state = phone(forward_always="2999")
    assert verdict(state, diverted_by=CallerId("2999")) == Ring()
    assert isinstance(verdict(state, diverted_by=CallerId("2998")), Forward)


def test_a_busy_phone_and_one_that_nobody_answers_send_calls_on() -> None:
    state = phone(forward_busy="2001", forward_no_answer="2002")
    event = IncomingCallReceived(CallId("in"), ANNA)
    call = Call(event.call_id, CallDirection.INCOMING, ANNA, CallState.INCOMING)
    assert on_busy(state, event) == Forward(SipUri("sip:2001@example.com"), Decision.FORWARDED_BUSY)
    assert on_no_answer(state, call) == Forward(SipUri("sip:2002@example.com"), Decision.FORWARDED_NO_ANSWER)


def test_a_phone_that_nobody_answers_decides_nothing_by_itself() -> None:
    call = Call(CallId("in"), CallDirection.INCOMING, ANNA, CallState.INCOMING)
    assert on_no_answer(phone(), call) == Reject(RejectReason.NO_ANSWER, None)


@pytest.mark.parametrize(("mode", "off_hook"), [(Mode.IDLE, True), (Mode.WRITING, False), (Mode.IN_CALL, True)])
def test_a_phone_that_somebody_uses_never_answers_by_itself(mode: Mode, off_hook: bool) -> None:
    state = phone(INTERCOM, auto_answer=True)
    assert verdict(state, answer_after_s=0) == AutoAnswer(0)
    state.mode, state.off_hook = mode, off_hook
    assert verdict(state, answer_after_s=0) == Ring()


@pytest.mark.feature("auto-answer")
@pytest.mark.parametrize(
    ("caller", "preferences"),
    [
        (ANNA, {"auto_answer": False}),
        (ANNA, {"do_not_disturb": True, "allowed": (ANNA.number,)}),
        (ANNA, {"blocked": (ANNA.number,), "allowed": (ANNA.number,)}),
        (replace(ANNA, asserted=False), {}),
        (replace(ANNA, verification=Verification.UNVERIFIED), {}),
        (replace(ANNA, verification=Verification.SPAM), {"allowed": (ANNA.number,)}),
        (CallerId("", asserted=True), {}),
        (CallerId("2345", asserted=True), {}),
        (CallerId("201@elsewhere.example", asserted=True), {}),
    ],
)
def test_who_is_not_vouched_for_not_named_or_not_wanted_now_rings(
    caller: CallerId, preferences: dict[str, object]
) -> None:
    state = phone(INTERCOM, **{"auto_answer": True, **preferences})
    assert not isinstance(verdict(state, caller, answer_after_s=0), AutoAnswer)


@pytest.mark.parametrize("caller", [ANNA, CallerId("201", asserted=True), CallerId("2345", asserted=True)])
def test_who_the_bundle_names_or_the_holder_has_always_ring_is_answered_within_the_hours(caller: CallerId) -> None:
    state = phone(INTERCOM, auto_answer=True, allowed=("2345",))
    assert verdict(state, caller, answer_after_s=0) == AutoAnswer(0)
    state = phone(replace(INTERCOM, hours=NIGHT.hours, allow=patterns("*")), auto_answer=True, allowed=("2345",))
    assert verdict(state, caller, answer_after_s=0) == Ring()
    state.features.minute = replace(MONDAY_NOON, minute=23 * 60)
    assert verdict(state, caller, answer_after_s=0) == AutoAnswer(0)
    state.features.minute = replace(MONDAY_NOON, minute=23 * 60, trusted=False)
    assert verdict(state, caller, answer_after_s=0) == Ring()


# --- blocked contacts ---


def with_blocked_contact(desk: Desk) -> Desk:
    desk.handle(BlockedContactsLoaded(("+49 30 1234567", "2001")))
    return desk


@pytest.mark.parametrize("number", ["+49301234567", "0301234567", "0049301234567", "2001"])
def test_a_blocked_contact_never_rings_however_its_number_is_written(number: str) -> None:
    desk = with_blocked_contact(Desk())
    desk.ring(caller=CallerId(number))
    assert desk.said(StartRinging) == []
    assert desk.said(RejectCall) == [RejectCall(INCOMING, RejectReason.BLOCKED)]


def test_whoever_is_taken_from_the_block_list_rings_again() -> None:
    desk = with_blocked_contact(Desk())
    desk.handle(BlockedContactsLoaded(()))
    desk.ring(caller=CallerId("2001"))
    assert len(desk.said(StartRinging)) == 1


def test_callers_without_a_number_are_no_blocked_contact() -> None:
    desk = with_blocked_contact(Desk())
    desk.ring(caller=ANONYMOUS)
    assert desk.said(RejectCall) == []


def test_a_contact_that_the_address_book_alone_knows_is_turned_away_as_soon_as_it_says_so(desk: Desk) -> None:
    desk.ring()
    desk.handle(CallerNamed(INCOMING, "Pest", blocked=True))
    assert desk.said(RejectCall) == [RejectCall(INCOMING, RejectReason.BLOCKED)]
    assert desk.view.mode is Mode.IDLE
    assert desk.view.refusal is not None
    assert desk.view.refusal.decision is Decision.BLOCKED


def test_a_blocked_contact_that_waits_beside_a_ringing_call_leaves_that_one_alone(desk: Desk) -> None:
    desk.ring()
    desk.ring(CallId("second"), CallerId("2002"))
    desk.handle(CallerNamed(CallId("second"), "Pest", blocked=True))
    assert desk.said(RejectCall) == [RejectCall(CallId("second"), RejectReason.BLOCKED)]
    assert desk.view.mode is Mode.RINGING


def test_a_blocked_contact_may_be_called(desk: Desk) -> None:
    call_id = desk.place_call()
    desk.handle(CallerNamed(call_id, "Pest", blocked=True))
    assert desk.view.mode is Mode.OUTGOING


def test_whoever_calls_back_after_an_emergency_call_rings_even_if_blocked() -> None:
    desk = with_blocked_contact(Desk())
    call_id = desk.place_call("112")
    desk.sip(CallState.DISCONNECTED, call_id, DisconnectReason.REMOTE_HANGUP)
    desk.replace()
    desk.ring(caller=CallerId("2001"))
    desk.handle(CallerNamed(INCOMING, "Pest", blocked=True))
    assert desk.said(RejectCall) == []
