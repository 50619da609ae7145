"""The page's modules without a browser: their tests in Node, their types, and words for all that can be said."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose, RequestKind
from contract.messages import ErasureReason
from contract.results import OutcomeCode
from fleet.api.models import CauseKind, DeviceState, DropKind, ErasureStanding, RequestStanding
from fleet.collector.quarantine import Reason
from fleet.publications import PublicationKind
from tools.page.vendor import FILES, VENDOR

HERE = Path(__file__).parent
PAGE = VENDOR.parent
TOOLS = Path(__file__).parents[4] / "tools" / "page"
ANY = "declare const library: any;\nexport default library;\n"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.name.partition(".")[0])
def test_the_pure_modules_do_what_their_tests_say(path: Path) -> None:
    run = subprocess.run(["node", path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout
    assert "# tests 0" not in run.stdout


def test_every_module_keeps_to_the_types_that_it_states(tmp_path: Path) -> None:
    for module in PAGE.glob("*.js"):
        shutil.copy(module, tmp_path)
    # The libraries' own types are for bundles of another form; here they are whatever they are used as.
    (tmp_path / "vendor").mkdir()
    for name in FILES:
        if name.endswith(".js"):
            (tmp_path / "vendor" / name).with_suffix(".d.ts").write_text(ANY)
    shutil.copy(TOOLS / "tsconfig.json", tmp_path)
    compiler = TOOLS / "node_modules" / "typescript" / "bin" / "tsc"
    run = subprocess.run(["node", compiler, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_there_are_words_for_all_that_handsets_and_the_api_can_say(subtests: pytest.Subtests) -> None:
    for group, values in (
        ("ended", DisconnectReason),
        ("direction", CallDirection),
        ("purpose", Purpose),
        ("right", RequestKind),
        ("erasure", ErasureReason),
        ("code", OutcomeCode),
        ("kind", PublicationKind),
        ("standing", RequestStanding),
        ("erasures", ErasureStanding),
        ("refused", Reason),
        ("drop", DropKind),
        ("blamed", DropKind),
        ("why", CauseKind),
        ("cause", CauseKind),
        ("elsewhere", CauseKind),
        *((f"look.{kind}", DropKind) for kind in CauseKind),
    ):
        with subtests.test(group=group):
            words = set(_words())
            assert {f"{group}.{value}" for value in values} <= words


def test_there_are_words_for_every_state_that_is_shown() -> None:
    assert {f"state.{state}" for state in DeviceState if state is not DeviceState.RETIRED} <= set(_words())


def test_each_library_lies_there_with_its_licence_and_comes_from_no_address_of_ours() -> None:
    assert {path.name for path in VENDOR.iterdir()} == {*FILES, ".lock"}
    assert "MIT" in (VENDOR / "uplot.LICENSE.txt").read_text()
    lock = json.loads((TOOLS / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())


@cache
def _words() -> dict[str, str]:
    program = (
        f"import {{ CATALOGUES }} from {json.dumps(str(PAGE / 'words.js'))}; console.log(JSON.stringify(CATALOGUES.en))"
    )
    run = subprocess.run(["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True)
    words: dict[str, str] = json.loads(run.stdout)
    return words
