"""The parts of the soak have each test that counts or draws by chance, once; and a part that is stopped goes on."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from tests import soak
from tests.soak import LONGEST_MINUTES, PARTS, Part, Progress, named

TESTS = Path(__file__).parents[1]
COUNTS = {
    "chance": {"SOAK", "counted", "some", "steps"},
    "kills": {"cuts", "all_met"},
}


def _is(node: ast.expr, *names: str) -> bool:
    """Say whether a decorator, or what it calls, has one of these names."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node) in names


def _marked(module: ast.Module) -> Iterator[str]:
    """Give the tests of a file that the soak takes."""
    all_are = any(
        isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "pytestmark"
        and "mark.soak" in ast.unparse(node)
        for node in module.body
    )
    for node in module.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test_"):
                if all_are or any(_is(each, "pytest.mark.soak", "given") for each in node.decorator_list):
                    yield node.name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute(attr="TestCase")):
                yield f"{name}::runTest"
            case ast.ClassDef() if node.name.startswith("Test"):
                pytest.fail(f"{node.name}: this test looks into no classes")


def _counts(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in COUNTS.get(node.value.id, set())
        for node in ast.walk(module)
    )


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    """The files of tests that may count or draw by chance."""
    return dict(_modules())


@pytest.fixture(scope="module")
def marked(modules: dict[str, ast.Module]) -> list[str]:
    """The tests that the soak takes."""
    return sorted(f"{name}::{test}" for name, module in modules.items() for test in _marked(module))


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if path != Path(__file__) and any(word in text for word in ("mark.soak", "hypothesis", "chance", "kills")):
            yield f"tests/{path.relative_to(TESTS).as_posix()}", ast.parse(text)


def _with_parameters(test: str) -> list[str]:
    """Return a test that is split between parts with each of its parameters."""
    if not any(f"{test}[" in each for part in PARTS for each in part.tests):
        return [test]
    path, _, function = test.partition("::")
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    [values] = [mark.args[1] for mark in getattr(module, function).pytestmark if mark.name == "parametrize"]
    return [f"{test}[{value}]" for value in values]


def test_there_is_something_to_soak(marked: list[str]) -> None:
    assert len(marked) > 100
    assert "tests/unit/phone/test_phone_invariants.py::TestAnyEvening::runTest" in marked


def test_each_test_that_the_soak_takes_is_in_one_part(marked: list[str]) -> None:
    parts = {
        test: [part.name for part in PARTS if part.counts and part.has(test)]
        for each in marked
        for test in _with_parameters(each)
    }
    assert {test: of for test, of in parts.items() if len(of) != 1} == {}


@pytest.mark.parametrize("part", [part for part in PARTS if part.counts], ids=lambda part: part.name)
def test_each_part_has_tests_in_all_that_it_names_and_ends_in_time(part: Part, marked: list[str]) -> None:
    tests = [each for test in marked for each in _with_parameters(test)]
    for named_one in part.tests:
        assert any(Part("", "", (named_one,), 0).has(test) for test in tests), named_one
    assert part.minutes <= LONGEST_MINUTES


def test_what_counts_further_in_the_soak_is_taken_by_it(modules: dict[str, ast.Module], marked: list[str]) -> None:
    taken = {test.partition("::")[0] for test in marked}
    assert {name for name, module in modules.items() if _counts(module)} <= taken


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The progress of a part that has begun."""
    monkeypatch.setattr(soak, "PROGRESS", tmp_path)
    path = tmp_path / "demo.json"
    soak.write(path, {"passed": ["tests/integration/test_demo.py::test_a[1]"], "not_passed": []})
    return path


def _report(test: str, when: str, outcome: str) -> pytest.TestReport:
    return pytest.TestReport(test, ("", 0, ""), {}, outcome, None, when)  # type: ignore[arg-type]


def test_a_part_keeps_each_test_that_passed_as_soon_as_it_is_over(started: Path) -> None:
    progress = Progress(named("demo"))
    good, bad, skipped = (f"tests/integration/test_demo.py::test_a[{number}]" for number in (2, 3, 4))
    for when in ("setup", "call", "teardown"):
        progress.pytest_runtest_logreport(_report(good, when, "passed"))
        progress.pytest_runtest_logreport(_report(bad, when, "failed" if when == "teardown" else "passed"))
    for when, outcome in (("setup", "skipped"), ("teardown", "passed")):
        progress.pytest_runtest_logreport(_report(skipped, when, outcome))
    state = soak.read(started)
    assert state["passed"] == ["tests/integration/test_demo.py::test_a[1]", good]
    assert state["not_passed"] == [bad, skipped]


@pytest.mark.usefixtures("started")
def test_a_part_that_goes_on_leaves_out_what_has_passed_and_what_is_no_part_of_it() -> None:
    hook = Mock()
    one, two, other = (
        SimpleNamespace(nodeid=f"tests/integration/test_{name}")
        for name in ("demo.py::test_a[1]", "demo.py::test_a[2]", "sip_soak.py::test_y")
    )
    items = [one, two, other]
    Progress(named("demo")).pytest_collection_modifyitems(SimpleNamespace(hook=hook), items)  # type: ignore[arg-type]
    assert items == [two]
    hook.pytest_deselected.assert_called_once_with(items=[one, other])
