import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from contract.results import BundleResult, CheckCode, CheckName, OutcomeCode
from provisioning.errors import ProvisioningError
from provisioning.report import MAX_REPORT_BYTES, Check, Report, read_report
from tests.lab.bundles import SERIAL


def report(**changes: object) -> Report:
    values = {
        "serial": SERIAL,
        "number": 7,
        "firmware": "0.1.0",
        "result": BundleResult.APPLIED,
        "made_at": datetime(2026, 11, 25, 12, 30, tzinfo=UTC),
    }
    return Report.model_validate(values | changes)


REVERTED = report(
    result=BundleResult.REVERTED,
    code=CheckName.LINES,
    checks=(
        Check(name=CheckName.LINES, passed=True, line=1),
        Check(name=CheckName.LINES, passed=False, code=CheckCode.REFUSED, line=2),
    ),
)


@pytest.mark.parametrize("made", [report(), REVERTED, report(number=None, code=OutcomeCode.UNREADABLE)])
def test_what_was_written_is_read_back(made: Report) -> None:
    again = read_report(made.as_json().encode())
    assert again == made
    assert type(again.code) is type(made.code)
    assert made.file_stem == f"report-{SERIAL}"


def test_a_check_has_a_reason_where_it_failed_and_only_there() -> None:
    for passed, code in ((True, CheckCode.TIMED_OUT), (False, CheckCode.OK)):
        with pytest.raises(ValidationError, match="and only there"):
            Check(name=CheckName.BROKER, passed=passed, code=code)


def test_there_is_no_field_for_anything_personal() -> None:
    assert set(json.loads(report().as_json())) == {
        "serial", "number", "firmware", "result", "code", "bundle_fleet", "own_fleet", "checks", "update", "version",
        "tested_at", "made_at",
    }  # fmt: skip
    for field in ("code", "bundle_fleet", "own_fleet", "firmware", "serial", "update", "version"):
        with pytest.raises(ValidationError):
            report(**{field: "sip:+8613800138000@example.com"})


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b" " * (MAX_REPORT_BYTES + 1)])
def test_what_is_no_report_is_refused(text: bytes) -> None:
    with pytest.raises(ProvisioningError):
        read_report(text)
