"""`wecall bundle reports`: a stick that has been round a site, whoever has written to it meanwhile."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contract.results import BundleResult, CheckCode, CheckName, OutcomeCode
from provisioning.report import Check, Report
from tests.lab.bundle_desk import configuration_text
from tests.lab.bundles import Installer
from tests.lab.installer_desk import InstallerDesk
from tests.unit.provisioning.test_report import report

INSTALLER = Installer()
SERIALS = tuple(f"10000000abcd000{number}" for number in range(4))


class Round(InstallerDesk):
    """A stick with a bundle for each of four handsets."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for number, serial in enumerate(SERIALS):
            self.bring(serial, device=f"desk-{number}")

    def bring(self, serial: str, *, device: str, number: int = 7) -> None:
        configuration = configuration_text(INSTALLER, device=device).encode()
        bundle = INSTALLER.bundle({"config.toml": configuration}, number, serials=(serial,))
        (self.stick / f"{serial}.wecall").write_bytes(bundle)

    def leave(self, serial: str, **changes: Any) -> Report:
        made = report(serial=serial, **changes)
        (self.stick / f"{made.file_stem}.json").write_text(made.as_json())
        return made

    def rows(self, said: str) -> dict[str, str]:
        """Return each row of the table, by its first word."""
        rows = (line.split() for line in said.splitlines()[1:-1])
        return {who: " ".join(rest) for who, *rest in rows}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Round:
    monkeypatch.setenv("COLUMNS", "400")
    return Round(tmp_path)


def test_the_table_says_who_is_done_who_failed_and_why_and_who_was_not_visited(desk: Round) -> None:
    desk.leave(SERIALS[0])
    desk.leave(SERIALS[1], result=BundleResult.REFUSED, code=OutcomeCode.NO_SECRETS)
    failed = Check(name=CheckName.LINES, passed=False, code=CheckCode.REFUSED, line=2)
    works = Check(name=CheckName.LINES, passed=True, line=1)
    desk.leave(SERIALS[2], result=BundleResult.REVERTED, code=CheckName.LINES, checks=(works, failed))
    said = desk.refused("bundle", "reports", desk.stick)
    assert desk.rows(said) == {
        SERIALS[0]: "desk-0 7 done",
        SERIALS[3]: "desk-3 7 not visited",
        SERIALS[1]: "desk-1 7 failed Passwords are missing. Seal them anew. "
        "`wecall bundle seal` seals them to this handset or to a code.",
        SERIALS[2]: "desk-2 7 failed line 2: the server refuses this handset. "
        "Check the user name and the password, or the certificate.",
    }
    assert said.endswith("1 done, 1 not visited, 2 failed.\n")


def test_what_sent_a_bundle_back_is_said_where_no_check_tells_why(desk: Round) -> None:
    desk.leave(SERIALS[0], result=BundleResult.REVERTED, code=CheckName.LINES)
    said = desk.refused("bundle", "reports", desk.stick)
    why = "What did not work: line. Mend it, and sign the bundle with a higher number."
    assert desk.rows(said)[SERIALS[0]] == f"desk-0 7 failed {why}"


def test_where_nothing_failed_it_ends_well_though_not_all_were_visited(desk: Round) -> None:
    desk.leave(SERIALS[0], result=BundleResult.NOTHING_TO_DO)
    desk.leave(SERIALS[1], update=OutcomeCode.INSTALLED, version="0.3.0")
    said = desk.did("bundle", "reports", desk.stick)
    assert said.endswith("2 done, 2 not visited.\n")


def test_what_was_taken_in_part_is_done_and_said(desk: Round) -> None:
    desk.leave(SERIALS[0], checks=(Check(name=CheckName.CONTACTS, passed=False, code=CheckCode.NOT_AGREED),))
    said = desk.did("bundle", "reports", desk.stick)
    assert "done contacts: the holder has not agreed to this." in desk.rows(said)[SERIALS[0]]


def test_an_update_that_was_not_taken_and_a_visit_that_broke_off_have_failed(desk: Round) -> None:
    desk.leave(SERIALS[0], update=OutcomeCode.NO_PROOF, version="0.3.0")
    desk.leave(SERIALS[1], result=BundleResult.INTERRUPTED)
    rows = desk.rows(desk.refused("bundle", "reports", desk.stick))
    assert "failed Update 0.3.0: Its proof is missing." in rows[SERIALS[0]]
    assert "failed Interrupted." in rows[SERIALS[1]]


def test_the_report_of_an_older_bundle_is_no_visit_with_this_one(desk: Round) -> None:
    for serial in SERIALS:
        desk.leave(serial)
    desk.bring(SERIALS[0], device="desk-0", number=8)
    desk.leave(SERIALS[1], number=None, result=BundleResult.NOTHING_TO_DO, update=OutcomeCode.INSTALLED)
    desk.leave(SERIALS[2], number=None, result=BundleResult.REFUSED, code=OutcomeCode.FORGED)
    rows = desk.rows(desk.refused("bundle", "reports", desk.stick))
    assert rows[SERIALS[0]] == "desk-0 8 not visited"
    assert rows[SERIALS[1]] == "desk-1 7 not visited"
    assert rows[SERIALS[2]].startswith("desk-2 failed Changed after it was signed.")
    assert rows[SERIALS[3]] == "desk-3 7 done"


def test_a_folder_with_reports_alone_is_read_too(desk: Round) -> None:
    for path in desk.stick.iterdir():
        path.unlink()
    assert "neither a bundle nor a report" in desk.refused("bundle", "reports", desk.stick)
    desk.leave(SERIALS[0])
    assert desk.rows(desk.did("bundle", "reports", desk.stick)) == {SERIALS[0]: "7 done"}


def test_files_that_are_no_reports_and_no_bundles_have_a_row_each_and_hide_no_other(desk: Round) -> None:
    desk.leave(SERIALS[0])
    other = desk.leave(SERIALS[3]).as_json()
    (desk.stick / f"report-{SERIALS[3]}.json").unlink()
    bad = {
        f"report-{SERIALS[1]}.json": b"{}",
        f"report-{SERIALS[2]}.json": b" " * (1 << 20),
        "report-20000000ffff0000.json": other.encode(),
        "broken.wecall": b"rubbish",
    }
    for name, content in bad.items():
        (desk.stick / name).write_bytes(content)
    os.mkfifo(desk.stick / "report-pipe.json")
    said = desk.refused("bundle", "reports", desk.stick)
    rows = desk.rows(said)
    assert {name for name, row in rows.items() if "unreadable" in row} == {*bad, "report-pipe.json"}
    assert rows[SERIALS[0]] == "desk-0 7 done"
    assert rows[SERIALS[3]] == "desk-3 7 not visited"
    assert f"report of another handset, {SERIALS[3]}." in rows["report-20000000ffff0000.json"]
    assert said.endswith("1 done, 1 not visited, 5 unreadable.\n")


def test_no_control_character_of_the_stick_reaches_the_terminal(desk: Round) -> None:
    escape = "\x1b]0;owned\x07\x1b[2J[bold]\u202e"
    (desk.stick / f"report-{escape}.json").write_text(f'{{"serial": "{escape}", "code": "{escape}"}}')
    (desk.stick / f"{escape}.wecall").write_bytes(escape.encode())
    (desk.stick / os.fsdecode(b"report-\xff.json")).write_bytes(b"")
    hostile = Installer().bundle({"config.toml": f'[device]\nid = "{escape}"'.encode()}, serials=("10000000abcd0009",))
    (desk.stick / "hostile.wecall").write_bytes(hostile)
    said = subprocess.run(
        [sys.executable, "-m", "firmware.cli", "bundle", "reports", str(desk.stick)],
        capture_output=True, text=True, check=False, env=os.environ | {"FORCE_COLOR": "1"},
    )  # fmt: skip
    assert said.returncode == 1
    without_styles = re.sub(r"\x1b\[[0-9;]*m", "", said.stdout + said.stderr)
    assert all(letter.isprintable() or letter == "\n" for letter in without_styles)
    assert "[bold]" in without_styles
    assert "10000000abcd0009" in without_styles
