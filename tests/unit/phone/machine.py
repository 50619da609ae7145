"""An answering machine that is switched on, on the telephone of a desk."""

from typing import Any

from contract.consent import Purpose
from firmware.phone.call import CallState
from firmware.phone.commands import Command
from firmware.phone.events import RecordingAnnounced, RecordingStarted, Timer
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingId
from firmware.phone.requests.consents import ConsentsChanged
from tests.unit.phone.desk import INCOMING, Desk, settings

SWITCHED_ON = Preferences(answering_machine=True, screen_off_s=0)


def agree(desk: Desk, *, given: bool = True) -> list[Command]:
    granted = frozenset({Purpose.RECORDING}) if given else frozenset[Purpose]()
    return desk.handle(ConsentsChanged(granted, activated=True))


def unattended(preferences: Preferences = SWITCHED_ON, **more: Any) -> Desk:
    """Return a desk whose answering machine is on, and whose holder lets calls be recorded."""
    desk = Desk(settings(preferences=preferences, **more))
    agree(desk)
    return desk


def answered(desk: Desk) -> list[Command]:
    """Let a call ring until the answering machine has answered it; return what follows from that."""
    desk.ring()
    desk.expire(Timer.ANSWERING_MACHINE)
    return desk.sip(CallState.ACTIVE, INCOMING)


def recording_a_message(desk: Desk) -> Desk:
    answered(desk)
    desk.handle(RecordingAnnounced(made=True))
    desk.handle(RecordingStarted(INCOMING, RecordingId("r1")))
    return desk


def taking_message() -> Desk:
    return recording_a_message(unattended())
