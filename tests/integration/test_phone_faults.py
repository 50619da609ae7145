"""The whole phone when something is wrong: it says so in plain words, and whatever can still work does."""

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from contract.results import BundleResult, OutcomeCode
from firmware.display.artist import Artist
from firmware.phone.view import Mode, PhoneView
from firmware.setup.root.media import Door
from firmware.store.database import Database
from provisioning.report import read_report
from provisioning.serial import serial
from tests.lab.certificates import LOOPBACK
from tests.lab.display_reader import FAMILY, NoPictures
from tests.lab.guarded_store import open_store_of
from tests.lab.handset import Handset
from tests.lab.kamailio import Kamailio
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.scripted_peer import ScriptedPeer, sdp
from tests.lab.stage import HANDSET_USER, PEER_USER, Stage

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
EMERGENCY = "999"
NOBODY = "699"
REORDER_HZ = 400
SPOKEN_HZ = 1000


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything but a handset, which each test makes to its needs."""
    stage = Stage(tmp_path_factory.mktemp("stage"))
    with stage.heard_here():
        stage.start(handset=False)
        try:
            stage.kamailio.route(EMERGENCY, stage.peer_uri)
            yield stage
        finally:
            stage.stop()


@contextmanager
def running(handset: Handset, *, sync: bool = False) -> Iterator[Handset]:
    """Run a handset; in the end it still runs, and ends in good order when told to."""
    handset.start(sync=sync)
    pid = handset.main.pid
    try:
        yield handset
        assert handset.main.is_running()
        assert handset.main.pid == pid
    finally:
        handset.sync.stop()
        code = handset.main.stop()
    assert code == 0, handset.main.log[-2000:]


def findings(handset: Handset, part: str) -> list[dict[str, Any]]:
    return [finding for finding in handset.ask("doctor") if finding["part"] == part]


def assert_doctor_says(handset: Handset, part: str, words: str) -> None:
    (finding,) = findings(handset, part)
    assert not finding["ok"]
    assert words in finding["detail"]
    assert finding["advice"], "a fault without advice"


async def assert_calls_work(stage: Stage, person: Person, number: str = PEER_USER) -> None:
    mark = len(stage.peer.events)
    await person.call(number)
    stage.peer.wait_for("answered", after=mark)
    await person.hang_up()
    stage.peer.wait_for("ended 200", after=mark)


# --- configuration ----------------------------------------------------------------------------------------------------


async def test_a_configuration_with_mistakes_leaves_the_last_good_one_running(stage: Stage) -> None:
    handset = stage.new_handset("mistakes")
    with running(handset):
        pass
    assert handset.configuration is not None
    handset.configuration = (
        handset.configuration.replace('country = "GB"', 'country = "Atlantis"')
        .replace("local_port = 0", "local_port = 99999")
        .replace("[dialing]", "[dialing]\nringtone = 7")
    )
    with running(handset):
        async with Person(handset) as person:
            await person.reads("Set-up mistakes. The old one runs.")
            places = ["device.country", "sip.local_port", "dialing.ringtone"]
            mistakes = findings(handset, "config")
            assert sorted(mistake["detail"].partition(":")[0] for mistake in mistakes) == sorted(places)
            assert not any(mistake["ok"] for mistake in mistakes)
            await person.wait_for_line()
            await assert_calls_work(stage, person)
            # The details begin with the fault in general; one mistake after the other follows.
            await person.press("ok")
            await person.press("ok")
            await person.reads_the_beginning_of(mistakes[0]["detail"])


async def test_without_a_configuration_the_phone_says_that_it_is_not_set_up(stage: Stage) -> None:
    handset = stage.new_handset("bare")
    handset.configuration = None
    with running(handset):
        async with Person(handset) as person:
            status = await person.status()
            assert status["mode"] == "unprovisioned"
            await person.reads("Not set up")
            (mistake,) = findings(handset, "config")
            expected = PhoneView(Mode.UNPROVISIONED, mistakes=(mistake["detail"],), serial=serial())
            assert str(handset.configuration_path) in mistake["detail"]
            await person.wait_until(lambda page: page_without_bar(page.frame) == body_of(expected), PATIENCE_S)
            # An administrator reads the same from afar, the clock above it.
            _, *lines = handset.command("status", "--page").splitlines()
            assert lines[:3] == ["Not set up", "Plug in the stick.", serial()]
            await person.lift()
            await person.reads("Cannot call. Use another phone.")
            await person.hang_up()
            await person.reads("Not set up")


async def test_a_damaged_bundle_on_a_stick_is_refused_on_the_display_and_in_a_report(stage: Stage) -> None:
    handset = stage.new_handset("damaged-stick")
    handset.configuration = None
    folder = handset.folder / "run" / "stick"
    with running(handset):
        async with Person(handset) as person, ClientSession() as site:
            await person.reads("Plug in the stick.")
            own_site = {"Origin": handset.url.rstrip("/")}
            async with site.post(f"{handset.url}stick", data=b"no bundle at all", headers=own_site) as answer:
                assert answer.status == 204
            why = "The bundle is damaged. Copy it to the stick again. Take the stick out."
            await person.wait_until(lambda page: page.state["text"] == f"Refused. {why}", 30)
            assert person.state["indicator"] == "slow_blink"
            assert handset.command("status", "--page").splitlines()[1:3] == ["Refused", why]

            # The installer's page says it again later.
            for key in ("cancel", "menu", "1", "volume_up", "ok"):
                await person.press(key)
            await person.wait_until(lambda page: "Last bundle. Refused." in page.state["text"], 30)
            _, *page_lines = handset.command("status", "--page").splitlines()
            assert page_lines[:3] == ["Set-up", "Bundle: none", "Last bundle: Refused"]
            assert f"Serial number: {serial()}" in page_lines
    report = read_report((folder / f"report-{serial()}.json").read_bytes())
    assert (report.result, report.code) == (BundleResult.REFUSED, OutcomeCode.UNREADABLE)


def body_of(view: PhoneView) -> bytes:
    return page_without_bar(Artist("en", NoPictures()).draw(view, FAMILY, ""))


def page_without_bar(frame: bytes) -> bytes:
    # The status bar takes 13 rows of 16 bytes; it holds the time and the sign for what else is wrong.
    return frame[13 * 16 :]


# --- the SIP library -------------------------------------------------------------------------------------------------


async def test_a_phone_without_a_sip_library_says_so_and_shows_every_page(stage: Stage, tmp_path: Path) -> None:
    # In the way of the real one, as on a machine that there is none for.
    (tmp_path / "pjsua2.py").write_text('raise ImportError("none was built for this machine")\n')
    handset = stage.new_handset("no-library")
    handset.voice.process.environment["PYTHONPATH"] = str(tmp_path)
    with running(handset):
        async with Person(handset) as person:
            await person.reads("No SIP library. Use another phone.")
            assert_doctor_says(handset, "sip build", "none was built for this machine")
            await person.lift()
            await person.reads("No SIP library. Use another phone.")
            await person.hang_up()
            await person.press("menu")
            await person.wait_for_mode("menu")


ANOTHER_BUILD = """\
import sys

sys.path.remove({folder!r})
del sys.modules["pjsua2"]
import pjsua2

# A library that has none of the handset's own functions.
pjsua2._pjsua2.__file__ = None
"""


async def test_a_phone_with_a_sip_library_of_another_build_says_so(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "pjsua2.py").write_text(ANOTHER_BUILD.format(folder=str(tmp_path)))
    handset = stage.new_handset("another-library")
    handset.voice.process.environment["PYTHONPATH"] = str(tmp_path)
    with running(handset):
        async with Person(handset) as person:
            await person.reads("Cannot call. Use another phone.")
            assert_doctor_says(handset, "sip build", "not the build that belongs to this handset")
            await person.lift()
            await person.reads("Cannot call. Use another phone.")
            await person.hang_up()
            await person.press("menu")
            await person.wait_for_mode("menu")


# --- the store --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["another key", "no key", "damaged file"])
async def test_a_store_that_does_not_open_stops_no_call(stage: Stage, damage: str) -> None:
    handset = stage.new_handset(damage.replace(" ", "-"))
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await assert_calls_work(stage, person)
    store, key = handset.state_dir / "store.db", handset.state_dir / "store.key"
    match damage:
        case "another key":
            key.write_bytes(os.urandom(32))
        case "no key":
            key.unlink()
        case _:
            content = bytearray(store.read_bytes())
            content[100 : len(content) // 2] = os.urandom(len(content) // 2 - 100)
            store.write_bytes(content)
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.reads("The phone's memory cannot be read.")
            assert_doctor_says(handset, "store", str(store))
            await assert_calls_work(stage, person)
            await assert_calls_work(stage, person, EMERGENCY)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run([*AS_ROOT, "mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", folder], check=True)
    yield folder
    subprocess.run([*AS_ROOT, "umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave not a byte free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for chunk in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(chunk))
            except OSError:
                continue
    return ballast


def new_handset_on(disk: Path, stage: Stage, name: str) -> Handset:
    """Return a handset that has yet to start, with all that it keeps on a disk."""
    handset = stage.new_handset(name)
    handset.folder.mkdir()
    handset.state_dir.symlink_to(disk)
    return handset


async def test_a_disk_that_fills_up_stops_no_call_and_loses_none(stage: Stage, small_disk: Path) -> None:
    handset = new_handset_on(small_disk, stage, "full")
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await assert_calls_work(stage, person)
            ballast = fill(small_disk)
            calls = 1
            while not person.sees("The phone's memory is full."):
                await assert_calls_work(stage, person)
                calls += 1
                assert calls < 200, "the disk never filled"
            assert_doctor_says(handset, "store", "no room left")
            await assert_calls_work(stage, person, EMERGENCY)
            ballast.unlink()
            await assert_calls_work(stage, person)
            await person.wait_for(lambda status: status["problems"] == [])
            log = handset.ask("log", "--limit", "100")
            assert len(log) == calls + 2
            assert [call["number"] for call in log[:2]] == [PEER_USER, EMERGENCY], "not in the order of the calls"


async def test_a_disk_that_is_full_from_the_start_stops_no_call(stage: Stage, small_disk: Path) -> None:
    handset = new_handset_on(small_disk, stage, "full-from-the-start")
    fill(small_disk)
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.wait_for(lambda status: status["problems"] != [])
            await person.reads("The phone's memory is full.")
            await assert_calls_work(stage, person)
            await assert_calls_work(stage, person, EMERGENCY)


async def test_a_phone_that_locks_by_itself_is_locked_when_it_starts_with_a_full_card(
    stage: Stage, small_disk: Path
) -> None:
    handset = new_handset_on(small_disk, stage, "full-and-locked")
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.press("menu")
            await person.dial("651")
            for title in ("New PIN", "New PIN again"):
                await person.reads(title)
                await person.dial("258036")
                await person.press("ok")
            await person.reads("The PIN is set.")
            await person.press("ok")
            await person.reads("Change PIN")
            await person.dial("34")
            await person.press("menu")
            await person.reads("Locked. PIN?")
    ballast = fill(small_disk)
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.reads("The phone's memory is full.")
            await person.press("menu")
            await person.reads("Locked. PIN?")
            await assert_calls_work(stage, person, EMERGENCY)
            ballast.unlink()


# --- sound ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sound",
    [{"playback": "nowhere", "capture": "nowhere"}, {"capture": "plughw:CARD=nowhere"}],
    ids=["card", "microphone"],
)
async def test_a_missing_sound_card_is_named_and_stops_no_call(stage: Stage, sound: dict[str, str]) -> None:
    handset = stage.new_handset("-".join(["no", *sound]), sound=sound)
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.reads("No sound. Check the sound card.")
            assert_doctor_says(handset, "audio", "nowhere'")
            await assert_calls_work(stage, person, EMERGENCY)


async def test_sound_comes_back_in_the_call_when_the_card_does(stage: Stage) -> None:
    assert stage.pulse is not None
    handset = stage.new_handset("card-pulled-out")
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            mark = len(stage.peer.events)
            await person.call(PEER_USER)
            stage.peer.wait_for("echoing", after=mark)
            await person.hears_the_echo_of(SPOKEN_HZ)
            stage.pulse.kill()
            await person.wait_for(lambda status: bool(status["problems"]))
            assert (await person.status())["call"] == "active"
            assert_doctor_says(handset, "audio", "sound card")
            stage.pulse.start()
            await person.wait_for(lambda status: status["problems"] == [])
            await person.hears_the_echo_of(SPOKEN_HZ)
            assert (await person.status())["call"] == "active"
            await person.hang_up()


async def be_called_from(stage: Stage, person: Person, address: str) -> None:
    """Have a call whose audio is at an address of its own, and end it."""
    with ScriptedPeer(stage.kamailio.udp_port) as peer:
        peer.invite(HANDSET_USER, body=sdp(address=address))
        await person.wait_for_call("incoming")
        await person.lift()
        answer = await asyncio.to_thread(peer.receive, 200)
        peer.establish(answer)
        peer.acknowledge(answer)
        await person.wait_for_call("active")
        await asyncio.to_thread(peer.hang_up)
        await person.hang_up()


async def test_where_nobody_lets_the_sound_of_calls_through_the_display_says_so(stage: Stage, tmp_path: Path) -> None:
    handset = stage.new_handset("confined", account={"srtp": "preferred"})
    script = 'mount -t tmpfs none /run && mkdir /run/wecall-media && mount --bind "$0" /run/wecall-media && exec "$@"'
    handset.voice.process.watched_by = ("unshare", "--mount", "sh", "-c", script, str(tmp_path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, running(handset):
        # What systemd listens at, for a service that does not start.
        listener.bind(str(tmp_path / "media.sock"))
        listener.listen()
        async with Person(handset) as person:
            await person.wait_for_line()
            assert (await person.status())["problems"] == []
            await be_called_from(stage, person, "198.51.100.7")
            await person.reads("Some calls are silent. Ask your installer.")
            assert_doctor_says(handset, "call audio", "only the servers' sound is heard")
            door = Door(listener, os.getuid(), lambda _: True)
            serving = threading.Thread(target=door.serve, name="door", daemon=True)
            serving.start()
            await be_called_from(stage, person, "198.51.100.8")
            await person.no_longer_reads("Some calls are silent. Ask your installer.")


# --- servers ----------------------------------------------------------------------------------------------------------


async def test_a_broker_that_is_away_is_named_and_stops_no_call(stage: Stage) -> None:
    handset = stage.new_handset("no-broker", sync={"retry_base_s": 0.1, "retry_cap_s": 1})
    stage.broker.stop()
    with running(handset, sync=True):
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.reads("Call data cannot be sent right now.")
            assert_doctor_says(handset, "broker", "cannot be reached")
            await assert_calls_work(stage, person)
            stage.broker.start()
            await person.wait_for(lambda status: status["problems"] == [])


async def test_a_wrong_password_is_named(stage: Stage) -> None:
    handset = stage.new_handset("wrong-password", account={"password": "not-the-password"})
    with running(handset):
        async with Person(handset) as person:
            await person.reads("Wrong password. Ask your installer.")
            assert_doctor_says(handset, "registrar", "does not accept the password")
            await person.lift()
            await person.dial(NOBODY)
            await person.wait_for_mode("call_ended")
            await person.reads("This call is not allowed")


@pytest.fixture
def other_registrar(stage: Stage, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Kamailio]:
    """A second registrar with the same accounts, not started; its certificate is expired where the test asks."""
    expired = getattr(request, "param", False)
    certificate = stage.authority.issue("localhost", hosts=LOOPBACK, expired=expired)
    registrar = Kamailio(tmp_path / "registrar", stage.password_of, certificate=certificate)
    yield registrar
    registrar.stop()


@pytest.mark.parametrize("other_registrar", [True], indirect=True, ids=["expired"])
async def test_a_server_whose_certificate_has_expired_is_not_talked_to(stage: Stage, other_registrar: Kamailio) -> None:
    other_registrar.start()
    handset = stage.new_handset("expired", account={"port": other_registrar.tls_port})
    with running(handset):
        async with Person(handset) as person:
            await person.reads("Server has no valid certificate.")
            assert_doctor_says(handset, "registrar", "certificate cannot be trusted")
            assert not other_registrar.is_registered("201")


async def test_a_handset_whose_registrar_never_answers_stops_in_good_order(
    stage: Stage, other_registrar: Kamailio
) -> None:
    account = {"port": other_registrar.udp_port, "transport": "udp", "srtp": "off"}
    with running(stage.new_handset("unanswered", account=account, sip={"probe_s": 1})) as handset:
        async with Person(handset) as person:
            await person.reads("No answer from the server. Trying again.")


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_a_registrar_that_comes_up_later_is_found_by_itself(
    stage: Stage, other_registrar: Kamailio, transport: str
) -> None:
    port = {"udp": other_registrar.udp_port, "tls": other_registrar.tls_port}[transport]
    account = {"port": port, "transport": transport, "srtp": "preferred"}
    handset = stage.new_handset(f"late-{transport}", account=account, sip={"retry_cap_s": 1, "probe_s": 1})
    with running(handset):
        async with Person(handset) as person:
            await person.reads("No answer from the server. Trying again.")
            assert_doctor_says(handset, "registrar", "does not answer")
            await person.lift()
            await person.dial(EMERGENCY)
            await person.wait_for_mode("call_ended")
            await person.reads("Cannot call. Use another phone.")
            await person.hang_up()
            other_registrar.start()
            await person.wait_for_line()
            await person.wait_until(lambda page: not page.sees("No answer from the server. Trying again."), PATIENCE_S)


async def test_a_server_that_is_back_is_found_by_a_knock_however_long_the_next_try_is_off(
    stage: Stage, other_registrar: Kamailio
) -> None:
    no_answer = "No answer from the server. Trying again."
    patient = {"retry_base_s": 60, "retry_cap_s": 3600}
    handset = stage.new_handset("knocks", account={"port": other_registrar.tls_port}, sip=patient)
    with running(handset):
        async with Person(handset) as person:
            retry_in_s = 0
            # By lot any time up to a minute: one that is later than anybody here waits for a knock.
            while retry_in_s < PATIENCE_S + 5:
                await asyncio.to_thread(other_registrar.start)
                await person.wait_for_line()
                await asyncio.to_thread(other_registrar.kill)
                await person.reads(no_answer)
                [line] = (await person.status())["lines"]
                retry_in_s = line["retry_in_s"]
            await asyncio.to_thread(other_registrar.start)
            await person.wait_for_line()
            await person.no_longer_reads(no_answer)


# --- everything at once -----------------------------------------------------------------------------------------------


async def test_help_can_be_called_with_store_broker_and_configuration_broken(stage: Stage) -> None:
    handset = stage.new_handset("everything", sync={"port": 1})
    with running(handset):
        pass
    (handset.state_dir / "store.key").write_bytes(os.urandom(32))
    handset.configuration = "no configuration at all"
    with running(handset, sync=True):
        async with Person(handset) as person:
            await person.wait_for(lambda status: len(status["problems"]) == 3)
            await person.dial(EMERGENCY)
            await person.reads("Emergency call")
            mark = len(stage.peer.events)
            await person.lift()
            await person.wait_for_call("active")
            stage.peer.wait_for("echoing", after=mark)
            await person.hears_the_echo_of(SPOKEN_HZ)
            await person.hang_up()


# --- consents ---------------------------------------------------------------------------------------------------------


async def test_a_damaged_consent_ledger_is_named_grants_nothing_and_the_phone_still_calls(stage: Stage) -> None:
    handset = stage.new_handset("ledger")
    with running(handset):
        handset.command("consent", "grant", "cdr_sync")
        assert "The ledger is whole" in handset.command("ledger", "verify")
    await turn_a_bit(handset)
    with running(handset):
        async with Person(handset) as person:
            await person.wait_for_line()
            await person.reads("Your privacy answers are damaged. All count as no.")
            await assert_calls_work(stage, person)
        assert_doctor_says(handset, "consents", "entry 3 was changed")
        assert " granted " not in handset.command("consent", "list").replace("not granted", "")
        for arguments, words in (
            (("ledger", "verify"), "entry 3 was changed"),
            (("consent", "grant", "recording"), "no answer can be added"),
        ):
            with pytest.raises(subprocess.CalledProcessError) as refused:
                handset.command(*arguments)
            assert refused.value.returncode == 1
            assert words in refused.value.stderr


async def turn_a_bit(handset: Handset) -> None:
    """Change the third entry of a ledger, as somebody with the store's key can."""

    def change(database: Database) -> None:
        for (name,) in database.query("SELECT name FROM sqlite_schema WHERE name LIKE 'consent_ledger_is_not_%'"):
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE consent_ledger SET at = replace(at, 'T', 'U') WHERE number = 3")

    store = await open_store_of(handset.state_dir)
    await store.transact(change)
    await store.stop()
