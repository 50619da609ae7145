"""Who hears whom: several calls at once, on hold, joined and split, by the tone at each ear."""

from collections.abc import Iterator

import pytest

from firmware.phone.call import CallId, CallState
from firmware.phone.orders import HangUpCall, HoldCall, JoinCalls, ResumeCall, SplitCalls
from tests.lab.three_agents import ThreeAgents, three_agents, wait_until_heard


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeAgents]:
    with three_agents(tmp_path_factory.mktemp("agents")) as phones:
        yield phones


@pytest.fixture
def calls(phones: ThreeAgents) -> Iterator[tuple[CallId, CallId]]:
    """Two calls of alice's, bob on hold and carol in talk."""
    to_bob, _ = phones.call("bob")
    phones.alice.stack.order(HoldCall(to_bob))
    phones.alice.wait_for_call(to_bob, CallState.HELD)
    to_carol, _ = phones.call("carol")
    yield to_bob, to_carol
    phones.hang_up_all()


def test_a_call_on_hold_neither_hears_nor_is_heard(phones: ThreeAgents, calls: tuple[CallId, CallId]) -> None:
    wait_until_heard(phones.alice, {"carol"})
    wait_until_heard(phones.carol, {"alice"})
    wait_until_heard(phones.bob, set())


def test_calls_are_swapped(phones: ThreeAgents, calls: tuple[CallId, CallId]) -> None:
    to_bob, to_carol = calls
    phones.alice.stack.order(HoldCall(to_carol))
    phones.alice.wait_for_call(to_carol, CallState.HELD)
    phones.alice.stack.order(ResumeCall(to_bob))
    wait_until_heard(phones.alice, {"bob"})
    wait_until_heard(phones.bob, {"alice"})
    wait_until_heard(phones.carol, set())


def test_of_two_calls_that_nobody_holds_only_the_latest_is_heard(
    phones: ThreeAgents, calls: tuple[CallId, CallId]
) -> None:
    to_bob, _to_carol = calls
    phones.alice.stack.order(ResumeCall(to_bob))
    wait_until_heard(phones.alice, {"bob"})
    wait_until_heard(phones.bob, {"alice"})
    wait_until_heard(phones.carol, set())


def test_joined_calls_all_hear_each_other_until_they_are_split(
    phones: ThreeAgents, calls: tuple[CallId, CallId]
) -> None:
    to_bob, to_carol = calls
    phones.alice.stack.order(JoinCalls((to_bob, to_carol)))
    wait_until_heard(phones.alice, {"bob", "carol"})
    wait_until_heard(phones.bob, {"alice", "carol"})
    wait_until_heard(phones.carol, {"alice", "bob"})
    phones.alice.stack.order(SplitCalls())
    phones.alice.stack.order(HoldCall(to_bob))
    wait_until_heard(phones.alice, {"carol"})
    wait_until_heard(phones.carol, {"alice"})
    wait_until_heard(phones.bob, set())


def test_one_that_leaves_a_conference_on_hold_comes_back_into_it(
    phones: ThreeAgents, calls: tuple[CallId, CallId]
) -> None:
    to_bob, to_carol = calls
    phones.alice.stack.order(JoinCalls((to_bob, to_carol)))
    wait_until_heard(phones.bob, {"alice", "carol"})
    phones.alice.stack.order(HoldCall(to_bob))
    wait_until_heard(phones.bob, set())
    wait_until_heard(phones.carol, {"alice"})
    phones.alice.stack.order(ResumeCall(to_bob))
    wait_until_heard(phones.bob, {"alice", "carol"})
    wait_until_heard(phones.carol, {"alice", "bob"})


def test_the_rest_of_a_conference_goes_on_when_one_hangs_up(phones: ThreeAgents, calls: tuple[CallId, CallId]) -> None:
    to_bob, to_carol = calls
    phones.alice.stack.order(JoinCalls((to_bob, to_carol)))
    wait_until_heard(phones.alice, {"bob", "carol"})
    phones.alice.stack.order(HangUpCall(to_carol))
    wait_until_heard(phones.alice, {"bob"})
    wait_until_heard(phones.bob, {"alice"})
