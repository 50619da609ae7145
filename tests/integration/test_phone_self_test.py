"""The self-test of the hardware on the whole handset: real tones, a real microphone, a real report."""

import asyncio
from collections.abc import Iterator

import pytest
from aiohttp import ClientSession

from contract.results import HardwarePart
from provisioning.controls import Keypad
from provisioning.report import HardwareCheck, read_report
from provisioning.serial import serial
from tests.lab.audio import play, tone
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.stage import Stage

pytestmark = pytest.mark.feature("self-test of the hardware")

DIAL_TONE_HZ = (350, 440)
KEYS = [key for row in Keypad().keys for key in row]
BROKEN = "8"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    with stage.heard_here():
        stage.start(sync=False)
        try:
            yield stage
        finally:
            stage.stop()


async def test_an_installer_tests_each_part_and_the_next_report_says_what_came_of_it(stage: Stage) -> None:
    handset = stage.handset
    async with Person(handset) as person:
        await person.wait_for_line()
        for key in ("menu", "7", "volume_up", "volume_up", "ok"):
            await person.press(key)
        await person.reads_the_beginning_of("Test the keys, the handset and the ringer?")
        await person.press("ok")
        await person.reads(f"Press {len(KEYS)} keys")
        for key in KEYS:
            if key != BROKEN:
                await person.press(key)
        await person.reads("Press 1 key")
        status = await person.status()
        assert (status["mode"], status["call"], status["microphone_open"]) == ("menu", None, False)
        await person.press("ok")
        await person.reads("Lift the handset.")
        await person.lift()
        await person.listen_for(DIAL_TONE_HZ)
        assert not (await person.status())["microphone_open"]
        await person.press("ok")
        await person.wait_for(lambda status: status["microphone_open"])
        for _syllable in range(5):
            await asyncio.to_thread(play, "mic", tone([300], 0.5))
        await person.reads("Put the handset down.")
        assert not (await person.status())["microphone_open"]
        await person.replace()
        await person.reads("Does it ring?")
        await person.press("ok")
        await person.reads("Does the light blink?")
        await person.wait_until(lambda page: page.state["indicator"] == "fast_blink", 5)
        await person.press("ok")
        await person.reads(f"missing: {BROKEN}")

        async with ClientSession() as site:
            own_site = {"Origin": handset.url.rstrip("/")}
            async with site.post(f"{handset.url}stick", data=b"no bundle at all", headers=own_site) as answer:
                assert answer.status == 204
        path = handset.folder / "run" / "stick" / f"report-{serial()}.json"
        await asyncio.to_thread(wait_until, path.exists)
        doctor = await asyncio.to_thread(handset.command, "doctor")
    report = read_report(path.read_bytes())
    parts = {check.part: check for check in report.checks if isinstance(check, HardwareCheck)}
    assert {part: check.passed for part, check in parts.items()} == {
        part: part is not HardwarePart.KEYS for part in HardwarePart
    }
    assert parts[HardwarePart.KEYS].keys == (BROKEN,)
    assert "this did not work: keys 8." in doctor


async def test_a_handset_that_nobody_has_set_up_is_tested_before_its_stick_comes(stage: Stage) -> None:
    handset = stage.new_handset("bare")
    handset.configuration = None
    handset.start(sync=False)
    try:
        async with Person(handset) as person:
            await person.reads("Plug in the stick.")
            for key in ("menu", "1", "volume_up", "volume_up", "ok", "ok"):
                await person.press(key)
            await person.reads(f"Press {len(KEYS)} keys")
            for key in KEYS:
                await person.press(key)
            await person.reads("Lift the handset.")
            await person.lift()
            await person.reads("Do you hear the tone?")
            await person.press("ok")
            await person.wait_for(lambda status: status["microphone_open"])
            await person.press("cancel")
            await person.reads("Put the handset down.")
            await person.replace()
            for question in ("Does it ring?", "Does the light blink?"):
                await person.reads(question)
                await person.press("ok")
            await person.reads("Keypad")
            doctor = await asyncio.to_thread(handset.command, "doctor")
            assert "this did not work: microphone." in doctor
    finally:
        handset.stop()
