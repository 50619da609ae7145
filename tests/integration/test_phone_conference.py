"""A conference of the whole handset and two colleagues: each hears both others, by the tone at each ear."""

from collections.abc import Iterator

import pytest

from firmware.phone.call import CallState
from tests.lab.office import BOB, CAROL, PERSON, Office, OpenEar, hears, speaking, talk_to_both
from tests.lab.person import Person


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office")).running() as office:
        yield office


@pytest.mark.feature("conference")
async def test_each_of_three_hears_both_others_until_the_conference_is_split(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk_to_both(office, clerk)
        await clerk.press("conference")
        await clerk.reads("Conference")
        await clerk.reads(BOB)
        await clerk.reads(CAROL)
        await hears(ear, BOB, CAROL)
        await hears(office.bob, PERSON, CAROL)
        await hears(office.carol, PERSON, BOB)
        await clerk.press("conference")
        await clerk.reads(f"Held: {BOB}")
        await hears(ear, CAROL)
        await hears(office.carol, PERSON)
        await hears(office.bob)


async def test_muting_in_a_conference_leaves_the_others_talking(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk_to_both(office, clerk)
        await clerk.press("conference")
        await hears(office.bob, PERSON, CAROL)
        await clerk.press("mute")
        await hears(office.bob, CAROL)
        await hears(office.carol, BOB)
        await hears(ear, BOB, CAROL)


async def test_a_conference_on_hold_is_silent_and_comes_back_whole(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk_to_both(office, clerk)
        await clerk.press("conference")
        await hears(ear, BOB, CAROL)
        await clerk.press("hold")
        await hears(ear)
        await hears(office.bob)
        await hears(office.carol)
        await clerk.press("hold")
        await hears(ear, BOB, CAROL)
        await hears(office.bob, PERSON, CAROL)
        await hears(office.carol, PERSON, BOB)


async def test_when_one_leaves_the_other_two_go_on(office: Office, clerk: Person) -> None:
    with OpenEar() as ear, speaking():
        await talk_to_both(office, clerk)
        await clerk.press("conference")
        await hears(office.carol, PERSON, BOB)
        office.carol.hang_up()
        await clerk.no_longer_reads("Conference")
        await hears(ear, BOB)
        await hears(office.bob, PERSON)


async def test_putting_the_handset_down_ends_both_calls(office: Office, clerk: Person) -> None:
    await talk_to_both(office, clerk)
    await clerk.press("conference")
    await clerk.reads("Conference")
    await clerk.hang_up()
    for colleague in (office.bob, office.carol):
        colleague.sees_newest(CallState.DISCONNECTED)
