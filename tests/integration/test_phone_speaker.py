"""The whole handset on its loudspeaker: calls without a hand, intercom, and rings that tell callers apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.display.model import Icon
from tests.lab.audio import Recorder, Sound, find_tone
from tests.lab.office import BOB, PERSON, Office, OpenEar, hears, speaking, talk
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.sipp import Sipp
from tests.lab.stage import Choices

pytestmark = pytest.mark.feature("loudspeaker")

ROOM = "room_monitor"
WARNING_HZ = 1000
WARBLE_HZ = (800, 1000)
SHORTEST_PAUSE_S = 0.05
SHORTEST_BURST_S = 0.2
RING_HEARD_S = 2.0
OUTSIDER = "5550"
INTERCOM = "Call-Info: <sip:localhost>;answer-after=0"
VOUCHED_FOR = f"{INTERCOM}\nP-Asserted-Identity: <sip:{OUTSIDER}@localhost>"
RELATIVE = "5553"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    # A tone that never changes is noise to a suppressor.
    sound = {"noise_suppression": "never", "gain_control": "never"}
    calls = {"auto_answer_from": [OUTSIDER]}
    choices = Choices(loudspeaker=True, extra={"sound": sound, "dialing": {"speed_dials": {"3": BOB}}, "calls": calls})
    office = Office(tmp_path_factory.mktemp("office"), choices)
    office.stage.handset.add_contact("Aunt", RELATIVE, country="GB", ring="priority")
    office.stage.handset.add_contact("Bob", BOB, country="GB")
    with office.running():
        yield office


@pytest.mark.feature("people on the idle page")
async def test_somebody_on_the_idle_page_is_called_by_holding_their_digit_with_the_handset_down(
    office: Office, clerk: Person
) -> None:
    await clerk.reads("3 Bob")
    await clerk.press_down("3")
    office.bob.answers()
    await clerk.release("3")
    await clerk.wait_for_call("active")
    await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.MICROPHONE, 0), (Icon.SPEAKER, 0))
    await clerk.press("cancel")
    await clerk.press("cancel")
    await clerk.wait_for_mode("idle")


# --- the loudspeaker --------------------------------------------------------------------------------------------------


async def test_a_call_is_dialled_talked_and_ended_without_lifting_the_handset(office: Office, clerk: Person) -> None:
    with OpenEar(ROOM) as room, OpenEar() as ear, speaking("room_mic"):
        await clerk.press("speaker")
        await clerk.wait_for_mode("collecting_digits")
        await clerk.dial(BOB)
        office.bob.answers()
        await clerk.wait_for_call("active")
        await hears(room, BOB)
        await hears(ear)
        await hears(office.bob, PERSON)
        await clerk.press("speaker")
        await clerk.wait_for_mode("idle")
        await hears(room)
    assert not (await clerk.status())["microphone_open"]


async def test_the_sound_moves_between_handset_and_loudspeaker_during_a_call(office: Office, clerk: Person) -> None:
    with OpenEar(ROOM) as room, OpenEar() as ear:
        await talk(clerk, office.bob)
        with speaking("mic"):
            await hears(ear, BOB)
            await hears(room)
            await hears(office.bob, PERSON)
            await clerk.press("speaker")
            await hears(room, BOB)
            await hears(ear)
            await hears(office.bob)
        with speaking("room_mic"):
            await hears(office.bob, PERSON)
            await clerk.replace()
            await hears(room, BOB)
            await clerk.lift()
            await hears(ear, BOB)
            await hears(room)
            await hears(office.bob)


async def test_a_call_is_answered_on_the_loudspeaker(office: Office, clerk: Person) -> None:
    with OpenEar(ROOM) as room, speaking("room_mic"):
        office.bob.call(PERSON)
        await clerk.wait_for_mode("ringing")
        await clerk.press("speaker")
        await hears(room, BOB)
        await hears(office.bob, PERSON)
        await clerk.press("cancel")
        await clerk.wait_for_mode("idle")


# --- intercom ---------------------------------------------------------------------------------------------------------


async def test_a_call_that_asks_to_be_answered_by_itself_rings_unless_the_holder_wants_that(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    with office.outsider(tmp_path, OUTSIDER, HEADER=VOUCHED_FOR):
        await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
        assert not (await clerk.status())["microphone_open"]
        await clerk.press("cancel")
        await clerk.wait_for_mode("idle")


@pytest.mark.feature("auto-answer")
async def test_where_the_holder_wants_it_the_phone_warns_and_answers_whom_the_server_vouches_for(
    office: Office, clerk: Person, tmp_path: Path
) -> None:
    await clerk.lift()
    await clerk.send("*50")
    await clerk.reads("Auto-answer")
    await clerk.hang_up()
    with office.outsider(tmp_path, OUTSIDER, HEADER=INTERCOM):
        await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
        await clerk.press("cancel")
        await clerk.wait_for_mode("idle")
    with Recorder(ROOM) as room, office.outsider(tmp_path, OUTSIDER, HEADER=VOUCHED_FOR) as caller:
        await clerk.wait_for_call("active")
        warning = find_tone(room.sound, [WARNING_HZ])
        # It goes on until the call is answered.
        assert len(warning) >= 2
        assert [burst.duration_s for burst in warning[:2]] == pytest.approx([0.12, 0.12], abs=0.05)
        await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.MUTED, 0), (Icon.SPEAKER, 0))
        await clerk.press("mute")
        await clerk.sees_icons((Icon.REGISTERED, 0), (Icon.MICROPHONE, 0), (Icon.SPEAKER, 0))
        await clerk.press("speaker")
        await clerk.wait_for_mode("idle")
        caller.finish()
    assert office.newest_call()["decision"] == "auto_answered"
    await clerk.lift()
    await clerk.send("*51")
    await clerk.reads("Off")


# --- rings ------------------------------------------------------------------------------------------------------------


@pytest.mark.feature("distinctive ring")
@pytest.mark.parametrize(
    ("header", "bursts_s"),
    [
        ("Subject: a call", [0.4, 0.4]),
        ("Alert-Info: <http://localhost>;info=alert-internal", [0.4]),
        ("Alert-Info: <http://localhost>;info=alert-external", [0.8, 0.8]),
    ],
    ids=["as the country does", "from inside", "from outside"],
)
async def test_the_server_says_which_ring_tells_callers_apart(
    office: Office, clerk: Person, tmp_path: Path, *, header: str, bursts_s: list[float]
) -> None:
    assert await ring_of(office.outsider(tmp_path, OUTSIDER, HEADER=header), clerk) == pytest.approx(bursts_s, abs=0.06)


@pytest.mark.feature("distinctive ring")
async def test_a_contact_has_a_ring_of_its_own(office: Office, clerk: Person, tmp_path: Path) -> None:
    bursts_s = await ring_of(office.outsider(tmp_path, RELATIVE), clerk)
    await clerk.wait_for_mode("idle")
    # The ring begins before the address book has answered, which may take longer than a burst.
    assert len(bursts_s) > 2
    assert bursts_s[1:] == pytest.approx([0.3] * (len(bursts_s) - 1), abs=0.06)


async def ring_of(caller: Sipp, clerk: Person) -> list[float]:
    """How long each burst of the ring for a caller lasts, who is then declined."""
    with Recorder("bell_monitor") as bell, caller:
        await clerk.wait_until(lambda page: page.state["ringing"], PATIENCE_S)
        since_s = bell.sound.duration_s
        await clerk.wait_for(lambda _: bell.sound.duration_s > since_s + RING_HEARD_S + 0.5)
        await clerk.press("cancel")
    return bursts_of(bell.sound)


def bursts_of(sound: Sound) -> list[float]:
    """How long each burst of the warble lasts that begins within RING_HEARD_S of the first."""
    spans = sorted((span for hz in WARBLE_HZ for span in find_tone(sound, [hz])), key=lambda span: span.start_s)
    bursts = [[span.start_s, span.end_s] for span in spans[:1]]
    for span in spans[1:]:
        if span.start_s - bursts[-1][1] < SHORTEST_PAUSE_S:
            bursts[-1][1] = max(bursts[-1][1], span.end_s)
        else:
            bursts.append([span.start_s, span.end_s])
    # What is shorter is the end of an earlier ring, on its way through the sound server.
    bursts = [burst for burst in bursts if burst[1] - burst[0] > SHORTEST_BURST_S]
    return [end_s - start_s for start_s, end_s in bursts if start_s - bursts[0][0] < RING_HEARD_S]
