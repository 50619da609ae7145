"""What a landing runs of the real tests: each promise and feature, a case of each test, and what the change touches."""

import random
from collections.abc import Collection

import pytest

from tests.coverage_map import CoverageMap, family_of, module_of
from tests.draw import Draw, draw
from tests.features import shown
from tests.wires import WIRES

CASES = 4
QUIET = [f"tests/integration/test_{name}.py::test_it[{case}]" for name in ("a", "b", "c") for case in range(CASES)]
PROMISES = sorted({family_of(wire.test) for wire in WIRES})
REAL = ("integration/", "system/")


def known(cost_s: float = 1.0) -> CoverageMap:
    families = {family_of(test) for test in QUIET} | set(PROMISES)
    return CoverageMap("", {}, dict.fromkeys(families, cost_s), dict.fromkeys(families, CASES))


def drawn(modules: Collection[str] | None = (), *, budget_s: float = 1000, seed: int = 1) -> Draw:
    return draw([*QUIET, *PROMISES], known(), modules, random.Random(seed), budget_s)


def test_what_each_wire_names_runs_whatever_it_costs() -> None:
    assert set(PROMISES) <= drawn(budget_s=0).runs


def test_of_each_feature_that_a_real_test_shows_one_runs() -> None:
    real = [each for each in shown() if each.path.startswith(REAL)]
    tests = [f"tests/{each.path}::{each.test or 'test_any'}" for each in real]
    runs = draw(tests, CoverageMap("", {}, {}, {}), (), random.Random(1), 0).runs
    for feature in {each.feature for each in real}:
        ways = tuple(f"tests/{each.path}::{each.test}" for each in real if each.feature == feature)
        assert any(test.startswith(ways) for test in runs), feature


def test_one_case_of_each_test_runs_and_chance_says_which() -> None:
    runs = [frozenset(test for test in drawn(seed=seed).runs if test in QUIET) for seed in (1, 1, 2, 3)]
    for some in runs:
        assert sorted(map(family_of, some)) == sorted({family_of(test) for test in QUIET})
    assert runs[0] == runs[1]
    assert len({*runs}) > 1


def test_all_cases_run_that_the_change_touches() -> None:
    changed = module_of(QUIET[0])
    result = drawn({changed})
    assert {test for test in QUIET if module_of(test) == changed} <= result.runs
    assert not result.left


@pytest.mark.parametrize("modules", [None, {module_of(test) for test in QUIET}])
def test_what_does_not_go_into_the_budget_is_left_and_told(modules: Collection[str] | None) -> None:
    budget_s = len(PROMISES) + 5
    result = drawn(modules, budget_s=budget_s)
    assert len(result.runs) == budget_s
    assert {*result.left, *result.runs} >= {*QUIET}
    assert not {*result.left} & result.runs


def test_what_the_change_touches_is_drawn_before_the_rest() -> None:
    result = drawn({"tests/integration/test_b.py"}, budget_s=len(PROMISES) + 1)
    assert [module_of(test) for test in result.drawn] == ["tests/integration/test_b.py"]
    assert {module_of(test) for test in result.skipped} == {
        "tests/integration/test_a.py",
        "tests/integration/test_c.py",
    }


def test_of_a_story_all_runs_or_nothing() -> None:
    story = "tests/integration/test_a.py"
    tests = [test for test in QUIET if test.startswith(story)]
    dice = [random.Random(seed) for seed in range(20)]
    draws = [draw(QUIET, known(), (), each, 1, stories=(story,)).runs.intersection(tests) for each in dice]
    assert {len(each) for each in draws} == {0, len(tests)}


def test_what_runs_as_a_part_of_a_story_is_not_told_as_left_out() -> None:
    result = draw(QUIET, known(), None, random.Random(1), 1, stories=[module_of(test) for test in QUIET])
    begun = {module_of(test) for test in result.runs}
    assert len(begun) == 1
    assert not begun.intersection(map(module_of, (*result.left, *result.skipped)))
