import pytest

from firmware.phone.set_up import SetUp
from tests.lab.store import StoreLab


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
