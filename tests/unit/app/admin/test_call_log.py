"""What `wecall log` says of calls: whether each was answered, and how it ended, in the words of call records."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from contract.calls import CallDirection, DisconnectReason
from firmware.app.admin.handset import AdminRole
from firmware.cli import status
from firmware.control.admin_requests import LogRequest
from firmware.control.requests import written
from firmware.phone.call import AudioTrouble, CallQuality, Decision
from firmware.phone.commands import CloseCallRecord
from tests.lab.store import StoreLab

INCOMING, OUTGOING = CallDirection.INCOMING, CallDirection.OUTGOING


async def logged(lab: StoreLab) -> Any:
    """Ask the handset, as the command does."""
    role = AdminRole(
        view=lambda: pytest.fail("nobody asks for it"),
        page_lines=tuple,
        condition=lambda: pytest.fail("nobody asks for it"),
        own_condition=lambda: pytest.fail("nobody asks for it"),
        call_log=lambda: lab.call_log,
    )
    answer: Any = await role.handlers["log"](LogRequest(limit=20))
    return json.loads(json.dumps(written(answer)))


def printed(answer: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(status, "ask", lambda *_: answer)
    result = CliRunner().invoke(status.log, [])
    assert result.exit_code == 0, result.output
    return list(result.output.splitlines())


@pytest.mark.parametrize(
    "reason",
    [
        DisconnectReason.LOCAL_HANGUP,
        DisconnectReason.REMOTE_HANGUP,
        DisconnectReason.NETWORK_LOST,
        DisconnectReason.TRANSFERRED,
        DisconnectReason.INTERRUPTED,
    ],
)
async def test_an_answered_call_is_shown_as_answered_however_it_ended(
    lab: StoreLab, monkeypatch: pytest.MonkeyPatch, reason: DisconnectReason
) -> None:
    await lab.make_call("5550", INCOMING, reason=reason)
    answer = await logged(lab)
    [call] = answer["calls"]
    assert (call["answered"], call["result"], call["duration_s"]) == (True, reason.value, 60)
    [line] = printed(answer, monkeypatch)
    assert f"answered         60 s  {reason}" in line
    assert "not answered" not in line


async def test_what_the_handset_decided_does_not_hide_that_a_call_was_answered(
    lab: StoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = await lab.open_call("5550", INCOMING)
    await lab.call_log.mark_answered(call_id)
    lab.pass_time(7)
    await lab.call_log.close_record(
        CloseCallRecord(call_id, DisconnectReason.REMOTE_HANGUP, 200, Decision.AUTO_ANSWERED)
    )
    [line] = printed(await logged(lab), monkeypatch)
    assert "  answered          7 s  remote_hangup (auto_answered)" in line


async def test_a_call_that_nobody_answered_says_why_and_one_that_goes_on_says_that(
    lab: StoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lab.make_call("5551", OUTGOING, reason=DisconnectReason.BUSY, answered=False)
    barred = await lab.open_call("5552")
    await lab.call_log.close_record(CloseCallRecord(barred, DisconnectReason.BARRED, 0, Decision.BARRED))
    talking = await lab.open_call("5553")
    await lab.call_log.mark_answered(talking)
    answer = await logged(lab)
    assert [(call["answered"], call["result"]) for call in answer["calls"]] == [
        (True, None),
        (False, "barred"),
        (False, "busy"),
    ]
    lines = printed(answer, monkeypatch)
    assert lines[0].endswith("answered          0 s  going on")
    assert lines[1].endswith("not answered      0 s  barred")
    assert lines[2].endswith("not answered      0 s  busy")


@pytest.mark.parametrize(
    ("there", "trouble", "words"),
    [
        (None, None, "sound 4.2 of 5 (opus, 10.0 % lost, 9.5 % repaired)"),
        (3.25, None, "sound 4.2 of 5, 3.2 at the far end (opus, 10.0 % lost, 9.5 % repaired)"),
        (None, AudioTrouble.NOT_HEARD, "They hear nothing (opus, 10.0 % lost, 9.5 % repaired)"),
    ],
)
async def test_how_a_call_sounded_says_what_was_lost_and_repaired_and_how_it_was_heard_there(
    lab: StoreLab, monkeypatch: pytest.MonkeyPatch, there: float | None, trouble: AudioTrouble | None, words: str
) -> None:
    call_id = await lab.make_call("5550", INCOMING)
    sound = CallQuality(
        10.0, 3.0, 20.0, "opus", encrypted=True, mos=4.2, repaired_percent=9.5, far_mos=there, trouble=trouble
    )
    await lab.call_log.keep_quality(call_id, sound)
    [line] = printed(await logged(lab), monkeypatch)
    assert line.endswith(words)
