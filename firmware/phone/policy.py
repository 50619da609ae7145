"""What becomes of a call that comes in, before anybody is bothered with it.

The rules are asked in this order, and the first that has something to say decides:

1. An emergency call was placed within the last half hour: whoever calls back rings, aloud.
2. Allow list, the configuration's and the holder's, and whoever the holder lets through once: rings whatever follows,
   where a trusted server vouches for the number.
3. Block list, the configuration's and the holder's, and blocked contacts: turned away, whoever says that the number is
   right.
4. Anonymous callers, where they are not wanted: turned away.
5. Nobody but the allow list, where that is so: turned away.
6. Outside the hours, where there are some and the clock can be trusted: turned away or sent on.
7. Do not disturb: turned away.
8. Forwarding of every call: sent on.
9. It rings, or answers itself where it asks for that, the holder wants it, and `may_answer_itself`.

What a busy or an unattended phone does comes after all of these: `on_busy`, `machine_answers` and `on_no_answer`. So
the answering machine has only calls that ring.
"""

from collections.abc import Callable
from dataclasses import dataclass

from contract.consent import Purpose
from firmware.base.errors import DialPlanError
from firmware.phone.call import CallerId, Decision, RejectReason, SipUri, Verification
from firmware.phone.events import Timer
from firmware.phone.news import IncomingCallReceived
from firmware.phone.numbers import NumberPattern
from firmware.phone.recording import RecordingPreference
from firmware.phone.state import Call, PhoneState
from firmware.phone.view import Mode


@dataclass(frozen=True, slots=True)
class Ring:
    """Let it ring; `aloud` even where the ringer is turned down."""

    aloud: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """Turn the call away; `decision` is None where no setting did it but that nobody came."""

    reason: RejectReason
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Forward:
    """Tell the caller whom to call instead."""

    uri: SipUri
    decision: Decision


@dataclass(frozen=True, slots=True)
class AutoAnswer:
    """Answer on the loudspeaker, with the microphone off, after a warning tone, `delay_s` from now."""

    delay_s: float


_DOUBTFUL = frozenset({Verification.UNVERIFIED, Verification.SPAM})
_UNWILLING = frozenset({RecordingPreference.UNWANTED, RecordingPreference.PAUSED})

Verdict = Ring | Reject | Forward | AutoAnswer

_Rule = Callable[[PhoneState, IncomingCallReceived], Verdict | None]


def judge(state: PhoneState, event: IncomingCallReceived) -> Verdict:
    """Say what becomes of a call, leaving aside whether the phone is busy."""
    for rule in _RULES:
        if (verdict := rule(state, event)) is not None:
            return verdict
    return Ring()


def on_busy(state: PhoneState, event: IncomingCallReceived) -> Verdict:
    """Say what becomes of a call that would ring, but cannot because the phone is busy."""
    target = state.features.preferences.forward_busy
    forward = None if in_emergency(state) else _forward(state, event, target, Decision.FORWARDED_BUSY)
    return forward or Reject(RejectReason.BUSY, Decision.PHONE_BUSY)


def on_no_answer(state: PhoneState, call: Call) -> Verdict:
    """Say what becomes of a call that has rung for long enough."""
    event = IncomingCallReceived(call.call_id, call.party)
    target = state.features.preferences.forward_no_answer
    forward = None if in_emergency(state) else _forward(state, event, target, Decision.FORWARDED_NO_ANSWER)
    return forward or Reject(RejectReason.NO_ANSWER, None)


def machine_answers(state: PhoneState) -> bool:
    """Whether the call that rings is one for the answering machine, if nobody comes to it.

    Never one that may be from emergency services, nor of somebody who wants not to be recorded.
    """
    call = state.call
    if not state.features.preferences.answering_machine or not state.allows(Purpose.RECORDING):
        return False
    if state.mode is not Mode.RINGING or call is None or not call.is_offered or state.auto_answering:
        return False
    is_alone = not state.others and state.recording is None
    return is_alone and not in_emergency(state) and call.record_preference not in _UNWILLING


def in_emergency(state: PhoneState) -> bool:
    """Whether emergency services may be calling back."""
    return Timer.EMERGENCY_CALLBACK in state.timers


def _emergency_callback(state: PhoneState, _event: IncomingCallReceived) -> Verdict | None:
    return Ring(aloud=True) if in_emergency(state) else None


def _allow_list(state: PhoneState, event: IncomingCallReceived) -> Verdict | None:
    if not _is_allowed(state, event.caller):
        return None
    return _auto_answer(state, event) or Ring()


def rings_even_if_blocked(state: PhoneState, caller: CallerId) -> bool:
    """Whether somebody rings whatever the block lists say."""
    return in_emergency(state) or _is_allowed(state, caller)


def spend_once(state: PhoneState, caller: CallerId) -> bool:
    """Whether this call was to be let through once; the next one is not any more."""
    once = state.features.let_through_once
    meant = {number for number in once if caller.asserted and _is_listed(state, caller, (NumberPattern(number),))}
    state.features.let_through_once = once - meant
    return bool(meant)


def _is_allowed(state: PhoneState, caller: CallerId) -> bool:
    # Anybody can write any number into From: only what a trusted server vouches for opens a door.
    features = state.features
    own = tuple(NumberPattern(text) for text in (*features.preferences.allowed, *features.let_through_once))
    return caller.asserted and _is_listed(state, caller, state.settings.call_rules.allow + own)


def _block_list(state: PhoneState, event: IncomingCallReceived) -> Verdict | None:
    return Reject(RejectReason.BLOCKED, Decision.BLOCKED) if is_blocked(state, event.caller) else None


def is_blocked(state: PhoneState, caller: CallerId) -> bool:
    """Whether somebody is on the block list, the configuration's or the holder's, or is a blocked contact."""
    own = tuple(NumberPattern(text) for text in state.features.preferences.blocked)
    if _is_listed(state, caller, state.settings.call_rules.block + own):
        return True
    contacts = state.features.blocked_contacts
    return bool(caller.number) and not state.settings.dial_plan.forms.forms(caller.number).isdisjoint(contacts)


def _is_listed(state: PhoneState, caller: CallerId, patterns: tuple[NumberPattern, ...]) -> bool:
    forms = state.settings.dial_plan.forms
    return any(pattern.matches(caller.number, forms) for pattern in patterns)


def _anonymous(state: PhoneState, event: IncomingCallReceived) -> Verdict | None:
    if state.features.preferences.reject_anonymous and not event.caller.number:
        return Reject(RejectReason.ANONYMOUS, Decision.ANONYMOUS)
    return None


def _allow_only(state: PhoneState, _event: IncomingCallReceived) -> Verdict | None:
    if state.settings.call_rules.allow_only:
        return Reject(RejectReason.BLOCKED, Decision.NOT_ON_ALLOW_LIST)
    return None


def _out_of_hours(state: PhoneState, event: IncomingCallReceived) -> Verdict | None:
    # A clock that nobody has set would turn calls away at any time of the day.
    if _is_in_hours(state) is not False:
        return None
    forward = _forward(state, event, state.settings.call_rules.out_of_hours_forward, Decision.OUT_OF_HOURS)
    return forward or Reject(RejectReason.OUT_OF_HOURS, Decision.OUT_OF_HOURS)


def _is_in_hours(state: PhoneState) -> bool | None:
    """Whether calls ring at this time; None where there are hours and the clock cannot be trusted."""
    hours, now = state.settings.call_rules.hours, state.features.minute
    if not hours:
        return True
    if now is None or not now.trusted:
        return None
    return any(each.include(now.weekday, now.minute) for each in hours)


def _do_not_disturb(state: PhoneState, _event: IncomingCallReceived) -> Verdict | None:
    if state.features.preferences.do_not_disturb:
        return Reject(RejectReason.DO_NOT_DISTURB, Decision.DO_NOT_DISTURB)
    return None


def _forward_always(state: PhoneState, event: IncomingCallReceived) -> Verdict | None:
    return _forward(state, event, state.features.preferences.forward_always, Decision.FORWARDED_ALWAYS)


def _auto_answer(state: PhoneState, event: IncomingCallReceived) -> Verdict | None:
    """Only a phone that nobody uses answers by itself: a running call must not be put aside for an announcement."""
    if event.answer_after_s is None or state.mode is not state.home or state.off_hook:
        return None
    return AutoAnswer(event.answer_after_s) if may_answer_itself(state, event.caller) else None


def may_answer_itself(state: PhoneState, caller: CallerId) -> bool:
    """Whether a call of somebody's may answer itself: of whom the bundle names, or the holder has always ring.

    Never where no trusted server vouches for the number, outside the hours, or with do not disturb.
    """
    preferences = state.features.preferences
    if not preferences.auto_answer or preferences.do_not_disturb or not _is_in_hours(state):
        return False
    if not caller.asserted or caller.verification in _DOUBTFUL or is_blocked(state, caller):
        return False
    if _is_listed(state, caller, tuple(map(NumberPattern, preferences.allowed))):
        return True
    forms = state.settings.dial_plan.forms.forms(caller.number)
    return any(named.fit(form).complete for named in state.settings.call_rules.auto_answer_from for form in forms)


def may_be_paged(state: PhoneState) -> bool:
    """Whether an announcement may sound: at a phone that nobody uses, within the hours, and without do not disturb."""
    wants_quiet = state.features.preferences.do_not_disturb or not _is_in_hours(state)
    is_free = state.mode is Mode.IDLE and not (state.engaged or state.calls or in_emergency(state))
    return state.settings.has_loudspeaker and is_free and not wants_quiet


_RULES: tuple[_Rule, ...] = (
    _emergency_callback,
    _allow_list,
    _block_list,
    _anonymous,
    _allow_only,
    _out_of_hours,
    _do_not_disturb,
    _forward_always,
    _auto_answer,
)


def _forward(state: PhoneState, event: IncomingCallReceived, target: str, decision: Decision) -> Forward | None:
    """Send a call on, where there is a target that makes sense for it: it rings rather than go in a circle."""
    plan = state.settings.dial_plan
    if not target or plan.objection(target) is not None:
        return None
    back_to = [event.caller, *([event.diverted_by] if event.diverted_by is not None else [])]
    if any(party.number and plan.forms.same(party.number, plan.number(target)) for party in back_to):
        return None
    try:
        return Forward(plan.normalize(target), decision)
    except DialPlanError:
        return None
