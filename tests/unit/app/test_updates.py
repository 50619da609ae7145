"""The mark that a call is on, which holds back whoever fetches updates."""

from dataclasses import replace
from pathlib import Path

import pytest

from contract.calls import CallDirection
from firmware.app.updates import CallMark
from firmware.phone.call import CallerId, CallState
from firmware.phone.view import CallView, Mode, PhoneView

pytestmark = pytest.mark.feature("updates by stick and network")

IDLE = PhoneView(Mode.IDLE)
CALL = CallView(CallState.DIALING, CallDirection.OUTGOING, CallerId("1"))


def test_the_mark_is_there_from_the_first_moment_of_a_call_to_the_end_of_the_last(tmp_path: Path) -> None:
    path = tmp_path / "in-call"
    path.touch()
    mark = CallMark(path)
    assert not path.exists(), "a run before has left it"
    mark.note_view(IDLE)
    assert not path.exists()
    for state in (CallState.DIALING, CallState.ACTIVE, CallState.HELD):
        mark.note_view(replace(IDLE, call=replace(CALL, state=state)))
        assert path.exists()
    over = replace(CALL, state=CallState.DISCONNECTED)
    mark.note_view(replace(IDLE, call=over, other_calls=(replace(CALL, state=CallState.WAITING),)))
    assert path.exists()
    mark.note_view(replace(IDLE, call=over))
    assert not path.exists()


def test_a_folder_that_is_not_there_keeps_nobody_from_a_call(tmp_path: Path) -> None:
    CallMark(tmp_path / "none" / "in-call").note_view(replace(IDLE, call=CALL))
