from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.results import OutcomeCode
from fleet.publications import PublicationKind
from fleet.publisher.roll_out import RollOut, Step, StopReason, Verdict, stages_of, verdict

MESSAGE: Final = "ab" * 32
DEVICES: Final = tuple(f"desk-{number}" for number in range(200))
PERCENTAGES: Final = (Fraction(1), Fraction(10), Fraction(50), Fraction(100))

names = st.sets(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=60)
percentages = st.sets(st.integers(1, 99), max_size=5).map(lambda found: (*map(Fraction, sorted(found)), Fraction(100)))


def policy(*stages: tuple[str, ...], max_failures: int = 5) -> RollOut:
    return RollOut(PublicationKind.POLICY, stages, Fraction(max_failures))


def sent(roll_out: RollOut, *, online: bool = True) -> None:
    roll_out.note_sent(dict.fromkeys(roll_out.unsent, online))


def answered(roll_out: RollOut, code: OutcomeCode) -> None:
    for device in roll_out.stage:
        roll_out.note_outcome(device, code)


@given(names, percentages)
def test_stages_have_everybody_once_and_grow_as_was_said(devices: set[str], shares: tuple[Fraction, ...]) -> None:
    stages = stages_of(devices, shares, MESSAGE)
    flat = [device for stage in stages for device in stage]
    assert sorted(flat) == sorted(devices)
    assert all(stages)
    reached = 0
    for stage in stages:
        reached += len(stage)
        assert any(reached - 1 < len(devices) * share / 100 <= reached for share in shares)


@given(names)
def test_who_comes_first_depends_on_the_message_and_on_nothing_else(devices: set[str]) -> None:
    assert stages_of(sorted(devices), PERCENTAGES, MESSAGE) == stages_of(list(devices)[::-1], PERCENTAGES, MESSAGE)


def test_another_message_goes_to_others_first() -> None:
    firsts = {stages_of(DEVICES, PERCENTAGES, f"{number:064x}")[0] for number in range(20)}
    assert len(firsts) > 10
    assert {len(first) for first in firsts} == {2}


@pytest.mark.parametrize("kind", PublicationKind)
def test_every_code_means_something_and_one_at_least_is_good(kind: PublicationKind) -> None:
    verdicts = {code: verdict(kind, code) for code in OutcomeCode}
    assert Verdict.GOOD in verdicts.values()
    assert verdicts[OutcomeCode.FORGED] is Verdict.FAILED
    assert verdicts[OutcomeCode.BUSY] is Verdict.PENDING


def test_what_is_good_for_one_kind_is_not_for_another() -> None:
    assert verdict(PublicationKind.BUNDLE, OutcomeCode.TAKEN) is Verdict.PENDING
    assert verdict(PublicationKind.BUNDLE, OutcomeCode.REVERTED_LINES) is Verdict.FAILED
    assert verdict(PublicationKind.NOTICE, OutcomeCode.NOT_GRANTED) is Verdict.GOOD
    assert verdict(PublicationKind.POLICY, OutcomeCode.NOT_GRANTED) is Verdict.FAILED


def test_an_update_is_in_once_a_phone_runs_from_it(subtests: pytest.Subtests) -> None:
    for code, expected in (
        (OutcomeCode.TAKEN, Verdict.PENDING),
        (OutcomeCode.INSTALLED, Verdict.PENDING),
        (OutcomeCode.POSTPONED, Verdict.PENDING),
        (OutcomeCode.APPLIED, Verdict.GOOD),
        (OutcomeCode.WENT_BACK, Verdict.FAILED),
        (OutcomeCode.NOT_FOR_THIS, Verdict.FAILED),
        (OutcomeCode.BY_PACKAGE, Verdict.FAILED),
        (OutcomeCode.BELOW_FLOOR, Verdict.FAILED),
        (OutcomeCode.NOT_NEWER, Verdict.FAILED),
        (OutcomeCode.KEY_REVOKED, Verdict.FAILED),
        (OutcomeCode.NO_PROOF, Verdict.FAILED),
        (OutcomeCode.WRONG_SIZE, Verdict.FAILED),
        (OutcomeCode.WRONG_HASH, Verdict.FAILED),
        (OutcomeCode.UNREACHABLE, Verdict.FAILED),
        (OutcomeCode.SERVER_WRONG, Verdict.FAILED),
        (OutcomeCode.STALLED, Verdict.FAILED),
        (OutcomeCode.DAMAGED, Verdict.FAILED),
    ):
        with subtests.test(code=code, expected=expected):
            assert verdict(PublicationKind.UPDATE, code) is expected


@pytest.mark.parametrize(
    ("code", "step"), [(OutcomeCode.POSTPONED, Step.SEND), (OutcomeCode.INSTALLED, Step.STOP), (None, Step.STOP)]
)
def test_who_postpones_an_update_has_not_failed_who_falls_silent_in_its_trial_has(
    code: OutcomeCode | None, step: Step
) -> None:
    roll_out = RollOut(PublicationKind.UPDATE, [("a", "b"), ("c",)])
    assert roll_out.next_step() is Step.SEND
    sent(roll_out)
    roll_out.note_outcome("a", OutcomeCode.INSTALLED)
    roll_out.note_outcome("a", OutcomeCode.APPLIED)
    if code is not None:
        roll_out.note_outcome("b", code)
    assert roll_out.next_step() is Step.WAIT
    assert roll_out.next_step(waited_out=True) is step


def test_a_server_that_was_away_for_a_while_is_forgiven() -> None:
    roll_out = RollOut(PublicationKind.UPDATE, [("a",)], Fraction(100))
    sent(roll_out)
    for code in (OutcomeCode.UNREACHABLE, OutcomeCode.INSTALLED, OutcomeCode.APPLIED):
        roll_out.note_outcome("a", code)
    assert roll_out.next_step() is Step.DONE


def test_a_stage_goes_out_then_waits_then_the_next_one_goes_out() -> None:
    roll_out = policy(("a",), ("b", "c"))
    assert (roll_out.next_step(), roll_out.unsent) == (Step.SEND, ["a"])
    sent(roll_out)
    assert roll_out.next_step() is Step.WAIT
    answered(roll_out, OutcomeCode.TAKEN)
    assert (roll_out.next_step(), roll_out.unsent) == (Step.SEND, ["b", "c"])
    sent(roll_out)
    answered(roll_out, OutcomeCode.TAKEN)
    assert roll_out.next_step() is Step.DONE
    assert roll_out.counts() == {"taken": 3}


def test_it_stops_as_soon_as_more_than_allowed_have_failed_and_sends_no_more() -> None:
    stage = tuple(f"d{number}" for number in range(20))
    roll_out = policy(stage, ("late",), max_failures=10)
    sent(roll_out)
    for device in stage[:2]:
        roll_out.note_outcome(device, OutcomeCode.EXPIRED)
    assert roll_out.next_step() is Step.WAIT
    roll_out.note_outcome(stage[2], OutcomeCode.FORGED)
    assert roll_out.next_step() is Step.STOP
    assert roll_out.why_stopped() is StopReason.FAILURES
    assert roll_out.counts() == {"expired": 2, "forged": 1, "no answer yet": 17}


def test_whoever_was_online_and_fell_silent_has_failed_when_the_time_is_over() -> None:
    roll_out = policy(("a", "b"))
    sent(roll_out)
    roll_out.note_outcome("a", OutcomeCode.TAKEN)
    assert roll_out.next_step() is Step.WAIT
    assert roll_out.next_step(waited_out=True) is Step.STOP
    assert roll_out.why_stopped(waited_out=True) is StopReason.FAILURES


def test_nobody_waits_for_those_that_are_offline_once_somebody_has_taken_it() -> None:
    roll_out = policy(("a", "b"), ("c",))
    roll_out.note_sent({"a": True, "b": False})
    assert roll_out.next_step() is Step.WAIT
    roll_out.note_outcome("a", OutcomeCode.TAKEN)
    assert (roll_out.next_step(), roll_out.unsent) == (Step.SEND, ["c"])


def test_a_stage_of_which_nothing_is_known_is_no_reason_to_go_on() -> None:
    roll_out = policy(("a", "b"), ("c",))
    sent(roll_out, online=False)
    assert roll_out.next_step() is Step.WAIT
    assert roll_out.next_step(waited_out=True) is Step.STOP
    assert roll_out.why_stopped(waited_out=True) is StopReason.NOBODY


def test_whoever_goes_on_excuses_what_has_failed_and_not_what_fails_then() -> None:
    roll_out = policy(("a",), ("b", "c"), max_failures=0)
    sent(roll_out)
    roll_out.note_outcome("a", OutcomeCode.FAILED)
    assert roll_out.next_step() is Step.STOP
    assert roll_out.excuse() == ["a"]
    assert (roll_out.next_step(), roll_out.unsent) == (Step.SEND, ["b", "c"])
    sent(roll_out)
    roll_out.note_outcome("b", OutcomeCode.FAILED)
    assert roll_out.next_step() is Step.STOP


def test_a_good_word_stands_and_a_bad_one_gives_way_to_it() -> None:
    roll_out = policy(("a",))
    sent(roll_out)
    assert roll_out.note_outcome("a", OutcomeCode.BUSY)
    assert roll_out.note_outcome("a", OutcomeCode.TAKEN)
    assert not roll_out.note_outcome("a", OutcomeCode.FAILED)
    assert not roll_out.note_outcome("stranger", OutcomeCode.FAILED)
    assert roll_out.codes == {"a": OutcomeCode.TAKEN}


@given(
    names,
    percentages,
    st.lists(st.tuples(st.sampled_from(["send", "lose", "time"]), st.sampled_from(OutcomeCode)), max_size=40),
)
def test_whatever_happens_nobody_gets_it_before_their_stage_and_nobody_twice(
    devices: set[str], shares: tuple[Fraction, ...], happenings: list[tuple[str, OutcomeCode]]
) -> None:
    stages = stages_of(devices, shares, MESSAGE)
    roll_out = policy(*stages, max_failures=20)
    order: list[str] = []
    for what, code in happenings:
        step = roll_out.next_step(waited_out=what == "time")
        if step is Step.SEND:
            order.append(roll_out.unsent[0])
            roll_out.note_sent({roll_out.unsent[0]: what != "lose"})
            roll_out.note_outcome(order[-1], code)
        if step is Step.STOP:
            failed = {code for code in roll_out.codes.values() if verdict(roll_out.kind, code) is not Verdict.GOOD}
            assert failed or set(roll_out.stage) - set(roll_out.codes)
            break
    assert order == [device for stage in stages for device in stage][: len(order)]
    assert len(order) == len(set(order)) == len(roll_out.sent)
