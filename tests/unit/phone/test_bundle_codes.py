"""The phone has a word for whatever may be wrong with a bundle."""

from firmware.phone.bundle_news import BundleCode, BundleResult
from provisioning.refusal import BundleRefusal
from provisioning.report import CheckName, ReportResult

END_NOTHING = {CheckName.CONTACTS, CheckName.PICTURES, CheckName.DOCUMENTS, CheckName.RING_TONES, CheckName.CLOCK}
"""What is checked once the bundle counts already, and the clock, which a trial goes on without."""


def test_whatever_a_report_says_the_display_can_say_too() -> None:
    assert {*BundleRefusal, *CheckName} - END_NOTHING <= {code.value for code in BundleCode}
    assert [result.value for result in ReportResult] == [result.value for result in BundleResult]
