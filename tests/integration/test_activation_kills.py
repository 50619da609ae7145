"""What a power cut at any statement of a code's comparison leaves behind: a try is spent or was never made, and a proof
is in the store and in the ledger, or in neither.
"""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from firmware.phone.activation_answers import NumberProof
from firmware.privacy.consent import LedgerAction
from tests.lab.store import StoreLab

ROOT: Final = Path(__file__).parents[2]
MODULE: Final = "tests.integration.test_activation_kills"


def _type_a_code(folder: Path, *, right: bool) -> None:
    shutil.copytree(folder.parent / "before", folder, dirs_exist_ok=True)

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


@pytest.fixture
def killed(tmp_path: Path, request: pytest.FixtureRequest) -> list[tuple[bool, int, list[LedgerAction]]]:
    """What is found after a kill before each statement, and at last after none."""
    before = tmp_path / "before"
    before.mkdir()

    async def prepare() -> None:
        lab = StoreLab(before)
        await lab.start()
        await lab.stop()

    asyncio.run(prepare())
    doing = request.getfixturevalue("doing")
    command = [sys.executable, "-m", "tests.lab.killed_at_statement", str(tmp_path), MODULE, doing.__name__]
    *cut_off, ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert ended == f"{len(cut_off) + 1} ended"
    return [found_in(tmp_path / str(number)) for number in range(1, len(cut_off) + 2)]


@pytest.mark.parametrize("doing", [type_a_wrong_code])
@pytest.mark.usefixtures("doing")
def test_a_wrong_code_is_counted_before_anybody_looks_at_it_and_never_forgotten(
    killed: list[tuple[bool, int, list[LedgerAction]]],
) -> None:
    counts = [count for _, count, _ in killed]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1}
    assert all(not proved and told == [] for proved, _, told in killed)


@pytest.mark.parametrize("doing", [type_the_right_code])
@pytest.mark.usefixtures("doing")
def test_a_proof_is_in_the_store_and_in_the_ledger_or_in_neither(
    killed: list[tuple[bool, int, list[LedgerAction]]],
) -> None:
    assert all((told == [LedgerAction.NUMBER_PROVED]) is proved for proved, _, told in killed)
    assert [proved for proved, _, _ in killed] == sorted(proved for proved, _, _ in killed)
    assert {proved for proved, _, _ in killed} == {False, True}
    # Cut off between the two, the try is spent and nothing is proved.
    assert {(proved, count) for proved, count, _ in killed} == {(False, 0), (False, 1), (True, 0)}
