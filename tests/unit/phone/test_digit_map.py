import pytest

from firmware.base.errors import DialPlanError
from firmware.phone.digit_map import Alternative


@pytest.mark.parametrize(
    ("text", "complete", "incomplete", "impossible"),
    [
        ("x.T", ["1", "123456789"], [""], ["*", "1#"]),
        ("911", ["911"], ["", "9", "91"], ["8", "92", "9111"]),
        ("0[1-9]xx", ["0100", "0999"], ["0", "01"], ["00", "01000"]),
        ("[2-46*]x", ["20", "40", "60", "*0"], ["2", "*"], ["5", "1", "#"]),
        ("*21*x.#", ["*21*5#", "*21*#"], ["*", "*21*", "*21*55"], ["*22", "*21*5#1"]),
        ("1x.2", ["12", "122", "1992"], ["1", "19"], ["2"]),
        ("Xx", ["10"], ["1"], ["100"]),
    ],
)
def test_an_alternative_tells_numbers_from_beginnings_and_from_nonsense(
    text: str, complete: list[str], incomplete: list[str], impossible: list[str]
) -> None:
    alternative = Alternative.parse(text)
    for digits in complete:
        assert alternative.fit(digits).complete, digits
    for digits in incomplete:
        fit = alternative.fit(digits)
        assert fit.extensible, digits
        assert digits == "" or not fit.complete, digits
    for digits in impossible:
        fit = alternative.fit(digits)
        assert not fit.complete, digits
        assert not fit.extensible, digits


@pytest.mark.parametrize(
    ("text", "waits"), [("x.T", True), ("x.", True), ("xxxT", True), ("xxx", False), ("x.9", False)]
)
def test_a_number_waits_for_the_timer_where_nothing_else_tells_its_end(text: str, waits: bool) -> None:
    assert Alternative.parse(text).waits is waits


def test_a_mistake_in_an_alternative_is_explained(subtests: pytest.Subtests) -> None:
    for text in ["", "T", ".", ".x", "[", "[]", "[12", "]", "[9-2]", "[1-]", "[-1]", "xTx", "1-2", "x..", "[x]"]:
        with subtests.test(text=text), pytest.raises(DialPlanError, match="digit map's alternative"):
            Alternative.parse(text)
