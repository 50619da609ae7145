import queue
import sys

import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, SipUri
from firmware.phone.events import Event
from firmware.phone.news import CallStateChanged, MessageSent, Problem, ProblemRaised
from firmware.phone.orders import PlaceCall, SendMessage
from firmware.voice.sip.settings import AccountSettings, SipSettings
from firmware.voice.sip.stack import PjsuaStack
from provisioning.sip_choices import Transport


def test_a_machine_without_the_sip_library_says_so_and_ends_every_call_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python's own way to say that a module is not there.
    monkeypatch.setitem(sys.modules, "firmware.voice.sip.engine", None)
    events = queue.SimpleQueue[Event]()
    account = AccountSettings("alice", "example.com", "example.com", 5060, Transport.UDP, "a password")
    stack = PjsuaStack(SipSettings(account), lambda: None)
    stack.start(events.put)
    try:
        problem = events.get(timeout=60)
        assert isinstance(problem, ProblemRaised)
        assert problem.problem is Problem.SIP_LIBRARY_MISSING
        assert "docs/installing.md" in problem.detail
        call_id = CallId("0" * 32)
        stack.order(PlaceCall(call_id, SipUri("sip:bob@example.com")))
        assert events.get(timeout=60) == CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)
        stack.order(SendMessage("1", SipUri("sip:bob@example.com"), "hello"))
        assert events.get(timeout=60) == MessageSent("1", accepted=False)
        assert stack.build_report is None
    finally:
        stack.stop()


def test_what_keeps_it_from_starting_is_logged_once_however_often_it_is_tried(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "firmware.voice.sip.engine", None)
    monkeypatch.setattr("firmware.voice.sip.stack._RESTART_S", 0)
    events = queue.SimpleQueue[Event]()
    account = AccountSettings("alice", "example.com", "example.com", 5060, Transport.UDP, "a password")
    stack = PjsuaStack(SipSettings(account), lambda: None)
    stack.start(events.put)
    try:
        raised = [events.get(timeout=60) for _ in range(3)]
    finally:
        stack.stop()
    assert all(isinstance(each, ProblemRaised) for each in raised)
    assert [record.getMessage().partition(" (")[0] for record in caplog.records if record.levelname == "ERROR"] == [
        "The SIP library pjsua2 cannot be loaded"
    ]
