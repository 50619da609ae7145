"""Which files a process touches, and which tests a change of files touches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import coverage_map, soak, touched
from tests.coverage_map import CoverageMap

PHONE, CALLS, MIGRATION = "firmware/phone/phone.py", "firmware/voice/sip/calls.py", "firmware/store/migrations/0001.sql"
A, B = "tests/integration/test_wires.py", "tests/integration/test_demo.py"
KNOWN = CoverageMap(
    "abc",
    {A: frozenset({PHONE, MIGRATION}), B: frozenset({PHONE, CALLS}), "tests/system/test_c.py": frozenset()},
    {f"{A}::test_one": 0.5, f"{B}::test_two": 2.25},
    {f"{A}::test_one": 3, f"{B}::test_two": 1},
)


def test_a_change_touches_the_tests_that_touch_its_files() -> None:
    assert KNOWN.touched_by([CALLS]) == frozenset({B})
    assert KNOWN.touched_by([CALLS, MIGRATION]) == frozenset({A, B})
    assert KNOWN.touched_by([PHONE]) == frozenset({A, B})
    assert KNOWN.touched_by([]) == frozenset()


def test_a_module_of_tests_touches_itself() -> None:
    assert KNOWN.touched_by([A, "tests/integration/test_new.py"]) == frozenset({A, "tests/integration/test_new.py"})


def test_a_file_that_nobody_knows_touches_all() -> None:
    assert KNOWN.touched_by([CALLS, "engine/patches/new.c"]) is None


def test_what_no_tier_of_the_gate_runs_touches_none() -> None:
    assert KNOWN.touched_by(["tests/bench/recovery.py"]) == frozenset()


def test_a_page_of_documents_touches_none() -> None:
    assert KNOWN.touched_by(["README.md", "docs/adr/0001-anything.md", "tests/soak.json"]) == frozenset()


def test_what_runs_without_python_touches_the_tests_of_where_it_runs() -> None:
    assert KNOWN.touched_by(["systemd/wecall-voice.service"]) == frozenset({"tests/system/test_c.py"})


def test_a_file_without_a_function_is_what_they_touch_that_import_it() -> None:
    importers = coverage_map._importers("firmware/phone/call.py")
    assert PHONE in importers
    assert "firmware/phone/call.py" not in KNOWN._known
    assert KNOWN.touched_by(["firmware/phone/call.py"]) == frozenset({A, B})


def test_the_map_is_kept_as_it_was(tmp_path: Path) -> None:
    KNOWN.write(tmp_path / "map.json")
    again = CoverageMap.read(tmp_path / "map.json")
    assert (again.commit, again.cost_s, again.cases) == (KNOWN.commit, KNOWN.cost_s, KNOWN.cases)
    assert {module: again.touches[module] for module in (A, B)} == {A: KNOWN.touches[A], B: KNOWN.touches[B]}
    assert CoverageMap.read(tmp_path / "none.json").touched_by(["README.md"]) == frozenset()


def test_the_files_that_differ_from_a_commit_are_told() -> None:
    assert coverage_map.changed_since("no such commit") is None
    assert coverage_map.changed_since(soak.commit()) is not None


def test_a_process_writes_what_runs_and_what_it_reads_and_not_what_it_only_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "SITE", tmp_path / "site")
    monkeypatch.setattr(touched, "FOLDER", tmp_path / "touched")
    where = tmp_path / "written"
    words = [
        "import os",
        "from tests.coverage_map import family_of; import tests.features",
        "family_of('a[b]')",
        f"open({str(touched.ROOT / 'pyproject.toml')!r}), open('/etc/hostname')",
        "os.kill(os.getpid(), 9)",
    ]
    environment = touched.wanted({**os.environ}) | {touched.WHERE: str(where)}
    subprocess.run([sys.executable, "-c", "\n".join(words)], cwd=touched.ROOT, env=environment, check=False)
    written = where.read_text().splitlines()
    # It ran, it was read; the first imports this one and runs none of its functions.
    assert {"tests/coverage_map.py", "pyproject.toml"} <= {*written}
    assert "tests/features.py" not in written
    assert len(written) == len({*written})
