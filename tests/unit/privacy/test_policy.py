from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.consent import Purpose
from firmware.phone.requests.policies import PolicyState
from firmware.privacy.policy import (
    NOTICE_S,
    KeptPolicy,
    Policy,
    Reading,
    Witness,
    add,
    advance,
    changes_since,
    in_force,
    show,
    unread,
)

DAY_S = 86_400
HOUR_S = 3600
AT_S = 1_795_000_000.0


def policy(version: str, *changes: Purpose) -> Policy:
    return Policy(version, "2026-11-25", {"en": (f"Text of {version}.",), "zh": (f"{version}。",)}, frozenset(changes))


def reading(after_s: float = 0, *, boot: str = "a", wall_s: float | None = None, synced: bool = True) -> Reading:
    return Reading(boot, 100 + after_s, AT_S + after_s if wall_s is None else wall_s, synced)


def states(policies: tuple[KeptPolicy, ...]) -> dict[str, PolicyState]:
    return {kept.policy.version: kept.state for kept in policies}


def policies_with_one_in_force() -> tuple[KeptPolicy, ...]:
    return show(add((), policy("1")), "1", reading())


# --- what becomes of policies -----------------------------------------------------------------------------------------


def test_the_first_policy_that_is_read_takes_effect_at_once() -> None:
    policies = add((), policy("1"))
    assert states(policies) == {"1": PolicyState.UNREAD}
    assert states(show(policies, "1", reading())) == {"1": PolicyState.IN_FORCE}


def test_a_policy_that_came_waits_to_be_read_for_as_long_as_that_takes() -> None:
    policies = add(policies_with_one_in_force(), policy("2"))
    later = advance(policies, reading(400 * DAY_S))
    assert states(later) == {"1": PolicyState.IN_FORCE, "2": PolicyState.UNREAD}


def test_a_policy_that_was_read_takes_effect_seven_days_later() -> None:
    policies = show(add(policies_with_one_in_force(), policy("2")), "2", reading())
    assert states(policies) == {"1": PolicyState.IN_FORCE, "2": PolicyState.WAITING}
    assert policies[-1].days_left == 7
    policies = advance(policies, reading(NOTICE_S - 1))
    assert states(policies) == {"1": PolicyState.IN_FORCE, "2": PolicyState.WAITING}
    assert policies[-1].days_left == 1
    policies = advance(policies, reading(NOTICE_S))
    assert states(policies) == {"1": PolicyState.REPLACED, "2": PolicyState.IN_FORCE}
    assert policies[-1].days_left == 0


def test_reading_a_policy_again_does_not_begin_the_days_anew() -> None:
    policies = show(add(policies_with_one_in_force(), policy("2")), "2", reading())
    policies = advance(policies, reading(3 * DAY_S))
    assert show(policies, "2", reading(3 * DAY_S)) == policies


def test_reading_an_old_policy_changes_nothing() -> None:
    policies = add(policies_with_one_in_force(), policy("2"))
    assert show(policies, "1", reading()) == policies
    assert show(policies, "unknown", reading()) == policies


def test_a_newer_policy_passes_over_one_that_nobody_has_read() -> None:
    policies = add(add(policies_with_one_in_force(), policy("2")), policy("3"))
    assert states(policies) == {"1": PolicyState.IN_FORCE, "2": PolicyState.REPLACED, "3": PolicyState.UNREAD}
    waiting = unread(policies)
    assert waiting is not None
    assert waiting.policy.version == "3"


def test_what_a_policy_that_was_passed_over_changes_is_asked_again_too() -> None:
    policies = add(policies_with_one_in_force(), policy("2", Purpose.RECORDING))
    policies = add(policies, policy("3", Purpose.CDR_SYNC))
    assert changes_since(policies, 1, 3) == {Purpose.RECORDING, Purpose.CDR_SYNC}
    assert changes_since(policies, 2, 3) == {Purpose.CDR_SYNC}
    assert changes_since(policies, 3, 3) == frozenset()


def test_of_two_policies_that_were_read_each_takes_effect_after_its_own_days() -> None:
    policies = show(add(policies_with_one_in_force(), policy("2")), "2", reading())
    policies = show(add(policies, policy("3")), "3", reading(3 * DAY_S))
    policies = advance(policies, reading(NOTICE_S))
    assert states(policies) == {"1": PolicyState.REPLACED, "2": PolicyState.IN_FORCE, "3": PolicyState.WAITING}
    policies = advance(policies, reading(NOTICE_S + 3 * DAY_S))
    assert states(policies) == {"1": PolicyState.REPLACED, "2": PolicyState.REPLACED, "3": PolicyState.IN_FORCE}


def test_a_phone_that_slept_over_both_dates_goes_to_the_newer_one() -> None:
    policies = show(add(policies_with_one_in_force(), policy("2")), "2", reading())
    policies = show(add(policies, policy("3")), "3", reading(HOUR_S))
    policies = advance(policies, reading(30 * DAY_S))
    assert states(policies) == {"1": PolicyState.REPLACED, "2": PolicyState.REPLACED, "3": PolicyState.IN_FORCE}
    counting = in_force(policies)
    assert counting is not None
    assert counting.policy.version == "3"


def test_a_text_is_read_in_the_displays_language_or_in_english() -> None:
    assert policy("1").paragraphs("zh") == ("1。",)
    assert policy("1").paragraphs("fr") == ("Text of 1.",)


# --- how days are counted ---------------------------------------------------------------------------------------------


def test_a_time_of_day_that_jumps_neither_shortens_nor_prolongs_the_days() -> None:
    witness = Witness.begin(reading())
    for wall_s in (AT_S + 1000 * DAY_S, 0.0, AT_S - 1000 * DAY_S, 1e18):
        witness = witness.advance(reading(HOUR_S, wall_s=wall_s))
    assert witness.passed_s == HOUR_S
    witness = witness.advance(reading(NOTICE_S, wall_s=0.0))
    assert witness.is_over


def test_hours_that_the_phone_was_off_count_where_the_time_of_day_was_kept_at_both_ends() -> None:
    witness = Witness.begin(reading()).advance(reading(10 * HOUR_S))
    witness = witness.advance(Reading("b", 5, AT_S + 11 * HOUR_S, synced=False))
    assert witness.passed_s == 10 * HOUR_S
    witness = witness.advance(Reading("b", 65, AT_S + 11 * HOUR_S + 60, synced=True))
    assert witness.passed_s == pytest.approx(11 * HOUR_S + 60)


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True), (False, False)])
def test_hours_off_do_not_count_where_the_time_of_day_was_not_kept(before: bool, after: bool) -> None:
    witness = Witness.begin(reading(synced=before)).advance(reading(DAY_S, synced=before))
    witness = witness.advance(Reading("b", 5, AT_S + 6 * DAY_S, after))
    assert witness.passed_s == DAY_S


def test_a_machine_that_has_been_running_for_weeks_brings_no_days_along() -> None:
    witness = Witness.begin(reading()).advance(Reading("other", 90 * DAY_S, AT_S, synced=False))
    assert witness.passed_s == 0
    assert witness.advance(Reading("other", 90 * DAY_S + 60, AT_S, synced=False)).passed_s == 60


def test_a_time_service_that_lies_cannot_make_the_days_pass_by_itself() -> None:
    witness = Witness.begin(reading()).advance(reading(HOUR_S))
    witness = witness.advance(Reading("b", 5, AT_S + 1000 * DAY_S, synced=True))
    assert witness.passed_s == 2 * HOUR_S


def test_a_running_clock_that_goes_back_is_not_counted_twice() -> None:
    witness = Witness.begin(reading())
    for after_s in (100, 50, 100, 50):
        witness = witness.advance(reading(after_s))
        assert witness.passed_s == 100


@dataclass
class World:
    """Real time, and a handset in it that is switched off and on, with a time of day that others choose."""

    honest: bool
    real_s: float = 0.0
    running_s: float = 0.0
    ran_s: float = 0.0
    boots: int = 0
    skew_s: float = 0.0
    synced: bool = True
    witness: Witness = field(init=False)

    def __post_init__(self) -> None:
        self.witness = Witness.begin(self.read())

    def read(self) -> Reading:
        skew_s = 0.0 if self.synced and self.honest else self.skew_s
        return Reading(f"boot {self.boots}", self.running_s, AT_S + self.real_s + skew_s, self.synced)

    def run(self, seconds: float) -> None:
        self.real_s += seconds
        self.running_s += seconds
        self.ran_s += seconds

    def switch_off(self, seconds: float, skew_s: float, synced: bool) -> None:
        """Come back after a while, with a time of day that may be anything unless it is kept right."""
        self.real_s += seconds
        self.boots += 1
        self.running_s = 0.0
        self.skew_s, self.synced = skew_s, synced

    def look(self) -> None:
        self.witness = self.witness.advance(self.read())

    def do(self, step: "Step") -> None:
        match step:
            case Run():
                self.run(step.seconds)
                if step.looks:
                    self.look()
            case Off():
                self.switch_off(step.seconds, step.skew_s, step.synced)
                self.look()
            case Jump():
                self.skew_s, self.synced = step.skew_s, step.synced
                self.look()


@dataclass(frozen=True)
class Run:
    """The handset runs for a while, and at its end looks at its clocks or does not come to it."""

    seconds: float
    looks: bool


@dataclass(frozen=True)
class Off:
    """The handset is off for a while."""

    seconds: float
    skew_s: float
    synced: bool


@dataclass(frozen=True)
class Jump:
    """Somebody sets the time of day."""

    skew_s: float
    synced: bool


Step = Run | Off | Jump

DURATIONS = st.sampled_from([0.0, 60.0, DAY_S, 3.0 * DAY_S]) | st.floats(0, 5 * DAY_S)
SKEWS = st.sampled_from([0.0, 3.0 * DAY_S, 1000.0 * DAY_S, -1000.0 * DAY_S]) | st.floats(-1e12, 1e12)
STEPS = st.lists(
    st.one_of(
        st.builds(Run, DURATIONS, st.booleans()),
        st.builds(Off, DURATIONS, SKEWS, st.booleans()),
        st.builds(Jump, SKEWS, st.booleans()),
    ),
    max_size=20,
)
ROUNDING_S = 0.01


@settings(max_examples=200)
@given(STEPS)
def test_the_days_are_never_over_before_seven_real_ones_have_passed(steps: list[Step]) -> None:
    world = World(honest=True)
    for step in steps:
        world.do(step)
        assert world.witness.passed_s <= world.real_s + ROUNDING_S
        assert not world.witness.is_over or world.real_s >= NOTICE_S - ROUNDING_S


@settings(max_examples=200)
@given(STEPS)
def test_a_liar_gains_no_more_than_an_hour_for_each_that_the_handset_ran(steps: list[Step]) -> None:
    world = World(honest=False)
    for step in steps:
        world.do(step)
        assert world.witness.passed_s <= 2 * world.ran_s + ROUNDING_S


@given(STEPS, st.booleans())
def test_seven_days_of_running_are_enough_whatever_the_time_of_day_says(steps: list[Step], honest: bool) -> None:
    world = World(honest=honest)
    for step in steps:
        world.do(step)
        world.look()
    while world.ran_s < NOTICE_S:
        world.run(6 * HOUR_S)
        world.look()
    assert world.witness.is_over


@given(STEPS)
def test_what_has_passed_never_grows_less(steps: list[Step]) -> None:
    world = World(honest=False)
    for step in steps:
        before = world.witness.passed_s
        world.do(step)
        world.look()
        assert world.witness.passed_s >= before


@given(STEPS)
def test_looking_twice_counts_nothing_twice(steps: list[Step]) -> None:
    world = World(honest=True)
    for step in steps:
        world.do(step)
        world.look()
        once = world.witness
        world.look()
        assert replace(world.witness, anchor=None) == replace(once, anchor=None)
