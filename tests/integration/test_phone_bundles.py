"""A whole handset is set up by bundles: a real registrar, a real broker, real keys, and a process that starts anew."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.results import BundleResult, CheckCode, CheckName
from firmware.phone.bundle_news import BundleStep
from provisioning.report import Check
from tests.lab.bundle_site import BROKER, LINE, SOUND, BundleSite, Stick, history_once, set_up_first, somebody_at
from tests.lab.microphone import MicrophoneWatch
from tests.lab.patience import wait_until
from tests.lab.stage import HANDSET_USER, PEER_USER

pytestmark = pytest.mark.feature("bundle trial")

SHUT_WITHIN_S = 1


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BundleSite]:
    with BundleSite(tmp_path / "stage") as site:
        yield site


async def test_a_new_handset_is_set_up_by_words_and_code_and_later_by_the_pinned_key_alone(site: BundleSite) -> None:
    handset, stick = site.handset, Stick(site.handset)
    identity = await set_up_first(site, stick)
    own = site.stage.password_of[HANDSET_USER].encode()
    assert not any(own in path.read_bytes() for path in handset.state_dir.rglob("*") if path.is_file())

    # The second needs nobody; its wrong password sends it back, and the check is named.
    offer = await stick.bring(site.bundle(2, identity, password="wrong"))
    report = await stick.report(offer)
    refused = Check(name=CheckName.LINES, passed=False, code=CheckCode.REFUSED, line=1)
    assert (report.result, report.code, report.checks) == (BundleResult.REVERTED, CheckName.LINES, (refused,))
    async with somebody_at(handset) as person:
        await person.wait_for_line()

        # The same number stays refused; a higher one that comes while somebody calls waits.
        again = await stick.report(await stick.bring(site.bundle(2, identity)))
        assert (again.result, again.code) == (BundleResult.REFUSED, "reverted_before")
        await person.press("ok")
        await person.call(PEER_USER)
        third = site.bundle(3, identity)
        offer = await stick.bring(third)
        await stick.reaches(offer, BundleStep.WAITING_FOR_CALL)
        assert (await person.status())["call"] == "active"
        await person.replace()
    report = await stick.report(offer)
    assert (report.result, report.number, report.checks) == (BundleResult.APPLIED, 3, (LINE, BROKER, *SOUND))
    assert [call["number"] for call in handset.ask("log")] == [PEER_USER], "the holder's data is not the installer's"
    same = await stick.report(await stick.bring(third))
    assert same.result is BundleResult.NOTHING_TO_DO

    # By hand it goes back to the one before, and what it took back does not come again.
    assert "bundle 1" in await asyncio.to_thread(handset.command, "config", "revert")
    history = await history_once(handset, lambda history: history["active"] == 1)
    assert history["reverted"] == [3]
    assert (await stick.report(await stick.bring(site.bundle(3, identity)))).code == "reverted_before"
    async with somebody_at(handset) as person:
        await person.wait_for_line()
        assert (await person.status())["bundle"] == "The configuration of bundle 1 counts."


async def test_a_handset_that_dies_in_its_trials_goes_back_and_is_a_phone_again(site: BundleSite) -> None:
    handset, stick = site.handset, Stick(site.handset)
    identity = await set_up_first(site, stick)
    port = str(site.stage.kamailio.tcp_port)
    offer = await stick.bring(site.bundle(2, identity, **{f"port = {port}": "port = 9"}))
    for _ in range(3):
        await stick.reaches(offer, BundleStep.LINES)
        await asyncio.to_thread(handset.main.kill)
        await asyncio.to_thread(handset.main.start)
    report = await stick.report(offer)
    assert (report.result, report.code) == (BundleResult.REVERTED, CheckName.START)
    async with somebody_at(handset) as person:
        await person.wait_for_line()
        await person.reads_the_beginning_of("The phone did not start with it.")


async def test_a_microphone_that_does_not_open_sends_a_bundle_back_and_one_that_does_is_shut_at_once(
    site: BundleSite,
) -> None:
    assert site.stage.pulse is not None
    stick = Stick(site.handset)
    with MicrophoneWatch(site.stage.pulse) as microphone:
        identity = await set_up_first(site, stick)
        await asyncio.to_thread(wait_until, lambda: any(math.isfinite(each.ended_at) for each in microphone.streams))
        [checked] = microphone.streams
    # Nothing is read meanwhile: see contract/test_sound.py. A busy computer lets a program pause between two lines.
    assert checked.ended_at - checked.began_at < SHUT_WITHIN_S
    assert not site.stage.pulse.recording()

    nowhere = {'capture = "mic_monitor"': 'capture = "nowhere"'}
    report = await stick.report(await stick.bring(site.bundle(2, identity, **nowhere)))
    assert (report.result, report.code) == (BundleResult.REVERTED, CheckName.MICROPHONE)
    assert report.checks[-1] == Check(name=CheckName.MICROPHONE, passed=False, code=CheckCode.NOT_OPENED)
    assert Check(name=CheckName.SOUND, passed=True) in report.checks
    async with somebody_at(site.handset) as person:
        await person.reads_the_beginning_of("The microphone did not open. Check its name.")
        await person.wait_for_line()
