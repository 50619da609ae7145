"""Mutations are made where tests have to miss them, those tests are run that may, and what came of each is kept."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.coverage_map import CoverageMap
from tests.mutations import JUDGEMENTS, KEPT, Copy, Row, Selection, Table
from tests.mutators import Mutation, drawn, mutations_of, product

NOTHING_KNOWN = CoverageMap("", {}, {}, {})


def changes(source: str) -> list[tuple[str, str, str]]:
    """Return operator, text before and text after of each mutation of a statement that stands alone."""
    found = [mutation for mutations in mutations_of("a.py", source.encode()).values() for mutation in mutations]
    return [(mutation.operator, mutation.before, mutation.after) for mutation in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a and b", [("and/or", "a and b", "(a or b)")]),
        ("x = a < b", [("comparison", "a < b", "(a <= b)")]),
        ("x = a not in b", [("comparison", "a not in b", "(a in b)")]),
        ("x = not a", [("not", "not a", "(a)")]),
        ("x = 3", [("constant", "3", "4")]),
        ("x = True", [("constant", "True", "False")]),
        ("x = a - b", [("arithmetic", "a - b", "(a + b)")]),
        ("f(a)", [("statement", "f(a)", "pass")]),
        ("x.a = b", [("statement", "x.a = b", "pass")]),
        ("raise error", [("statement", "raise error", "pass")]),
        ("def f():\n    return a", [("return", "return a", "return None")]),
        ("while a:\n    break", [("loop", "break", "continue")]),
        ("if a:\n    b", [("condition", "a", "(True)"), ("condition", "a", "(False)")]),
        ("x = a if b else c", [("condition", "b", "(True)"), ("condition", "b", "(False)")]),
    ],
)
def test_each_operator_changes_what_it_is_for(source: str, expected: list[tuple[str, str, str]]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "x: Literal[3] = a",
        "def f(x: Literal[3]) -> Literal[4]: ...",
        "@cached(3)\ndef f(): ...",
        'x = f"{a or 3}"',
        'x = a + "words"',
        '_log.info("a")',
        "if TYPE_CHECKING:\n    f()",
        "if __name__ == '__main__':\n    f()",
        "def f():\n    return None",
    ],
)
def test_words_types_and_logs_are_left_alone(source: str) -> None:
    assert changes(source) == []


def test_a_mutation_is_made_behind_any_letters_and_nowhere_else() -> None:
    source = 'words = "电话"\nx, y = "é", a < b\n'.encode()
    [[mutation]] = mutations_of("a.py", source).values()
    assert mutation.made_in(source).decode() == 'words = "电话"\nx, y = "é", (a <= b)\n'
    with pytest.raises(ValueError, match=r"a\.py:2"):
        mutation.made_in(b"words\nx = y\n")


# --- a small product, with tests ---

SETTINGS = """
[tool.setuptools.packages.find]
include = ["firmware*"]
[tool.pytest.ini_options]
addopts = "-p no:schemathesis -p no:hypothesispytest -p no:playwright -p no:xdist"
"""
PRODUCT = "def longest(a, b):\n    told(a)\n    return a if a > b else b\n\n\ndef told(a):\n    print(a)\n"
FILES = {
    "pyproject.toml": SETTINGS,
    "firmware/calls/sums.py": PRODUCT,
    "firmware/calls/user.py": "from firmware.calls import sums\n",
    "tests/unit/calls/test_sums.py": (
        "from firmware.calls.sums import longest\n\n\ndef test_longest(): assert longest(1, 2) == 2 == longest(2, 1)\n"
    ),
    "tests/unit/calls/test_user.py": "import firmware.calls.user\n\n\ndef test_nothing(): pass\n",
    "tests/unit/calls/test_broken.py": "import firmware.calls.user\n\n\ndef test_this(): assert not firmware\n",
    "tests/integration/test_calls.py": "def test_all(): pass\n",
    "tests/integration/test_others.py": "def test_all(): pass\n",
}
SUMS = "firmware/calls/sums.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


class FakeCopy(Copy):
    """Runs tests by a look at the product."""

    def _fails(self, tests: Sequence[str]) -> str | None:
        is_whole = "a > b" in (self.folder / SUMS).read_text()
        bad = ["tests/unit/calls/test_broken.py"] + ["tests/unit/calls/test_sums.py"] * (not is_whole)
        return next((f"{test}::test_this" for test in tests if test.partition("::")[0] in bad), None)


def mutation(before: str, after: str) -> Mutation:
    line, column = next((at, text.find(before)) for at, text in enumerate(PRODUCT.splitlines(), 1) if before in text)
    return Mutation(SUMS, line, column, "any", before, after)


def test_the_same_seed_draws_the_same_statements_and_each_at_most_once(root: Path) -> None:
    assert product(root) == [SUMS, "firmware/calls/user.py"]
    first = drawn(root, product(root), 7, 100)
    assert first == drawn(root, product(root), 7, 100)
    assert sorted(each.line for each in first) == [2, 3, 7]
    assert len(drawn(root, product(root), 7, 2)) == 2


def test_without_a_map_those_tests_are_run_that_import_the_file_or_have_its_name(root: Path) -> None:
    groups = Selection(root, NOTHING_KNOWN).tests_of(SUMS, 600.0)
    assert groups == [
        ["tests/unit/calls/test_sums.py"],
        ["tests/unit/calls/test_broken.py", "tests/unit/calls/test_user.py"],
        ["tests/integration/test_calls.py"],
    ]


def test_a_map_says_which_tests_are_run_and_a_budget_how_many(root: Path) -> None:
    touches = {
        "tests/integration/test_others.py": frozenset({SUMS}),
        "tests/unit/calls/test_user.py": frozenset({SUMS}),
        "tests/unit/calls/test_sums.py": frozenset({"firmware/calls/user.py"}),
    }
    cost_s = {"tests/integration/test_others.py::test_all": 20.0, "tests/unit/calls/test_user.py::test_nothing": 0.1}
    selection = Selection(root, CoverageMap("1", touches, cost_s, dict.fromkeys(cost_s, 3)))
    assert selection.tests_of(SUMS, 600.0) == [["tests/unit/calls/test_user.py"], ["tests/integration/test_others.py"]]
    assert selection.tests_of(SUMS, 50.0) == [["tests/unit/calls/test_user.py"]]


def test_a_mutation_is_caught_by_a_test_that_fails_with_it_alone(root: Path) -> None:
    copy = FakeCopy(root, seed=1)
    broken, good, able = (f"tests/unit/calls/test_{name}.py" for name in ("broken", "user", "sums"))
    assert copy.look_for(mutation("a > b", "a < b"), [[good], [broken, able]]) == (f"{able}::test_this", [good])
    assert copy.look_for(mutation("told(a)", "pass"), [[broken, able], [good]]) == (None, [able, good])
    assert (root / SUMS).read_text() == PRODUCT
    with pytest.raises(RuntimeError, match="test_broken"):
        copy.look_for(mutation("told(a)", "pass"), [[broken]])


def test_tests_are_run_in_the_copy_and_what_cannot_be_read_fails(root: Path) -> None:
    copy = Copy(root, seed=1)
    copy.python = Path(sys.executable)
    group = ["tests/unit/calls/test_sums.py"]
    assert copy.look_for(mutation("a > b", "a < b"), [group]) == ("tests/unit/calls/test_sums.py::test_longest", [])
    assert copy.look_for(mutation("longest(", "anothe("), [group]) == (group[0], [])


def test_a_copy_of_the_checkout_loads_nothing_of_it(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy", seed=1)
    copy.make("HEAD")
    code = "import firmware, fleet, pytest; print(firmware.__file__, fleet.__file__)"
    said = subprocess.run([copy.python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(copy.folder / f"{name}/__init__.py") for name in ("firmware", "fleet")]
    assert str(copy.folder) in (copy.python.parent / "wecall").read_text()


# --- what is kept ---


def test_what_came_of_each_is_kept_and_told_by_file(tmp_path: Path) -> None:
    one, two, three, four = (Mutation("a.py", line, 0, "not", "not a", "(a)") for line in range(1, 5))
    table = Table(7, "abc", [
        Row(one, "caught", ["tests/unit/test_a.py::test_a"]), Row(two, "survived", ["tests/unit/test_a.py"]),
        Row(three, "survived", [], "equivalent: there is none"), Row(four),
    ])  # fmt: skip
    table.write(tmp_path / "kept.json")
    assert Table.read(tmp_path / "kept.json") == table
    assert str(table).splitlines() == [
        "a.py: 1 caught, 2 survived",
        "  2 not: not a -> (a): not judged",
        "  3 not: not a -> (a): equivalent: there is none",
        "50.0% caught of 3 of 4, seed 7, commit abc",
    ]
    table.rows[1].judgement = "tested since: tests/unit/test_a.py::test_b"
    assert table.share == 1


def test_a_judgement_goes_with_the_change_wherever_it_stands() -> None:
    earlier = Table(7, "abc", [Row(Mutation("a.py", 3, 4, "not", "not a", "(a)"), "survived", [], "log only: of a")])
    later = Table(8, "abd", [Row(Mutation("a.py", 9, 8, "not", "not a", "(a)")), Row(mutation("a > b", "a < b"))])
    later.judge_as(earlier)
    assert [row.judgement for row in later.rows] == ["log only: of a", ""]


def test_somebody_has_judged_each_survivor_that_is_kept() -> None:
    rows = Table.read(KEPT).rows
    unjudged = [row for row in rows if row.result == "survived" and not row.judgement.startswith(JUDGEMENTS)]
    assert unjudged == []
