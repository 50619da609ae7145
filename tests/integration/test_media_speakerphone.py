"""The whole handset in a room where the microphone hears the loudspeaker, in a call with somebody who echoes."""

import asyncio
from pathlib import Path

import pytest

from tests.lab.acoustic_path import level_db, near_voice
from tests.lab.audio import play
from tests.lab.person import Person
from tests.lab.stage import PEER_USER, Choices, Stage

pytestmark = pytest.mark.feature("loudspeaker")

# To the peer and back again, with room to spare.
ONE_ECHO_S = 1.0
LISTEN_S = 2.5


async def level_after_speaking(folder: Path, echo_cancelling: str) -> tuple[float, str]:
    """Speak in the room, and return how loud it is there once the peer's one echo has died away; and `doctor`'s words.

    What the loudspeaker plays is what its microphone hears, as loud as it is: without cancelling it never ends.
    """
    sound = {
        "speaker_capture": "room_monitor", "speaker_volume_percent": 100,
        "echo_cancelling": echo_cancelling, "noise_suppression": "never", "gain_control": "never",
    }  # fmt: skip
    with Stage(folder, Choices(loudspeaker=True, extra={"sound": sound})) as stage, stage.heard_here():
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            await person.press("speaker")
            await person.dial(PEER_USER)
            await person.wait_for_call("active")
            await asyncio.to_thread(stage.peer.wait_for, "echoing")
            await asyncio.to_thread(play, "room", near_voice().between(0, 2.5))
            heard = await person.listen(LISTEN_S, "room_monitor")
            report = stage.handset.command("doctor")
            await person.press("speaker")
            await person.wait_for_mode("idle")
    return level_db(heard.between(ONE_ECHO_S, LISTEN_S).samples), report


async def test_a_voice_in_the_room_comes_back_once_and_does_not_go_round(tmp_path: Path) -> None:
    going_round_db, _ = await level_after_speaking(tmp_path / "without", "never")
    cancelled_db, report = await level_after_speaking(tmp_path / "with", "speaker")
    assert going_round_db > -40
    assert cancelled_db < going_round_db - 20
    assert "pywebrtc" not in report
