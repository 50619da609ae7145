"""The whole handset at a real Asterisk, by its keys: what people have a PBX for, each with the sound at every ear."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.display.model import Icon
from tests.lab.asterisk import MUSIC_HZ, Asterisk
from tests.lab.asterisk_root import asterisk_or_skip
from tests.lab.audio import level
from tests.lab.office import BOB, CAROL, PERSON, Office, OpenEar, hears, speaking, talk
from tests.lab.patience import PATIENCE_S, wait_until
from tests.lab.person import Person
from tests.lab.stage import Choices

pytestmark = [pytest.mark.feature("PBX"), pytest.mark.asyncio(loop_scope="function")]

VOICEMAIL = "*97"
INTERCOM = "255"
ROOM = "room_monitor"
PARK, PARKED_THERE = "700", "701"
MESSAGE_BYTES = 32_000
"""Of two seconds of a voice message."""
FAX_HZ = 2100
"""What whoever wants a fax sounds (ITU-T T.30)."""
WINDOW_S, HEARD = 0.3, 700.0


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    asterisk_or_skip()
    choices = Choices(
        pbx=True,
        pbx_endpoint=("send_pai=yes", "t38_udptl=yes", "timers=always", "timers_min_se=90", "timers_sess_expires=90"),
        extra={
            "account": {"voicemail_number": VOICEMAIL},
            "dialing": {"digit_map": ["x.T", "*xx.T", "**xx.T"]},
            "calls": {"auto_answer": True, "auto_answer_from": ["6x1"]},
        },
        loudspeaker=True,
    )
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        pbx(office).order("pjsip set logger on")
        yield office


def pbx(office: Office) -> Asterisk:
    assert office.stage.pbx is not None
    return office.stage.pbx


async def sounds(ear: OpenEar, frequency_hz: int) -> None:
    """Wait until an ear hears a tone of the PBX's."""
    await asyncio.to_thread(
        wait_until, lambda: level(ear.last_heard(WINDOW_S), frequency_hz) >= HEARD, f"{frequency_hz} Hz is heard"
    )


@pytest.mark.asterisk("early media")
@pytest.mark.feature("early media")
async def test_what_the_pbx_sounds_before_it_answers_is_heard(clerk: Person) -> None:
    with OpenEar() as ear:
        await clerk.lift()
        await clerk.send("610")
        await sounds(ear, MUSIC_HZ)
        assert (await clerk.status())["call"] in {"dialing", "alerting"}


@pytest.mark.asterisk("DTMF")
async def test_digits_go_to_the_pbx_and_those_that_come_from_it_leave_the_call_as_it_is(
    office: Office, clerk: Person
) -> None:
    with OpenEar() as ear, speaking():
        await clerk.call("613")
        await clerk.dial("159*0")
        await clerk.wait_for(lambda _: "DIGITS 159*0" in pbx(office).log)
        await hears(ear, PERSON)


@pytest.mark.asterisk("conference")
async def test_each_in_a_conference_of_the_pbx_hears_all_others(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        for colleague in (office.bob, office.carol):
            colleague.call("270")
        await clerk.call("270")
        await hears(ear, BOB, CAROL)
        await hears(office.bob, PERSON, CAROL)


@pytest.mark.asterisk("queue")
async def test_a_call_out_of_a_queue_rings_and_is_answered(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        office.bob.call("257")
        await clerk.wait_for_call("incoming")
        await clerk.lift()
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


@pytest.mark.asterisk("intercom")
@pytest.mark.feature("auto-answer")
async def test_an_intercom_of_who_may_is_heard_by_itself_and_hears_the_room_once_somebody_wants_that(
    office: Office, clerk: Person
) -> None:
    with OpenEar(ROOM) as room, speaking("room_mic"):
        office.bob.call(INTERCOM)
        await hears(room, BOB)
        await hears(office.bob)
        await clerk.reads("Mic off: press MUTE")
        await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.MUTED, 0), (Icon.SPEAKER, 0))
        await clerk.press("mute")
        await hears(office.bob, PERSON)
        await clerk.press("speaker")
        await clerk.wait_for_mode("idle")
    assert office.newest_call()["decision"] == "auto_answered"


@pytest.mark.asterisk("intercom")
@pytest.mark.feature("auto-answer")
async def test_an_intercom_of_who_may_not_rings(office: Office, clerk: Person) -> None:
    office.carol.call(INTERCOM)
    await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
    await clerk.press("cancel")
    await clerk.wait_for_mode("idle")


@pytest.mark.asterisk("intercom")
@pytest.mark.feature("auto-answer", "rules about callers")
async def test_an_intercom_of_who_may_rings_in_quiet_hours(tmp_path: Path) -> None:
    asterisk_or_skip()
    opens = datetime.now(UTC) + timedelta(hours=6)
    hours = [{"from": f"{opens:%H:%M}", "to": f"{opens + timedelta(hours=6):%H:%M}"}]
    calls = {"auto_answer": True, "auto_answer_from": [BOB], "allow": [BOB], "hours": hours}
    choices = Choices(pbx=True, pbx_endpoint=("send_pai=yes",), extra={"calls": calls}, loudspeaker=True)
    with Office(tmp_path, choices).running() as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for_line()
            office.bob.call(INTERCOM)
            await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
            await clerk.press("cancel")
            await clerk.wait_for_mode("idle")


async def test_the_echo_line_of_the_demo_calls_and_echoes(office: Office, clerk: Person) -> None:
    office.stage.call_handset()
    with OpenEar() as ear, speaking():
        await clerk.wait_for_call("incoming")
        await clerk.reads("Echo line")
        await clerk.lift()
        await hears(ear, PERSON)


@pytest.mark.asterisk("ring groups")
async def test_a_call_that_another_phone_of_a_ring_group_takes_is_none_that_was_missed(
    office: Office, clerk: Person
) -> None:
    office.carol.call("251")
    await clerk.wait_for_call("incoming")
    office.bob.answers()
    await clerk.wait_for_mode("idle")
    assert (await clerk.status())["missed_calls"] == 0
    office.carol.hang_up()


@pytest.mark.asterisk("pickup")
async def test_a_call_that_rings_at_another_phone_is_picked_up_by_a_code(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        office.carol.call(BOB)
        office.bob.is_called()
        await clerk.call(f"**{BOB}")
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)


@pytest.mark.asterisk("transfers")
@pytest.mark.feature("blind transfer", "attended transfer")
@pytest.mark.parametrize("attended", [False, True], ids=["blind", "attended"])
async def test_a_transfer_connects_the_others_and_leaves_the_phone_idle(
    office: Office, clerk: Person, *, attended: bool
) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await (clerk.send if attended else clerk.dial)(CAROL)
        if attended:
            office.carol.answers()
            await hears(ear, CAROL)
        await clerk.press("transfer")
        if not attended:
            office.carol.answers()
        await hears(office.bob, CAROL)
        await hears(office.carol, BOB)
        await clerk.reads("Call transferred")
        await clerk.hang_up()


@pytest.mark.asterisk("parking")
async def test_a_call_is_parked_and_fetched_again(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk(clerk, office.bob)
        await clerk.press("transfer")
        await clerk.dial(PARK)
        await clerk.press("transfer")
        await clerk.reads("Call transferred")
        await clerk.hang_up()
        await asyncio.to_thread(
            wait_until, lambda: level(office.bob.phone.last_heard(WINDOW_S), MUSIC_HZ) >= HEARD, "Bob hears the music"
        )
        await clerk.call(PARKED_THERE)
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


@pytest.mark.asterisk("voice messages")
@pytest.mark.feature("voicemail")
async def test_a_voice_message_lights_the_lamp_is_heard_by_one_key_and_deleted(office: Office, clerk: Person) -> None:
    with speaking():
        office.bob.call("260")
        box = office.stage.folder / "asterisk/spool/voicemail/default" / PERSON
        await clerk.wait_for(lambda _: any(each.stat().st_size >= MESSAGE_BYTES for each in box.rglob("*.wav")))
        office.bob.hang_up()
    await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.VOICEMAIL, 1))
    with OpenEar() as ear:
        await clerk.lift()
        await clerk.press("voicemail")
        await clerk.wait_for_call("active")
        await clerk.dial("1")
        await hears(ear, BOB)
        await clerk.dial("7")
        await clerk.wait_for(lambda _: "vm-deleted" in pbx(office).log)
        await clerk.hang_up()
    await clerk.wait_until(lambda page: page.state["indicator"] == "off", PATIENCE_S)


@pytest.mark.asterisk("T.38")
async def test_a_fax_that_the_phone_refuses_leaves_the_call_with_its_sound(office: Office, clerk: Person) -> None:
    with OpenEar() as ear:
        await clerk.call("615")
        await clerk.wait_for(lambda _: 488 in pbx(office).answers("INVITE"))
        await sounds(ear, FAX_HZ)
        assert (await clerk.status())["call"] == "active"


@pytest.mark.asterisk("session timers")
@pytest.mark.feature("session timers")
async def test_a_call_with_a_session_timer_goes_on_when_it_is_refreshed(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        office.bob.call(PERSON)
        await clerk.wait_for_call("incoming")
        await clerk.lift()
        await hears(ear, BOB)
        before = len(pbx(office).answers("UPDATE"))
        # The PBX refreshes what it began, at half of the 90 s that are the least (RFC 4028 section 4).
        await clerk.wait_for(lambda _: pbx(office).answers("UPDATE")[before:] == [200], 2 * PATIENCE_S)
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


@pytest.mark.asterisk("restart")
async def test_a_pbx_that_was_restarted_has_the_phone_again(office: Office, clerk: Person) -> None:
    pbx(office).restart()
    await clerk.wait_for(lambda _: pbx(office).has_registered(PERSON))
    await clerk.wait_for_line()
    with OpenEar() as ear, speaking():
        await clerk.call("600")
        await hears(ear, PERSON)
