"""The phone has a word for whatever may be wrong with a bundle."""

from firmware.phone.bundle_news import BundleCode, BundleResult
from provisioning.refusal import BundleRefusal
from provisioning.report import CheckName, ReportResult

TAKEN_IN = {CheckName.CONTACTS, CheckName.PICTURES, CheckName.DOCUMENTS, CheckName.RING_TONES}
"""What is checked once the bundle counts already, so that it ends nothing."""


def test_whatever_a_report_says_the_display_can_say_too() -> None:
    assert {*BundleRefusal, *CheckName} - TAKEN_IN <= {code.value for code in BundleCode}
    assert [result.value for result in ReportResult] == [result.value for result in BundleResult]
