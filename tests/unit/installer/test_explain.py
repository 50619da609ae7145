from collections.abc import Sequence
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from contract.help_code import (
    BUNDLE_ENDS,
    CALLS,
    UPDATE_ENDS,
    CallVerdict,
    HelpFacts,
    Installed,
    LineFailure,
    LineState,
    NetworkLink,
    pack,
)
from contract.results import OutcomeCode
from firmware.cli import main

T = TypeVar("T")

pytestmark = pytest.mark.feature("help code")

FACTS = HelpFacts(
    (0, 2, 0), True, Installed.CARD, NetworkLink.WIFI_WEAK, LineState.FAILED, LineFailure.SERVER_UNREACHABLE,
    (CallVerdict.GOOD, CallVerdict.GOOD, CallVerdict.NETWORK_LOST), OutcomeCode.WRONG_SERIAL, OutcomeCode.WENT_BACK,
)  # fmt: skip


def explain(*digits: str) -> Result:
    return CliRunner().invoke(main, ["explain", *digits])


def test_a_code_is_explained_in_sentences() -> None:
    digits = pack(FACTS)
    said = explain(*(digits[start : start + 4] for start in range(0, 20, 4)))
    assert said.exit_code == 0
    assert said.output == (
        "firmware   Version 0.2.0 from a card of ours, renewed by signed updates.\n"
        "network    By Wi-Fi, which is weak. Move the phone or the access point, or use a cable.\n"
        "line       Failed. The server does not answer: check whether others reach it, and any firewall.\n"
        "calls      The last 3, in no order:\n"
        "           2 sounded good\n"
        "           1 cut off: one end no longer reached the other\n"
        "bundle     It is for another phone. Add this serial number.\n"
        "update     The update did not work. The old version runs.\n"
    )


def test_a_misheard_code_is_told_and_not_explained() -> None:
    digits = pack(FACTS)
    said = explain(digits[:-1] + str((int(digits[-1]) + 1) % 10))
    assert said.exit_code == 1
    assert said.output == "Error: A digit is wrong, or two of them are swapped. Have the code read once more.\n"


@pytest.mark.parametrize("place", range(max(len(BUNDLE_ENDS), len(UPDATE_ENDS), len(CallVerdict))))
def test_whatever_a_phone_says_has_a_sentence(place: int) -> None:
    def of(table: Sequence[T]) -> T:
        return table[place % len(table)]

    facts = HelpFacts(
        (0, 0, place), place % 2 == 0, of(list(Installed)), of(list(NetworkLink)), of(list(LineState)),
        of(list(LineFailure)), (of(list(CallVerdict)),) * (place % (CALLS + 1)), of(BUNDLE_ENDS),
        of(UPDATE_ENDS),
    )  # fmt: skip
    said = explain(pack(facts))
    assert said.exit_code == 0, said.output
    assert all(line.endswith((".", ":")) or line.startswith(" ") for line in said.output.splitlines())
