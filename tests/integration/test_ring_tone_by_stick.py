"""A ring tone's whole way, from a file on an installer's computer by the tools and a stick to whoever is called."""

import asyncio
import base64
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.results import BundleResult, CheckName
from provisioning.bundle import key_words
from provisioning.report import Check, read_report
from tests.lab.audio import Recorder, find_tone
from tests.lab.bundle_site import BundleSite, Stick, somebody_at
from tests.lab.installer_desk import InstallerDesk
from tests.lab.ring_tones import CHIME_HZ, chime
from tests.lab.stage import DEVICE, HANDSET_USER

WARBLE_HZ = 800
"""One of the two pitches that a handset rings with which was given no tone."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BundleSite]:
    with BundleSite(tmp_path / "stage") as site:
        yield site


@pytest.fixture
def desk(tmp_path: Path) -> InstallerDesk:
    folder = tmp_path / "desk"
    folder.mkdir()
    return InstallerDesk(folder)


async def heard(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - a recording tells nobody what is in it
            await asyncio.sleep(0.1)


async def test_a_wav_file_that_the_tools_put_on_a_stick_is_what_the_phone_rings_with(
    site: BundleSite, desk: InstallerDesk
) -> None:
    identity = await Stick(site.handset).identity()
    (desk.folder / identity.file_name).write_text(identity.as_json())
    (desk.folder / "certificates").mkdir()
    (desk.folder / "certificates" / f"{identity.serial}.pem").write_bytes(site.certificate_for(identity))
    for name, content in {
        "certificates/ca.pem": site.stage.authority.ca_path.read_bytes(),
        "ring_tones/bell.wav": chime(),
    }.items():
        (desk.site / name).parent.mkdir()
        (desk.site / name).write_bytes(content)
    text = site.text_for(desk.public).replace("[ringer]", '[ringer]\ntone = "ring_tones/bell.wav"')
    desk.configuration_path.write_text(text)
    desk.write_table(
        ("serial", "device_id", "username", "password"), (identity.serial, DEVICE, HANDSET_USER, site.password)
    )
    desk.mass("--to", desk.folder / identity.file_name, "--certificates", desk.folder / "certificates")

    runtime_dir = site.handset.folder / "run"
    command = ["-m", "firmware.cli", "stick", "--runtime-dir", str(runtime_dir), str(desk.stick)]
    async with somebody_at(site.handset) as person:
        stick = await asyncio.create_subprocess_exec(sys.executable, *command)
        words = " ".join(key_words(base64.b64decode(desk.public)))
        await person.reads_the_beginning_of(words)
        await person.press("ok")
        await person.no_longer_reads("On the sheet?")
    assert await asyncio.wait_for(stick.wait(), 60) == 0
    report = read_report((desk.stick / f"report-{identity.serial}.json").read_bytes())
    assert report.result is BundleResult.APPLIED
    assert Check(name=CheckName.RING_TONES, passed=True) in report.checks

    async with somebody_at(site.handset) as person:
        await person.wait_for_line()
        with site.stage.heard_here(), Recorder("bell_monitor") as recorder:
            site.stage.peer.call(site.stage.handset_uri)
            await person.wait_for_mode("ringing")
            await heard(lambda: find_tone(recorder.sound, [CHIME_HZ], threshold=300))
            await person.press("cancel")
            await person.wait_for(lambda status: status["call"] is None)
            assert not find_tone(recorder.sound, [WARBLE_HZ], threshold=300, shortest_s=0.05)
