"""Where the phone stands: asked of whoever meets it first where its configuration does not say it."""

from firmware.base.words import word
from firmware.phone.countries import COUNTRIES
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, CHOOSE
from firmware.phone.menu.entry import DELETE
from firmware.phone.menu.question import Question, RequestNotice
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import ListView, MenuRow, SoftKeys
from firmware.phone.requests.handset import ChooseCountry
from firmware.phone.state import DIGIT_KEYS, PhoneState

_TITLE = word("Country")
_SHOWN = 16
"""More than the largest display has rows."""
_FIRST_OF_THEIR_CODE = frozenset("AU CW FI FK GB GP IT MA NF NO NZ RE RU SH US".split())  # noqa: SIM905
"""Where most of those live who share a calling code; the others follow by name."""
_MOST_DIGITS = 4
"""Calling codes have three at most (ITU-T E.164 section 6.2.1); North America's `1` is followed by the area's."""


class CountryPage(Quiet):
    """All countries by their names; digits are a calling code, and leave those that have it.

    No digit chooses a row: whoever types an emergency number here opens nothing by it.
    """

    is_public = True

    def __init__(self, _state: PhoneState) -> None:
        self._digits = ""
        self._selected = 0

    def view(self, state: PhoneState) -> ListView:
        """Show the countries around the selected one."""
        codes = self._codes(state)
        first = max(0, min(self._selected - _SHOWN // 2, len(codes) - _SHOWN))
        language = state.features.preferences.language
        rows = tuple(
            MenuRow(COUNTRIES[code].name(language), f"+{COUNTRIES[code].calling_code}")
            for code in codes[first : first + _SHOWN]
        )
        return ListView(
            word("Country +{digits}", digits=self._digits),
            rows,
            self._selected,
            first,
            len(codes),
            word("No country has this code."),
            SoftKeys(DELETE if self._digits else BACK, CHOOSE if rows else ""),
        )

    def press(self, state: PhoneState, key: Key) -> None:
        """Move, choose what is selected, or write the calling code."""
        codes = self._codes(state)
        match key:
            case Key.VOLUME_UP if codes:
                self._selected = (self._selected - 1) % len(codes)
            case Key.VOLUME_DOWN if codes:
                self._selected = (self._selected + 1) % len(codes)
            case Key.OK if codes:
                state.menu.push(state, _question(state, codes[self._selected]))
            case _ if key in DIGIT_KEYS:
                # "+43" and "0043" are how it is written, and "43" is what it is.
                self._digits, self._selected = (self._digits + key.value).lstrip("0*#")[:_MOST_DIGITS], 0

    def cancel(self, _state: PhoneState) -> bool:
        """Delete the last digit; where there is none, leave."""
        if not self._digits:
            return False
        self._digits, self._selected = self._digits[:-1], 0
        return True

    def _codes(self, state: PhoneState) -> list[str]:
        language = state.features.preferences.language
        fitting = [code for code, country in COUNTRIES.items() if _fits(country.calling_code, self._digits)]
        first = _FIRST_OF_THEIR_CODE if self._digits else frozenset()
        return sorted(fitting, key=lambda code: (code not in first, COUNTRIES[code].name(language)))


def _fits(calling_code: str, digits: str) -> bool:
    return calling_code.startswith(digits) or digits.startswith(calling_code)


def _question(state: PhoneState, code: str) -> Question:
    country = COUNTRIES[code]
    text = (
        word("For help you call {number} there. Is the phone in this country?", number=country.general_number)
        if country.general_number
        else word("Whom you call for help there is not known. Is the phone in this country?")
    )

    def choose(state: PhoneState) -> None:
        state.menu.push(state, RequestNotice(_TITLE, ChooseCountry(code)))

    return Question(country.name(state.features.preferences.language), text, word("Yes"), choose)
