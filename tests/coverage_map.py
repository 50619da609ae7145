"""Which tests a change touches: what each module of tests has touched, and what its tests cost, in coverage_map.json.

`make test ALL=1` records it. Python that runs and files that Python reads are known by themselves. What is known by no
test touches all of them: the SIP library's C, for one.
"""

import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import pytest

from tests import touched

ROOT: Final = touched.ROOT
KEPT: Final = ROOT / "tests/coverage_map.json"
# What no test is about, or what is judged as a whole by a test of the quick tier.
_NO_TESTS: Final = re.compile(
    r"(.*\.md|LICENSE|\.gitignore|\.pre-commit-config\.yaml|docs/.*|tests/(soak|flakes|coverage_map|mutations)\.json)$"
)
# What no tier of the gate runs.
_ELSEWHERE: Final = ("tests/bench/", "tests/machine/")
# What runs without Python is not seen; this is where it runs.
_UNSEEN: Final = {"systemd/": "tests/system/"}


class Switch:
    """Has what is touched written to a file of each module of tests: a plugin, for the processes that run tests."""

    def __init__(self) -> None:
        self._module = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        module = module_of(item.nodeid)
        if module != self._module:
            self._module = module
            os.environ[touched.WHERE] = str(touched.FOLDER / module.replace("/", "@"))
            touched.begin()


def module_of(test: str) -> str:
    """Return the file of a test."""
    return test.partition("::")[0]


def family_of(test: str) -> str:
    """Return a test's name without its case."""
    return test.partition("[")[0]


@dataclass(frozen=True)
class CoverageMap:
    """What was known when every test had run.

    Attributes:
        commit: on which; "" where none ever was recorded.
        touches: the files of each module of tests.
        cost_s: core-seconds of one case of each test, by its name without the case; its module's set-up is its first
            test's.
        cases: how many each test has.
    """

    commit: str
    touches: Mapping[str, frozenset[str]]
    cost_s: Mapping[str, float]
    cases: Mapping[str, int]

    @classmethod
    def read(cls, path: Path = KEPT) -> Self:
        """Read what is kept; an empty map where nothing is."""
        if not path.exists():
            return cls("", {}, {}, {})
        kept = json.loads(path.read_text(encoding="utf-8"))
        files: list[str] = kept["files"]
        touches, cost_s, cases = {}, {}, {}
        for module, row in kept["modules"].items():
            bits = int(row["touches"], 16)
            touches[module] = frozenset(name for place, name in enumerate(files) if bits >> place & 1)
            for name, (count, each_s) in row["tests"].items():
                cases[f"{module}::{name}"], cost_s[f"{module}::{name}"] = count, each_s
        return cls(kept["commit"], touches, cost_s, cases)

    @classmethod
    def of_run(cls, commit: str, cpu_s: Mapping[str, float]) -> Self:
        """Make it of what the processes of a run have written, and of the core-seconds of each test."""
        costs: dict[str, list[float]] = defaultdict(list)
        for test, spent_s in cpu_s.items():
            costs[family_of(test)].append(spent_s)
        touches = {
            path.name.replace("@", "/"): frozenset(path.read_text(encoding="utf-8").splitlines())
            for path in touched.FOLDER.iterdir()
            if "@" in path.name
        }
        return cls(
            commit,
            touches,
            {name: round(sum(each) / len(each), 3) for name, each in costs.items()},
            {name: len(each) for name, each in costs.items()},
        )

    def write(self, path: Path = KEPT) -> None:
        """Keep it, a line for each module of tests."""
        files = sorted({name for names in self.touches.values() for name in names})
        place = {name: 1 << at for at, name in enumerate(files)}
        modules: dict[str, dict[str, Any]] = {}
        for test, count in sorted(self.cases.items()):
            module, _, name = test.partition("::")
            bits = sum(place[each] for each in self.touches.get(module, ()))
            row = modules.setdefault(module, {"touches": f"{bits:x}", "tests": {}})
            row["tests"][name] = [count, self.cost_s[test]]
        rows = ",\n".join(f"  {json.dumps(module)}: {json.dumps(row)}" for module, row in modules.items())
        path.write_text(
            f'{{\n "commit": {json.dumps(self.commit)},\n "files": {json.dumps(files, indent=1)},\n'
            f' "modules": {{\n{rows}\n }}\n}}\n',
            encoding="utf-8",
        )

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(name for names in self.touches.values() for name in names)

    def touched_by(self, changed: Iterable[str]) -> frozenset[str] | None:
        """Return the modules of tests that a change of files touches; None for all of them.

        A file of Python without a function that ran is what those touch that import it.
        """
        modules: set[str] = set()
        for name in changed:
            if _NO_TESTS.fullmatch(name) or (name in self.touches and not (ROOT / name).exists()):
                continue
            unseen = [tests for folder, tests in _UNSEEN.items() if name.startswith(folder)]
            if unseen:
                modules.update(module for module in self.touches if module.startswith(tuple(unseen)))
            if name in self.touches or re.fullmatch(r"tests/.*/test_\w+\.py", name):
                modules.add(name)
                continue
            importers = _importers(name)
            stand_for_it = {name} & self._known or (importers & self._known)
            runs_elsewhere = all(user.startswith(_ELSEWHERE) for user in importers or {name})
            if not (stand_for_it or unseen or runs_elsewhere):
                return None
            modules.update(module for module, names in self.touches.items() if not names.isdisjoint(stand_for_it))
        return frozenset(modules)


def _importers(name: str) -> frozenset[str]:
    """Return the files that import one of Python."""
    if not name.endswith(".py"):
        return frozenset()
    module = re.escape(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    package, _, last = module.rpartition("\\.")
    pattern = rf"^\s*(from {module} import|import {module}\b|from {package} import .*\b{last}\b)"
    return frozenset(git("grep", "-lE", pattern, "--", "*.py").stdout.splitlines())


def changed_since(commit: str) -> Collection[str] | None:
    """Return the files that differ from a commit, in the working tree too; None where that commit is not here."""
    differing = git("diff", "--name-only", "--no-renames", commit or "-")
    new = git("ls-files", "--others", "--exclude-standard")
    return None if differing.returncode else sorted({*differing.stdout.splitlines(), *new.stdout.splitlines()})


def git(*words: str) -> subprocess.CompletedProcess[str]:
    """Ask git about the checkout; how it ended is for the caller to look at."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
