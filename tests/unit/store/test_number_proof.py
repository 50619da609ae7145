from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.requests.activation import NumberProof, NumberProofRead
from firmware.privacy.consent import LedgerAction
from firmware.store.database import Database, load_migrations
from firmware.store.number_proof import CODE_S, TRIES, wait_after
from tests.lab.store import ACCOUNT, KEY, StoreLab


async def mistype(lab: StoreLab, times: int) -> NumberProofRead:
    """Type a wrong code so often, asking for a new one as soon as that is allowed."""
    state = await lab.number_proof.state()
    for _ in range(times):
        lab.pass_time(state.wait_s)
        if (await lab.number_proof.state()).proof is not NumberProof.SENT:
            lab.number_proof.await_code()
        assert (await lab.number_proof.begin_try()).proof is NumberProof.SENT
        state = await lab.number_proof.end_try(right=False)
    return state


async def actions(lab: StoreLab) -> list[LedgerAction]:
    return [entry.action for entry in await lab.consents.entries()]


async def test_without_a_code_on_its_way_nothing_can_be_typed(lab: StoreLab) -> None:
    assert await lab.number_proof.begin_try() == NumberProofRead(NumberProof.OPEN)


async def test_the_right_code_proves_the_number_for_good_and_the_ledger_says_so(lab: StoreLab) -> None:
    lab.number_proof.await_code()
    await lab.number_proof.begin_try()
    assert await lab.number_proof.end_try(right=True) == NumberProofRead(NumberProof.PROVED)
    await lab.restart()
    assert await lab.number_proof.state() == NumberProofRead(NumberProof.PROVED)
    assert await actions(lab) == [LedgerAction.NUMBER_PROVED]


async def test_the_number_of_another_account_is_not_proved_and_wrong_codes_count_on(lab: StoreLab) -> None:
    lab.number_proof.await_code()
    await lab.number_proof.begin_try()
    await lab.number_proof.end_try(right=True)
    await lab.move_to_account("1002@sip.example.org")
    assert await mistype(lab, 2) == NumberProofRead(NumberProof.WRONG, tries_left=3)
    await lab.move_to_account(ACCOUNT)
    assert await lab.number_proof.state() == NumberProofRead(NumberProof.PROVED)
    await lab.move_to_account("1002@sip.example.org")
    lab.number_proof.await_code()
    assert (await lab.number_proof.state()).tries_left == 3
    await lab.number_proof.begin_try()
    assert await lab.number_proof.end_try(right=True) == NumberProofRead(NumberProof.PROVED)
    assert await actions(lab) == [LedgerAction.NUMBER_PROVED] * 2


async def test_what_was_proved_before_the_account_was_noted_is_to_be_proved_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db", KEY)
    database.open(load_migrations()[:12])
    database.execute("INSERT INTO number_proof (only, proved) VALUES (1, 1)")
    database.close()
    lab = StoreLab(tmp_path)
    await lab.start()
    assert await lab.number_proof.state() == NumberProofRead(NumberProof.OPEN)
    await lab.stop()


async def test_a_code_counts_for_ten_minutes(lab: StoreLab) -> None:
    lab.number_proof.await_code()
    lab.pass_time(CODE_S - 1)
    assert (await lab.number_proof.state()).proof is NumberProof.SENT
    lab.pass_time(1)
    assert (await lab.number_proof.begin_try()).proof is NumberProof.EXPIRED


async def test_setting_the_clock_neither_prolongs_a_code_nor_shortens_a_wait(lab: StoreLab) -> None:
    lab.number_proof.await_code()
    lab.pass_time(CODE_S, clock_step_s=-10 * CODE_S)
    assert (await lab.number_proof.state()).proof is NumberProof.EXPIRED
    wait_s = (await mistype(lab, TRIES)).wait_s
    lab.pass_time(1, clock_step_s=1_000_000)
    assert (await lab.number_proof.state()).wait_s == wait_s - 1


async def test_after_five_wrong_codes_a_new_one_is_needed_and_may_be_asked_for_after_a_minute(lab: StoreLab) -> None:
    lab.number_proof.await_code()
    for left in (4, 3, 2, 1):
        await lab.number_proof.begin_try()
        assert await lab.number_proof.end_try(right=False) == NumberProofRead(NumberProof.WRONG, tries_left=left)
    await lab.number_proof.begin_try()
    assert await lab.number_proof.end_try(right=False) == NumberProofRead(NumberProof.WAIT, wait_s=60)
    lab.pass_time(60)
    assert (await lab.number_proof.begin_try()).proof is NumberProof.OPEN


async def test_every_five_wrong_codes_make_the_wait_longer(lab: StoreLab) -> None:
    assert [(await mistype(lab, TRIES)).wait_s for _ in range(8)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]


@pytest.mark.parametrize("wrong", [1, 4])
async def test_a_restart_gives_no_try_back(lab: StoreLab, wrong: int) -> None:
    await mistype(lab, wrong)
    await lab.restart()
    lab.number_proof.await_code()
    assert (await lab.number_proof.state()).tries_left == TRIES - wrong


async def test_a_power_cut_while_a_code_is_compared_costs_the_try(lab: StoreLab) -> None:
    await mistype(lab, TRIES - 1)
    await lab.number_proof.begin_try()
    await lab.restart()
    assert await lab.number_proof.state() == NumberProofRead(NumberProof.WAIT, wait_s=60)


async def test_after_a_restart_the_whole_wait_begins_again_and_the_code_is_forgotten(lab: StoreLab) -> None:
    await mistype(lab, TRIES)
    lab.pass_time(59)
    await lab.restart()
    assert await lab.number_proof.state() == NumberProofRead(NumberProof.WAIT, wait_s=60)
    lab.pass_time(60)
    lab.number_proof.await_code()
    await lab.restart()
    assert (await lab.number_proof.begin_try()).proof is NumberProof.WAIT


async def test_a_try_that_the_operator_never_looked_at_is_none(lab: StoreLab) -> None:
    lab.number_proof.await_code()
    await lab.number_proof.begin_try()
    await lab.number_proof.take_try_back()
    assert (await lab.number_proof.state()).tries_left == TRIES


async def test_that_nothing_proves_the_number_is_written_down_once(lab: StoreLab) -> None:
    for _ in range(2):
        await lab.number_proof.leave_unproved()
    assert await actions(lab) == [LedgerAction.NUMBER_UNPROVED]


@given(st.integers(min_value=0, max_value=10**6))
def test_the_wait_never_gets_shorter_nor_longer_than_an_hour(wrong: int) -> None:
    assert 0 <= wait_after(wrong) <= wait_after(wrong + 1) <= 3600
