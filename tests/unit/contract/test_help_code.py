from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.help_code import (
    BUNDLE_ENDS,
    CALLS,
    DIGITS,
    UPDATE_ENDS,
    CallVerdict,
    HelpCodeError,
    HelpFacts,
    Installed,
    LineFailure,
    LineState,
    NetworkLink,
    pack,
    unpack,
)
from contract.results import BundleResult, OutcomeCode
from firmware.phone.call import RegistrationFailure, RegistrationState

pytestmark = pytest.mark.feature("help code")

VERDICTS = list(CallVerdict)
NEW = HelpFacts(
    (0, 0, 0), False, Installed.CARD, NetworkLink.NONE, LineState.UNREGISTERED, LineFailure.NOTHING, (), "", ""
)
FULLEST = HelpFacts(
    (9, 99, 99), True, Installed.OTHER, NetworkLink.OTHER, LineState.FAILED, LineFailure.REFUSED,
    (VERDICTS[-1],) * CALLS, BUNDLE_ENDS[-1], UPDATE_ENDS[-1],
)  # fmt: skip
facts: st.SearchStrategy[HelpFacts] = st.builds(
    HelpFacts,
    version=st.tuples(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99)),
    is_release=st.booleans(),
    installed=st.sampled_from(Installed),
    link=st.sampled_from(NetworkLink),
    line=st.sampled_from(LineState),
    failure=st.sampled_from(LineFailure),
    calls=st.lists(st.sampled_from(CallVerdict), max_size=CALLS).map(
        lambda calls: tuple(sorted(calls, key=VERDICTS.index))
    ),
    bundle=st.sampled_from(BUNDLE_ENDS),
    update=st.sampled_from(UPDATE_ENDS),
)


@given(facts)
@example(NEW)
@example(FULLEST)
def test_every_state_of_a_phone_is_twenty_digits_that_say_it_again(made: HelpFacts) -> None:
    digits = pack(made)
    assert len(digits) == DIGITS
    assert digits.isdigit()
    assert unpack(digits) == made


@given(facts, st.data())
def test_no_two_states_have_the_same_digits(made: HelpFacts, data: Any) -> None:
    other = data.draw(facts)
    assert (pack(made) == pack(other)) == (made == other)


@given(facts)
@example(NEW)
@example(FULLEST)
def test_a_wrong_digit_is_told_and_not_explained(made: HelpFacts) -> None:
    digits = pack(made)
    for place in range(DIGITS):
        for wrong in set("0123456789") - {digits[place]}:
            with pytest.raises(HelpCodeError, match="A digit is wrong, or two of them are swapped"):
                unpack(digits[:place] + wrong + digits[place + 1 :])


@given(facts)
def test_neighbours_that_were_swapped_are_told_and_not_explained(made: HelpFacts) -> None:
    digits = pack(made)
    for place in range(DIGITS - 1):
        first, second = digits[place], digits[place + 1]
        if first != second:
            with pytest.raises(HelpCodeError, match="swapped"):
                unpack(digits[:place] + second + first + digits[place + 2 :])


def test_it_may_be_written_as_it_is_read() -> None:
    digits = pack(FULLEST)
    assert unpack(f" {digits[:4]} {digits[4:8]}-{digits[8:]}\n") == FULLEST


@pytest.mark.parametrize(
    ("digits", "why"),
    [
        ("", "digits only"),
        ("1234 5678 9012 3456 789", "These are 19 digits"),
        ("x" * 20, "digits only"),
        ("\N{ARABIC-INDIC DIGIT ONE}" * 20, "digits only"),
        (f"3{'0' * 17}", "format 3. Newer tools"),
        (f"1{'9' * 17}", "No phone makes this code"),
        (f"2{'9' * 17}", "No phone makes this code"),
    ],
)
def test_what_is_no_help_code_is_told_with_what_to_do(digits: str, why: str) -> None:
    if len(digits) == 18:
        digits += f"{98 - int(digits) * 100 % 97:02}"
    with pytest.raises(HelpCodeError, match=why):
        unpack(digits)


def test_what_newer_firmware_adds_to_a_table_is_not_taken_for_something_else() -> None:
    number = int(pack(NEW)[1:-2]) + 31
    digits = f"2{number:017}"
    with pytest.raises(HelpCodeError, match="Install newer ones"):
        unpack(digits + f"{98 - int(digits) * 100 % 97:02}")


def test_a_version_beyond_the_digits_is_told_as_the_largest() -> None:
    beyond = HelpFacts(**{each: getattr(NEW, each) for each in NEW.__slots__} | {"version": (0, 123, 7)})
    assert unpack(pack(beyond)).version == (0, 99, 7)


def test_the_tables_know_all_that_a_line_can_be() -> None:
    assert {state.value for state in RegistrationState} == {state.value for state in LineState}
    assert {"", *(failure.value for failure in RegistrationFailure)} == {failure.value for failure in LineFailure}


def test_a_code_means_the_same_for_ever() -> None:
    made = HelpFacts(
        (0, 2, 0), True, Installed.CARD, NetworkLink.WIFI_WEAK, LineState.FAILED, LineFailure.SERVER_UNREACHABLE,
        (CallVerdict.GOOD, CallVerdict.GOOD, CallVerdict.POOR, CallVerdict.NETWORK_LOST),
        BundleResult.APPLIED, OutcomeCode.WENT_BACK,
    )  # fmt: skip
    assert unpack("10015046473416451688") == made
    assert pack(made) == "20018127417590531604"


def test_eight_calls_of_the_first_format_are_still_explained() -> None:
    assert unpack("17501453704172608078").calls == (CallVerdict.ENCRYPTION_REQUIRED,) * 8
