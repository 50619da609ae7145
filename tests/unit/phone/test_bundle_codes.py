"""The phone has a word for whatever may be wrong with a bundle."""

from contract.results import BundleResult, CheckName
from firmware.phone.bundle_phrases import RESULTS
from firmware.phone.bundle_reasons import CODES
from tests.lab.bundles import REFUSALS

END_NOTHING = {
    CheckName.CONTACTS, CheckName.PICTURES, CheckName.DOCUMENTS, CheckName.RING_TONES, CheckName.CLOCK,
    CheckName.HARDWARE,
}  # fmt: skip
"""What is checked once the bundle counts already; the clock, which a trial goes on without; what is of no bundle."""


def test_whatever_a_report_says_the_display_can_say_too() -> None:
    assert {*REFUSALS, *CheckName} - END_NOTHING <= CODES.keys()
    assert set(RESULTS) == set(BundleResult)
