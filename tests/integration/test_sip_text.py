"""Real-time text in calls (RFC 4103) between two phones of ours."""

import time
from collections.abc import Iterator

import pytest

from firmware.phone.call import CallId
from firmware.phone.news import CallAudioChanged, CallTextChanged
from firmware.phone.orders import HoldCall, OpenText, ResumeCall, WriteText
from tests.lab.sip_line import TextReader
from tests.lab.three_agents import ThreeAgents, three_agents

pytestmark = pytest.mark.feature("real-time text")


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeAgents]:
    with three_agents(tmp_path_factory.mktemp("agents")) as agents:
        yield agents


@pytest.fixture
def talking(agents: ThreeAgents) -> Iterator[tuple[CallId, CallId]]:
    yield agents.call("bob")
    agents.hang_up_all()


def open_text(agents: ThreeAgents, talking: tuple[CallId, CallId]) -> None:
    agents.alice.stack.order(OpenText(talking[0]))
    for phone, call_id in ((agents.alice, talking[0]), (agents.bob, talking[1])):
        assert phone.wait_for(CallTextChanged) == CallTextChanged(call_id, is_open=True)


def test_nobody_is_offered_text_before_somebody_asks_for_it(
    agents: ThreeAgents, talking: tuple[CallId, CallId]
) -> None:
    for phone in (agents.alice, agents.bob):
        assert not [event for _, event in phone.events if isinstance(event, CallTextChanged)]


def test_letters_go_both_ways(agents: ThreeAgents, talking: tuple[CallId, CallId]) -> None:
    open_text(agents, talking)
    for writer, reader, call_id in ((agents.alice, agents.bob, talking[0]), (agents.bob, agents.alice, talking[1])):
        read = TextReader(reader)
        for letter in "Hullo 张伟!\nsecnod":
            writer.stack.order(WriteText(call_id, letter))
            time.sleep(0.02)
        read.wait_for("Hullo 张伟!\nsecnod")
        writer.stack.order(WriteText(call_id, "\b\b\bond"))
        read.wait_for("Hullo 张伟!\nsecond")


def test_text_stays_over_hold_and_goes_on(agents: ThreeAgents, talking: tuple[CallId, CallId]) -> None:
    open_text(agents, talking)
    read = TextReader(agents.bob)
    agents.alice.stack.order(WriteText(talking[0], "a"))
    read.wait_for("a")
    agents.alice.stack.order(HoldCall(talking[0]))
    agents.bob.wait_for(CallAudioChanged, lambda event: not event.sending)
    agents.alice.stack.order(WriteText(talking[0], "b"))
    agents.alice.stack.order(ResumeCall(talking[0]))
    read.wait_for("ab")
    assert not [event for _, event in agents.alice.events if isinstance(event, CallTextChanged)]
