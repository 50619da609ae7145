"""What a power cut at any statement of a code's comparison leaves behind: a try is spent or was never made, and a proof
is in the store and in the ledger, or in neither.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.phone.requests.activation import NumberProof
from firmware.privacy.consent import LedgerAction
from tests.lab import kills
from tests.lab.store import StoreLab

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]


def _type_a_code(folder: Path, *, right: bool) -> None:
    async def run() -> None:
        lab = StoreLab(folder)
        await lab.start()
        lab.number_proof.await_code()
        await lab.number_proof.begin_try()
        await lab.number_proof.end_try(right=right)
        await lab.stop()

    asyncio.run(run())


def type_the_right_code(folder: Path) -> None:
    _type_a_code(folder, right=True)


def type_a_wrong_code(folder: Path) -> None:
    _type_a_code(folder, right=False)


def found_in(folder: Path) -> tuple[bool, int, list[LedgerAction]]:
    """Return whether the number is proved, how many wrong codes are counted, and what the ledger tells of it."""

    async def read() -> tuple[bool, int, list[LedgerAction]]:
        lab = StoreLab(folder)
        await lab.start()
        try:
            assert (await lab.consents.state()).intact
            rows = await lab.store.run(lambda database: database.query("SELECT wrong_codes FROM number_proof"))
            proved = (await lab.number_proof.state()).proof is NumberProof.PROVED
            return proved, rows[0][0] if rows else 0, [entry.action for entry in await lab.consents.entries()]
        finally:
            await lab.stop()

    return asyncio.run(read())


def found_after(memory: Path, doing: Callable[[Path], None]) -> list[tuple[bool, int, list[LedgerAction]]]:
    """Return what is found after a kill before each statement, and at last after none."""
    before = memory / "before"
    before.mkdir()

    async def prepare() -> None:
        lab = StoreLab(before)
        await lab.start()
        await lab.stop()

    asyncio.run(prepare())
    # So few that a landing takes each of them too.
    return [found_in(cut.folder) for cut in kills.cuts(before, doing, kills.at_statement, one_in=1)]


def test_a_wrong_code_is_counted_before_anybody_looks_at_it_and_never_forgotten(memory: Path) -> None:
    killed = found_after(memory, type_a_wrong_code)
    counts = [count for _, count, _ in killed]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1}
    assert all(not proved and told == [] for proved, _, told in killed)


def test_a_proof_is_in_the_store_and_in_the_ledger_or_in_neither(memory: Path) -> None:
    killed = found_after(memory, type_the_right_code)
    assert all((told == [LedgerAction.NUMBER_PROVED]) is proved for proved, _, told in killed)
    assert [proved for proved, _, _ in killed] == sorted(proved for proved, _, _ in killed)
    assert {proved for proved, _, _ in killed} == {False, True}
    # Cut off between the two, the try is spent and nothing is proved.
    assert {(proved, count) for proved, count, _ in killed} == {(False, 0), (False, 1), (True, 0)}
