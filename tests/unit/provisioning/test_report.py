import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from provisioning import report_words
from provisioning.errors import ProvisioningError
from provisioning.refusal import BundleRefusal
from provisioning.report import (
    MAX_REPORT_BYTES,
    Check,
    CheckCode,
    CheckName,
    Language,
    Report,
    ReportResult,
    read_report,
)
from tests.lab.bundles import SERIAL

LANGUAGES: tuple[Language, ...] = ("en", "zh")


def report(**changes: object) -> Report:
    values = {
        "serial": SERIAL,
        "number": 7,
        "firmware": "0.1.0",
        "result": ReportResult.APPLIED,
        "made_at": datetime(2026, 11, 25, 12, 30, tzinfo=UTC),
    }
    return Report.model_validate(values | changes)


REVERTED = report(
    result=ReportResult.REVERTED,
    code=CheckName.LINES,
    checks=(
        Check(name=CheckName.LINES, passed=True, line=1),
        Check(name=CheckName.LINES, passed=False, code=CheckCode.REFUSED, line=2),
    ),
)


@pytest.mark.parametrize("made", [report(), REVERTED, report(number=None, code=BundleRefusal.UNREADABLE)])
def test_what_was_written_is_read_back(made: Report) -> None:
    again = read_report(made.as_json().encode())
    assert again == made
    assert type(again.code) is type(made.code)
    assert made.file_stem == f"report-{SERIAL}"


def test_people_read_what_became_of_the_bundle_each_check_and_what_to_do() -> None:
    assert REVERTED.as_text("en") == (
        "WeCall Handset: what became of the bundle\n"
        "\n"
        "Handset 10000000abcd1234\n"
        "Bundle number: 7\n"
        "Firmware: 0.1.0\n"
        "Handset's clock: 2026-11-25 12:30 UTC\n"
        "\n"
        "Tried, and taken back. What was in use before is in use again.\n"
        "What did not work: line. Mend it, and sign the bundle with a higher number.\n"
        "\n"
        "What was tried:\n"
        "  + line 1: works\n"
        "  ! line 2: the server refuses this handset. Check the user name and the password, or the certificate.\n"
    )
    assert "线路 2" in REVERTED.as_text("zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_result_reason_and_check_has_words_in_both_languages(language: Language) -> None:
    texts = {
        made.as_text(language)
        for made in (
            *(report(result=result) for result in ReportResult),
            *(report(result=ReportResult.REFUSED, code=code) for code in BundleRefusal),
            *(report(result=ReportResult.REVERTED, code=name) for name in CheckName),
            *(report(checks=(Check(name=CheckName.SOUND, passed=not code, code=code),)) for code in CheckCode),
        )
    }
    # One that is applied without a check and one that is applied are the same.
    assert len(texts) == len(ReportResult) + len(BundleRefusal) + len(CheckName) + len(CheckCode)
    for text in texts:
        assert bool(re.search(r"[\u4e00-\u9fff]", text)) == (language == "zh")


@pytest.mark.parametrize("words", [report_words.REFUSALS, report_words.FOUND])
def test_every_failure_says_what_to_do(words: Mapping[object, Mapping[Language, str]]) -> None:
    stops: dict[Language, str] = {"en": ".", "zh": "。"}
    for both in words.values():
        for language, stop in stops.items():
            text = both[language]
            assert text in {"works", "正常"} or text.endswith(stop)


def test_a_check_has_a_reason_where_it_failed_and_only_there() -> None:
    for passed, code in ((True, CheckCode.TIMED_OUT), (False, CheckCode.OK)):
        with pytest.raises(ValidationError, match="and only there"):
            Check(name=CheckName.BROKER, passed=passed, code=code)


def test_there_is_no_field_for_anything_personal() -> None:
    assert set(json.loads(report().as_json())) == {
        "serial", "number", "firmware", "result", "code", "checks", "made_at",
    }  # fmt: skip
    for field in ("code", "firmware", "serial"):
        with pytest.raises(ValidationError):
            report(**{field: "sip:+8613800138000@example.com"})


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b" " * (MAX_REPORT_BYTES + 1)])
def test_what_is_no_report_is_refused(text: bytes) -> None:
    with pytest.raises(ProvisioningError):
        read_report(text)
