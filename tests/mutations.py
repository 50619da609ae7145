"""Mutations: small changes of the product, drawn by a seed, of which a test has to fail.

    python -m tests.mutations [--seed N] [--count 200]    # goes on where it was stopped
    python -m tests.mutations --list                      # what came of each file

Each is made in a copy of the checkout under build/, and those tests are run there that may miss it, the nearest first.
What came of each is kept in tests/mutations.json, where whoever has looked at a survivor writes a judgement.
"""

import argparse
import ast
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from tests import soak
from tests.coverage_map import CoverageMap
from tests.mutators import Mutation, drawn, product
from tests.wires import WIRES

ROOT: Final = Path(__file__).parents[1]
KEPT: Final = ROOT / "tests/mutations.json"
COUNT: Final = 200
GOAL: Final = 0.95
BUDGET_S: Final = 600.0
"""So long may the tests take that are run for each."""
JUDGEMENTS: Final = ("equivalent", "log only", "to be tested", "tested since")
"""How a judgement begins; what stands behind it says why, or which test misses the mutation now."""

# --- which tests may miss it ------------------------------------------------------------------------------------------

_FOLDERS: Final = {"unit": 3.0, "contract": 10.0, "integration": 60.0, "system": 200.0}
"""Where tests are, the quick ones first, and the seconds that a module there is taken for of which nothing is known."""
_FAR: Final = 3
_MOST_S: Final = 100.0
"""Modules of tests are run together as far as they take so long by themselves."""


@dataclass(frozen=True)
class Selection:
    """Knows which tests may miss a mutation.

    Attributes:
        root: of the checkout that has the tests.
        known: which files each module of tests touches; where it knows of none, what the modules import has to do.
    """

    root: Path
    known: CoverageMap

    def tests_of(self, file: str, budget_s: float) -> list[list[str]]:
        """Return the modules of tests to run, in groups: unit tests first, and those that are near to the file."""
        far = self._distances(file)
        touching = self.known.touched_by([file])
        wired = {wire.test.partition("::")[0] for wire in WIRES if wire.file == file}
        modules = wired | (self._namesakes(file) | set(far) if touching is None else touching & self._there)
        mirror = self._mirror(file)

        def rank(module: str) -> tuple[int, bool, bool, int, float]:
            path = Path(module)
            is_mirror = path.parent == mirror.parent and path.stem.startswith(f"test_{mirror.stem.strip('_')}")
            return (
                self._folder(module), not is_mirror, path.parent != mirror.parent, far.get(module, 99),
                self.cost_s(module),
            )  # fmt: skip

        groups: list[list[str]] = []
        left_s, room_s, folder = budget_s, 0.0, -1
        for module in sorted(modules, key=lambda module: (rank(module), module)):
            cost_s = self.cost_s(module)
            if cost_s > left_s:
                continue
            left_s -= cost_s
            if cost_s > room_s or self._folder(module) != folder or len(groups) == 1:
                groups.append([])
                room_s, folder = _MOST_S, self._folder(module)
            groups[-1].append(module)
            room_s -= cost_s
        return groups

    def cost_s(self, module: str) -> float:
        """Return about how long a module of tests takes."""
        tests = [test for test in self.known.cases if test.startswith(f"{module}::")]
        if not tests:
            return list(_FOLDERS.values())[self._folder(module)]
        return sum(self.known.cost_s[test] * self.known.cases[test] for test in tests)

    @staticmethod
    def _folder(module: str) -> int:
        return [*_FOLDERS].index(module.split("/")[1])

    def _namesakes(self, file: str) -> set[str]:
        """Return the unit tests of its folder, and integration tests named like it: some load it by other ways."""
        words = {*re.split(r"[/_.]", file)} - {"firmware", "py", "phone", "init", ""}
        real = (self.root / "tests/integration").glob("test_*.py")
        own = (self.root / self._mirror(file).parent).glob("test_*.py")
        tests = [*own, *(path for path in real if words & {*path.stem.split("_")})]
        return {path.relative_to(self.root).as_posix() for path in tests}

    @staticmethod
    def _mirror(file: str) -> Path:
        return Path("tests/unit", *Path(file).parts[file.startswith("firmware/") :])

    @property
    def _there(self) -> frozenset[str]:
        return frozenset(name for name in self.known.touches if name.split("/")[1] in _FOLDERS)

    def _distances(self, file: str) -> dict[str, int]:
        """Return over how many imports each module of tests comes to a file, where these are few."""
        far, due = {file: 0}, [file]
        for name in due:
            if far[name] < _FAR:
                new = self._importers[name] - far.keys()
                far |= dict.fromkeys(new, far[name] + 1)
                due += sorted(new)
        return {name: distance for name, distance in far.items() if Path(name).name.startswith("test_")}

    @cached_property
    def _importers(self) -> Mapping[str, Collection[str]]:
        """Which files import each file."""
        found: dict[str, set[str]] = defaultdict(set)
        folders = {Path(name).parts[0] for name in product(self.root)}
        tests = [path.relative_to(self.root).as_posix() for path in (self.root / "tests").rglob("*.py")]
        tests = [name for name in tests if name.count("/") == 1 or name.split("/")[1] in {*_FOLDERS, "lab", "fakes"}]
        for name in (*product(self.root), *tests):
            for node in ast.walk(ast.parse((self.root / name).read_bytes())):
                modules: list[str] = []
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                for module in modules:
                    if module.partition(".")[0] in {*folders, "tests"}:
                        path = module.replace(".", "/")
                        found[f"{path}.py"].add(name)
                        found[f"{path}/__init__.py"].add(name)
        return found


# --- the copy in which it is made -------------------------------------------------------------------------------------

_LIMIT_S: Final = 900.0


class Copy:
    """A commit's checkout with an environment of its own: what runs in it loads nothing from elsewhere."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.python = folder / ".venv/bin/python"
        self._seed = seed
        self._good: set[str] = set()
        self._second = 0

    def make(self, commit: str) -> None:
        """Make it anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", "--shared", "--no-checkout", ROOT, self.folder], check=True)
        subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=self.folder, check=True)
        packages = {Path(name).parts[0] for name in product(ROOT)}
        built = subprocess.run(
            ["git", "ls-files", "-z", "--others", "--ignored", "--exclude-standard", *packages],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        for name in filter(None, built.split("\0")):
            if "__pycache__" not in name and (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)
        self._make_environment()

    def _make_environment(self) -> None:
        venv.create(self.folder / ".venv", symlinks=True)
        packages, scripts = sysconfig.get_path("purelib"), Path(sysconfig.get_path("scripts"))
        own = next((self.folder / ".venv/lib").glob("python*/site-packages"))
        (own / "copy.pth").write_text(f"{self.folder}\n{packages}\n", encoding="utf-8")
        for script in scripts.iterdir():
            if script.is_file() and not script.is_symlink() and script.read_bytes().startswith(f"#!{scripts}".encode()):
                text = script.read_text(encoding="utf-8").replace(str(scripts), str(self.python.parent))
                (self.python.parent / script.name).write_text(text, encoding="utf-8")
                (self.python.parent / script.name).chmod(0o755)

    def look_for(self, mutation: Mutation, groups: Sequence[Sequence[str]]) -> tuple[str | None, list[str]]:
        """Return the first test that fails with a mutation and not without it, and the modules of tests that passed.

        Raises:
            RuntimeError: none of the tests passes here without any mutation.
        """
        passed: list[str] = []
        for group in groups:
            modules = list(group)
            while modules:
                failed = self._fails_with(mutation, modules)
                if failed is None:
                    passed += modules
                    break
                if self._is_good(failed) and (failed.startswith("tests/unit") or self._fails_with(mutation, [failed])):
                    return failed, passed
                modules = [module for module in modules if module != failed.partition("::")[0]]
        if groups and not passed:
            raise RuntimeError(f"{failed} fails without any mutation.")
        return None, passed

    def _is_good(self, test: str) -> bool:
        if test not in self._good and self._fails([test]) is None:
            self._good.add(test)
        return test in self._good

    def _fails_with(self, mutation: Mutation, tests: Sequence[str]) -> str | None:
        source = (self.folder / mutation.file).read_bytes()
        try:
            self._write(mutation.file, mutation.made_in(source))
            return self._fails(tests)
        finally:
            self._write(mutation.file, source)

    def _write(self, file: str, source: bytes) -> None:
        (self.folder / file).write_bytes(source)
        # Python tells by size and second whether it has compiled a file: a mutation may have both alike.
        self._second += 1
        os.utime(self.folder / file, (self._second, self._second))

    def _fails(self, tests: Sequence[str]) -> str | None:
        """Return the test that fails first; a module of tests where it cannot be read or takes for ever."""
        run = subprocess.Popen(
            [self.python, "-m", "pytest", "-qxrfE", "--tb=no", "-p", "no:cacheprovider", *tests],
            cwd=self.folder,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("WECALL_", "PYTEST_"))},
                "WECALL_SEED": str(self._seed),
                "COLUMNS": "999",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = run.communicate(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            return tests[0]
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
        # 5: all its tests are some that are left out here.
        if run.returncode in {0, 5}:
            return None
        found = re.search(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", said, re.MULTILINE)
        return found[1] if found else tests[0]


# --- what came of them ------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What came of a mutation.

    Attributes:
        result: "caught", "survived", or nothing as long as no test has been run.
        tests: the one that fails, or the modules of those that were run.
        judgement: of whoever has looked at a survivor; see JUDGEMENTS.
    """

    mutation: Mutation
    result: str = ""
    tests: list[str] = field(default_factory=list)
    judgement: str = ""


@dataclass
class Table:
    """Mutations of a commit by a seed, and what came of each so far."""

    seed: int
    commit: str
    rows: list[Row]

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Read what is kept; a table without rows where nothing is."""
        if not path.exists():
            return cls(0, "", [])
        kept = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            Row(Mutation(**row["mutation"]), row["result"], row["tests"], row["judgement"]) for row in kept["mutations"]
        ]
        return cls(kept["seed"], kept["commit"], rows)

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        rows = ",\n".join(f"  {json.dumps(asdict(row), ensure_ascii=False)}" for row in self.rows)
        new = path.with_suffix(".new")
        new.write_text(
            f'{{\n "seed": {self.seed},\n "commit": "{self.commit}",\n "mutations": [\n{rows}\n ]\n}}\n',
            encoding="utf-8",
        )
        new.replace(path)

    def judge_as(self, earlier: "Table") -> None:
        """Take over what was judged of the same changes, wherever in their files they stand now."""

        def what(row: Row) -> tuple[str, ...]:
            return row.mutation.file, row.mutation.operator, row.mutation.before, row.mutation.after

        judged = {what(row): row.judgement for row in earlier.rows}
        for row in self.rows:
            row.judgement = judged.get(what(row), "")

    @property
    def share(self) -> float:
        """How many of those are caught that change what the product does."""
        count = Counter(_standing(row) for row in self.rows if row.result)
        return count["caught"] / ((count["caught"] + count["survived"]) or 1)

    def __str__(self) -> str:
        """Return what came of each file, survivors by line."""
        files: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            if row.result:
                files[row.mutation.file].append(row)
        lines = []
        for file, rows in sorted(files.items()):
            survivors = [row for row in rows if row.result == "survived"]
            lines.append(f"{file}: {len(rows) - len(survivors)} caught, {len(survivors)} survived")
            lines += [
                f"  {row.mutation.line} {row.mutation.operator}: {' '.join(row.mutation.before.split())[:60]} -> "
                f"{row.mutation.after[:60]}: {row.judgement or 'not judged'}"
                for row in survivors
            ]
        done = sum(map(len, files.values()))
        lines.append(f"{self.share:.1%} caught of {done} of {len(self.rows)}, seed {self.seed}, commit {self.commit}")
        return "\n".join(lines)


def _standing(row: Row) -> str:
    if row.judgement.startswith("tested since"):
        return "caught"
    return "" if row.judgement.startswith(("equivalent", "log only")) else row.result


class Run:
    """Goes on with the mutations that are kept, or begins with others."""

    def __init__(self, kept: Path = KEPT, folder: Path = ROOT / "build/mutants") -> None:
        self._kept = kept
        self._folder = folder
        self.table = Table.read(kept)

    def begin(self, seed: int | None, count: int) -> None:
        """Draw mutations of what is checked out, unless there is something to go on with: of a seed that is named."""
        head = soak.commit()
        table = self.table
        is_due = table.commit == head or not all(row.result for row in table.rows)
        goes_on = is_due and len(table.rows) == count and seed in {None, table.seed}
        if not goes_on:
            table = Table(secrets.randbelow(1 << 32) if seed is None else seed, head, [])
        self._copy = Copy(self._folder, table.seed)
        self._copy.make(table.commit)
        if not goes_on:
            table.rows = [Row(each) for each in drawn(self._folder, product(self._folder), table.seed, count)]
            table.judge_as(self.table)
            self.table = table
            table.write(self._kept)
        self._selection = Selection(self._folder, CoverageMap.read())

    def look_for(self, place: int, budget_s: float) -> Row:
        """Make one of the mutations, unless that was done, and keep what came of it."""
        row = self.table.rows[place]
        if not row.result:
            groups = self._selection.tests_of(row.mutation.file, budget_s)
            caught, passed = self._copy.look_for(row.mutation, groups)
            row.result = "caught" if caught else "survived"
            row.tests = [caught] if caught else passed
            self.table.write(self._kept)
        return row


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="draw by it; else by chance, or what was stopped goes on")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds of tests for each mutation")
    parser.add_argument("--list", action="store_true", help="say what is kept")
    asked = parser.parse_args(words)
    run = Run()
    if not asked.list:
        run.begin(asked.seed, asked.count)
        for place in range(len(run.table.rows)):
            row = run.look_for(place, asked.budget)
            soak.say(f"{place} {row.result} {row.mutation.file}:{row.mutation.line} {row.mutation.operator}")
    soak.say(f"{run.table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
