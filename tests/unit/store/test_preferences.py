import pytest

from firmware.phone.preferences import Preferences, SetUp
from tests.lab.store import StoreLab

PREFERENCES = Preferences(
    do_not_disturb=True, forward_busy="202", blocked=("0900*", "+861012345678"), speed_dials=(("2", "202"),)
)


async def test_nothing_was_set_before_anything_was_saved(lab: StoreLab) -> None:
    assert await lab.preferences.load() is None


async def test_what_the_holder_set_last_is_there_after_a_restart(lab: StoreLab) -> None:
    await lab.preferences.save(Preferences())
    await lab.preferences.save(PREFERENCES)
    await lab.restart()
    assert await lab.preferences.load() == PREFERENCES


async def test_settings_that_this_version_cannot_read_start_afresh(lab: StoreLab) -> None:
    await lab.preferences.save(PREFERENCES)
    await lab.store.transact(lambda database: database.execute("UPDATE preferences SET chosen = '{\"blocked\": 3}'"))
    assert await lab.preferences.load() is None


async def test_a_new_store_is_that_of_a_new_phone(lab: StoreLab) -> None:
    assert await lab.set_up.load() is SetUp.NEW


async def test_how_the_phone_was_set_up_is_known_after_a_restart(lab: StoreLab) -> None:
    for _ in range(2):
        await lab.set_up.save(SetUp.FIRST_RUN)
    await lab.restart()
    assert await lab.set_up.load() is SetUp.FIRST_RUN


@pytest.mark.usefixtures("quick_pins")
async def test_the_holders_settings_do_not_make_a_phone_set_up(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    await lab.make_call()
    assert await lab.set_up.load() is SetUp.NEW
