from firmware.phone.preferences import Preferences
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
