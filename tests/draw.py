"""Which real tests a landing runs: a plugin of pytest.

Each promise's (tests/wires.py), one of each feature's (tests/features.toml), and one case of each test; then all cases
that the change touches. What does not go into the budget is drawn by the run's seed, and told.
"""

import json
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.coverage_map import CoverageMap, changed_since, family_of, module_of
from tests.features import shown
from tests.lab import chance
from tests.tiers import stories_of
from tests.wires import WIRES

DRAWN: Final = Path(__file__).parents[1] / "build/drawn.json"
BUDGET_S: Final = 650.0
"""Core-seconds of the real tier: with the quick one no more than ten minutes of two cores."""
_UNKNOWN_S: Final = 1.0


@dataclass
class Draw:
    """What a landing runs of the real tests, and why.

    Attributes:
        promised: what shows a promise or a feature.
        drawn: one case of each test.
        touched: what the change touches, beside these.
        left: what it touches and did not go into the budget.
        skipped: tests of which no case did.
    """

    promised: list[str] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def runs(self) -> frozenset[str]:
        """All that runs."""
        return frozenset((*self.promised, *self.drawn, *self.touched))


def draw(
    tests: Sequence[str],
    known: CoverageMap,
    modules: Collection[str] | None,
    dice: random.Random,
    budget_s: float = BUDGET_S,
    *,
    stories: Collection[str] = (),
) -> Draw:
    """Draw from all real tests.

    Args:
        tests: their names.
        known: what they cost.
        modules: those whose every case the change touches; None for all.
        dice: what decides.
        budget_s: how many core-seconds there are.
        stories: modules whose tests follow from one another: of each all run, or none.
    """
    left_s, result = budget_s, Draw()
    families: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        families[family_of(test)].append(test)

    def cost_s(test: str) -> float:
        return known.cost_s.get(family_of(test), _UNKNOWN_S)

    result.promised = sorted(_promised(families, dice))
    left_s -= sum(map(cost_s, result.promised))
    taken = set(result.promised)
    # What the change touches counts for more than what it does not, where there is no room for both.
    names = sorted(families, key=lambda name: (modules is not None and module_of(name) not in modules, dice.random()))
    for name in names:
        if taken.isdisjoint(families[name]):
            case = dice.choice(families[name])
            if cost_s(case) <= left_s:
                left_s -= cost_s(case)
                taken.add(case)
                result.drawn.append(case)
            else:
                result.skipped.append(name)
    touched = [test for test in tests if test not in taken and (modules is None or module_of(test) in modules)]
    dice.shuffle(touched)
    for test in touched:
        if cost_s(test) <= left_s:
            left_s -= cost_s(test)
            result.touched.append(test)
        else:
            result.left.append(test)
    runs = result.runs
    begun = {module_of(test) for test in runs}.intersection(stories)
    result.drawn += [test for test in tests if module_of(test) in begun and test not in runs]
    result.left = [test for test in result.left if module_of(test) not in begun]
    result.skipped = [name for name in result.skipped if module_of(name) not in begun]
    return result


def _promised(families: dict[str, list[str]], dice: random.Random) -> Iterable[str]:
    """Give the tests of all wires, and for each feature that those do not show one that does."""
    chosen = {test for wire in WIRES for test in _cases(wire.test, families, dice)}
    of_feature: dict[str, set[str]] = defaultdict(set)
    for each in shown():
        name = f"tests/{each.path}::{each.test}"
        of_feature[each.feature].update(
            family for family in families if family == name or (not each.test and family.startswith(name))
        )
    for feature in sorted(of_feature):
        shows = sorted(of_feature[feature])
        if shows and not any(family_of(test) in of_feature[feature] for test in chosen):
            chosen.add(dice.choice(families[dice.choice(shows)]))
    return chosen


def _cases(test: str, families: dict[str, list[str]], dice: random.Random) -> list[str]:
    """Return a test that is named with its case, or else one case of it."""
    cases = families.get(family_of(test), [])
    return [test] if test in cases else [dice.choice(cases)] if cases else []


class LandingDraw:
    """Has a run leave out what is not drawn."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Draw from what the markers have left."""
        known = CoverageMap.read()
        changed = changed_since(known.commit)
        modules = None if changed is None else known.touched_by(changed)
        stories = stories_of(items)
        result = draw([item.nodeid for item in items], known, modules, random.Random(chance.SEED), stories=stories)
        runs = result.runs
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in runs])
        items[:] = [item for item in items if item.nodeid in runs]
        if getattr(config, "workerinput", {"workerid": "gw0"})["workerid"] == "gw0":
            DRAWN.parent.mkdir(exist_ok=True)
            DRAWN.write_text(json.dumps(vars(result), indent=1), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LandingDraw())
