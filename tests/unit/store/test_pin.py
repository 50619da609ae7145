import asyncio
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.store import pin as pin_module
from firmware.store.database import Database
from firmware.store.errors import StoreFullError
from firmware.store.pin import Verdict, wait_after
from tests.lab.store import StoreLab

pytestmark = pytest.mark.usefixtures("quick_pins")


async def wrong_tries(lab: StoreLab, count: int) -> Verdict:
    """Try wrong PINs as fast as they are looked at."""
    verdict = Verdict(accepted=False)
    for _ in range(count):
        lab.pass_time(verdict.wait_s)
        verdict = await lab.pin.check("0000")
        assert not verdict.accepted
    return verdict


async def test_no_pin_is_set_at_first_and_then_nothing_is_asked_for(lab: StoreLab) -> None:
    assert not await lab.pin.is_set()
    assert await lab.pin.check("anything") == Verdict(accepted=True)


async def test_the_right_pin_is_accepted_and_a_wrong_one_is_not_also_after_a_restart(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    assert await lab.pin.check("2580") == Verdict(accepted=True)
    await lab.restart()
    assert await lab.pin.is_set()
    assert await lab.pin.check("2581") == Verdict(accepted=False)
    assert await lab.pin.check("2580") == Verdict(accepted=True)


async def test_an_empty_pin_takes_it_away(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    await lab.pin.set("")
    assert not await lab.pin.is_set()


async def test_three_wrong_tries_are_free_and_then_the_right_one_has_to_wait_too(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    assert (await wrong_tries(lab, 2)).wait_s == 0
    assert (await lab.pin.check("0000")).wait_s == 10
    assert await lab.pin.check("2580") == Verdict(accepted=False, wait_s=10, looked_at=False)
    lab.pass_time(9.5)
    assert await lab.pin.check("2580") == Verdict(accepted=False, wait_s=1, looked_at=False)
    lab.pass_time(0.5)
    assert await lab.pin.check("2580") == Verdict(accepted=True)


async def test_the_right_pin_makes_wrong_ones_forgotten(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    lab.pass_time((await wrong_tries(lab, 4)).wait_s)
    assert (await lab.pin.check("2580")).accepted
    assert (await wrong_tries(lab, 2)).wait_s == 0


async def test_setting_the_clock_shortens_no_wait(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    await wrong_tries(lab, 3)
    lab.pass_time(0, clock_step_s=86_400)
    assert await lab.pin.check("2580") == Verdict(accepted=False, wait_s=10, looked_at=False)


async def test_after_a_restart_the_whole_wait_begins_again(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    wait_s = (await wrong_tries(lab, 5)).wait_s
    lab.pass_time(wait_s - 1)
    await lab.restart()
    await lab.pin.is_set()
    assert await lab.pin.check("2580") == Verdict(accepted=False, wait_s=wait_s, looked_at=False)
    lab.pass_time(wait_s)
    assert await lab.pin.check("2580") == Verdict(accepted=True)


async def test_a_try_is_on_the_disk_before_it_is_looked_at(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    seen: list[int] = []

    def look(pin: str, code: str) -> bool:
        future = asyncio.run_coroutine_threadsafe(
            lab.store.run(lambda database: database.query("SELECT wrong_tries FROM pins")), loop
        )
        seen.append(future.result(5)[0][0])
        return False

    loop = asyncio.get_running_loop()
    with patch.object(pin_module, "_matches", look):
        await lab.pin.check("0000")
    assert seen == [1]


async def test_many_tries_at_once_are_looked_at_one_after_the_other(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    verdicts = await asyncio.gather(*(lab.pin.check("0000") for _ in range(5)), lab.pin.check("2580"))
    assert not any(verdict.accepted for verdict in verdicts)


async def test_on_a_full_disk_the_holder_still_gets_in(lab: StoreLab) -> None:
    await lab.pin.set("2580")

    def full(*_: object) -> int:
        raise StoreFullError("There is no room left.")

    with patch.object(Database, "execute", full):
        assert (await lab.pin.check("0000")).accepted is False
        assert (await lab.pin.check("2580")).accepted is True


@given(st.integers(0, 10_000))
def test_waits_only_grow_and_never_pass_an_hour(tries: int) -> None:
    assert wait_after(tries) <= wait_after(tries + 1) <= 3600


@pytest.mark.parametrize(("tries", "wait_s"), [(0, 0), (2, 0), (3, 10), (4, 20), (8, 320), (11, 2560), (12, 3600)])
def test_waits_double(tries: int, wait_s: int) -> None:
    assert wait_after(tries) == wait_s


async def test_the_guardians_pin_and_the_holders_are_two_that_know_nothing_of_each_other(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    await lab.guardian_pin.set("1379")
    assert not (await lab.pin.check("1379")).accepted
    await lab.guardian_pin.check("2580")
    await lab.restart()
    assert (await lab.guardian_pin.check("1379")).accepted
    await lab.guardian_pin.set("")
    assert (await lab.pin.check("2580")).accepted
    assert not await lab.guardian_pin.is_set()


async def test_wrong_tries_at_the_holders_pin_make_no_guardian_wait(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    await lab.guardian_pin.set("1379")
    assert (await wrong_tries(lab, 5)).wait_s > 0
    assert await lab.guardian_pin.check("1379") == Verdict(accepted=True)
