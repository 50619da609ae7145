import re
from collections.abc import Mapping

import pytest

from contract.results import BundleResult, CheckCode, CheckName, OutcomeCode
from firmware.display.translation import Language, translator
from firmware.phone.bundle_reasons import CODES, reasons
from firmware.setup.stick.report_text import FOUND, MORE, report_text
from provisioning.report import Check
from tests.lab.bundles import REFUSALS
from tests.unit.provisioning.test_report import REVERTED, report


def test_people_read_what_became_of_the_bundle_each_check_and_what_to_do() -> None:
    assert report_text(REVERTED, Language.ENGLISH) == (
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
    assert "线路 2" in report_text(REVERTED, Language.CHINESE)


@pytest.mark.parametrize("language", Language)
def test_every_result_reason_and_check_has_words_in_both_languages(language: Language) -> None:
    texts = {
        report_text(made, language)
        for made in (
            *(report(result=result) for result in BundleResult),
            *(report(result=BundleResult.REFUSED, code=code) for code in REFUSALS),
            *(report(result=BundleResult.REVERTED, code=name) for name in CheckName),
            *(report(checks=(Check(name=CheckName.SOUND, passed=not code, code=code),)) for code in CheckCode),
        )
    }
    # One that is applied without a check and one that is applied are the same.
    assert len(texts) == len(BundleResult) + len(REFUSALS) + len(CheckName) + len(CheckCode)
    for text in texts:
        assert bool(re.search(r"[\u4e00-\u9fff]", text)) == (language is Language.CHINESE)


def test_a_bundle_for_another_fleet_is_told_with_both_fleets() -> None:
    made = report(
        result=BundleResult.REFUSED, code=OutcomeCode.WRONG_FLEET, bundle_fleet="harbour", own_fleet="city-hotel"
    )
    assert "It is for fleet harbour, not city-hotel.\n" in report_text(made, Language.ENGLISH)
    assert "属于 city-hotel。\n" in report_text(made, Language.CHINESE)


REASONS = {code: {language: translator(language).say(CODES[code]) for language in Language} for code in REFUSALS}


ON_CARD = {
    OutcomeCode.FIRMWARE_SUPERSEDED: {
        language: translator(language).say(reasons(on_card=True)[OutcomeCode.FIRMWARE_SUPERSEDED])
        for language in Language
    }
}


@pytest.mark.parametrize(("on_card", "way"), [(True, ".raucb"), (False, "apt")])
def test_firmware_in_a_bundle_is_refused_with_the_way_that_it_comes_to_this_phone(on_card: bool, way: str) -> None:
    made = report(result=BundleResult.REFUSED, code=OutcomeCode.FIRMWARE_SUPERSEDED)
    assert all(way in report_text(made, language, on_card=on_card) for language in Language)


@pytest.mark.parametrize("words", [REASONS, ON_CARD, MORE, FOUND])
def test_every_failure_says_what_to_do(words: Mapping[object, Mapping[Language, str]]) -> None:
    stops: dict[Language, str] = {Language.ENGLISH: ".", Language.CHINESE: "。"}
    for both in words.values():
        for language, stop in stops.items():
            text = both[language]
            assert text in {"works", "正常"} or text.endswith(stop)
