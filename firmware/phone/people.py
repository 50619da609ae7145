"""Whom the digits 1 to 9 call: the speed dials, and on the first places that are free whom this phone calls most."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from firmware.base.words import word
from firmware.phone.news import Watched
from firmware.phone.phone_settings import PhoneSettings
from firmware.phone.preferences import Preferences
from firmware.phone.requests.people import PeopleFound, Person
from firmware.phone.view import PersonView

DIGITS: Final = "123456789"
_COUNTED: Final = "1234"
"""Who is called most gets no later place: what a small display does not show nobody expects behind a digit."""


@dataclass(slots=True)
class People:
    """What is known of them beside the speed dials, which are a setting; none of it is kept.

    Attributes:
        asked: the numbers whose names were asked for last, None before the store has opened.
        known: whom the address book has, by number.
        called: who is called most, by the digit whose place they have for as long as they are.
        watched: how the phones stand that are watched, by number.
    """

    asked: tuple[str, ...] | None = None
    known: dict[str, Person] = field(default_factory=dict)
    called: dict[str, Person] = field(default_factory=dict)
    watched: dict[str, Watched] = field(default_factory=dict)

    def number_behind(self, digit: str, preferences: Preferences, settings: PhoneSettings) -> str:
        """Return the number that a digit calls, empty for none; 1 is the voicemail's if it has no other."""
        number = dict(preferences.speed_dials).get(digit, "")
        if not number and digit == "1":
            number = settings.voicemail_number
        if not number and preferences.most_called and digit in self.called:
            number = self.called[digit].number
        return number

    def view(self, digit: str, preferences: Preferences, settings: PhoneSettings) -> PersonView | None:
        """Return whom a digit calls, None for nobody; by number where the address book has no name."""
        number = self.number_behind(digit, preferences, settings)
        if not number:
            return None
        called, state = self.called.get(digit), self.watched.get(number, Watched.UNKNOWN)
        person = called if called is not None and called.number == number else self.known.get(number)
        if person is not None:
            return PersonView(digit, person.name, number, person.picture, state)
        name = word("Voicemail") if number == settings.voicemail_number else number
        return PersonView(digit, name, number, state=state)

    def views(self, preferences: Preferences, settings: PhoneSettings) -> tuple[PersonView, ...]:
        """Return everybody, in the order of the digits."""
        views = (self.view(digit, preferences, settings) for digit in DIGITS)
        return tuple(view for view in views if view is not None)

    def take(self, found: PeopleFound, is_free: Callable[[str], bool], may_call: Callable[[Person], bool]) -> None:
        """Take on what the store has found.

        Args:
            found: that; nobody who has a speed dial gets another place.
            is_free: whether a digit's place is.
            may_call: whether the dial plan lets somebody be called by a digit.
        """
        self.known = {person.number: person for person in found.known}
        placed = {person.contact_id for person in found.known}
        left = {each.contact_id: each for each in found.called if each.contact_id not in placed and may_call(each)}
        free = [digit for digit in _COUNTED if is_free(digit)]
        before = {digit: self.called[digit].contact_id for digit in free if digit in self.called}
        # Nobody moves to another digit while they are called often: fingers remember.
        self.called = {digit: left.pop(contact) for digit, contact in before.items() if contact in left}
        self.called |= dict(zip((digit for digit in free if digit not in self.called), left.values(), strict=False))
