"""The soak's mutations: each is made and looked for, and one in twenty at most is missed by no test."""

import pytest

from tests.lab import chance
from tests.mutations import BUDGET_S, COUNT, GOAL, Run

pytestmark = [pytest.mark.soak, pytest.mark.skipif(not chance.SOAK, reason="Only make soak has the time.")]


@pytest.fixture(scope="module")
def run() -> Run:
    run = Run()
    run.begin(chance.SEED, COUNT)
    return run


@pytest.mark.parametrize("place", range(COUNT))
def test_a_mutation_is_looked_for(run: Run, place: int) -> None:
    assert run.look_for(place, BUDGET_S).result in {"caught", "survived"}


def test_nineteen_mutations_of_twenty_are_caught(run: Run) -> None:
    assert run.table.share >= GOAL, str(run.table)
