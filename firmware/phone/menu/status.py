"""What the phone can tell of itself: its lines, how calls sounded, what is on, and facts for whoever looks after it."""

from collections.abc import Callable

from firmware.base.words import word
from firmware.phone.call import RegistrationState
from firmware.phone.countries import COUNTRIES
from firmware.phone.menu.card import Card, FactsCard
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.codes import HELP_CODE, HelpCodePage
from firmware.phone.menu.country import CountryPage
from firmware.phone.menu.first_run import FirstRun
from firmware.phone.menu.lock import asking_pin
from firmware.phone.menu.self_test import SELF_TEST, self_test_question
from firmware.phone.menu.sound_rows import sound_rows
from firmware.phone.menu.statistics import statistics_page
from firmware.phone.menu.switches import ON
from firmware.phone.menu.updates import UPDATES, updates_page
from firmware.phone.menu_views import MenuRow
from firmware.phone.phrases import FEATURES, NO_SERVICE, REGISTRATION_FAILURES, REGISTRATIONS, UNKNOWN_CALLER
from firmware.phone.requests.handset import FactsKind
from firmware.phone.state import PhoneState
from firmware.phone.view import LineView

_FACTS = {
    FactsKind.NETWORK: word("Network"),
    FactsKind.ABOUT: word("About"),
    FactsKind.LICENCES: word("Licences"),
    FactsKind.DIAGNOSTICS: word("Diagnostics"),
}

_SET_UP = word("Set-up")


def status_page(_state: PhoneState) -> Choices:
    """Make the page about the phone itself."""
    return Choices(word("This phone"), _rows)


def _rows(state: PhoneState) -> list[Choice]:
    return [
        Choice(word("Lines"), opening(_lines_page), REGISTRATIONS[state.registration]),
        Choice(word("Sound of calls"), opening(_sounds_page)),
        Choice(word("Statistics"), opening(statistics_page)),
        Choice(word("What is on"), opening(_features_page)),
        *(Choice(title, opening(_facts(kind))) for kind, title in _FACTS.items()),
        *([Choice(word("Set up again"), opening(FirstRun))] if state.settings.provisioned else []),
        *_country_row(state),
        Choice(UPDATES, opening(updates_page)),
        Choice(SELF_TEST, opening(self_test_question)),
        Choice(_SET_UP, opening(SetUpCard)),
    ]


def _country_row(state: PhoneState) -> list[Choice]:
    """Let the country be corrected where it was chosen here; the PIN is asked for, since barred numbers go by it."""
    if (code := state.settings.chosen_country) is None:
        return []
    name = COUNTRIES[code].name(state.features.preferences.language) if code else ""
    return [Choice(word("Country"), asking_pin(opening(CountryPage)), name)]


def _facts(kind: FactsKind) -> Callable[[PhoneState], FactsCard]:
    if kind is FactsKind.DIAGNOSTICS:
        return lambda _state: FactsCard(_FACTS[kind], kind, ok=HELP_CODE, choose=opening(HelpCodePage))
    return lambda _state: FactsCard(_FACTS[kind], kind)


class SetUpCard(FactsCard):
    """How the handset was set up: a page for installers, about nobody."""

    is_public = True

    def __init__(self, _state: PhoneState) -> None:
        super().__init__(_SET_UP, FactsKind.SET_UP)


def _lines_page(_state: PhoneState) -> Card:
    return Card(word("Lines"), _line_rows)


def _line_rows(state: PhoneState) -> list[MenuRow]:
    views = state.features.line_views(state.settings.accounts)
    if not views:
        return [MenuRow(REGISTRATIONS[state.registration])]
    return [row for line in views for row in _rows_of_line(line)]


def _rows_of_line(line: LineView) -> list[MenuRow]:
    rows = [MenuRow(line.account or word("Line"), REGISTRATIONS[line.state])]
    if line.state is not RegistrationState.FAILED:
        return rows
    rows.append(MenuRow(REGISTRATION_FAILURES[line.failure] if line.failure is not None else NO_SERVICE))
    if line.sip_code:
        rows.append(MenuRow("SIP", str(line.sip_code)))
    if line.retry_in_s:
        rows.append(MenuRow(word("Next try"), word("in {s} s", s=line.retry_in_s)))
    return rows


def _sounds_page(_state: PhoneState) -> Choices:
    return Choices(word("Sound of calls"), _sound_rows, empty=word("No calls since the phone was switched on"))


def _sound_rows(state: PhoneState) -> list[Choice]:
    def card(place: int) -> Callable[[PhoneState], Card]:
        party, quality = state.features.qualities[place]
        return lambda _state: Card(party or UNKNOWN_CALLER, lambda _state: sound_rows(quality))

    qualities = state.features.qualities
    return [
        Choice(party or UNKNOWN_CALLER, opening(card(place)), sound_rows(quality)[0].value)
        for place, (party, quality) in enumerate(qualities)
    ]


def _features_page(_state: PhoneState) -> Card:
    return Card(word("What is on"), _feature_rows)


def _feature_rows(state: PhoneState) -> list[MenuRow]:
    features, preferences = state.features, state.features.preferences
    rows = [MenuRow(FEATURES["do_not_disturb"], ON)] if preferences.do_not_disturb else []
    if preferences.forward_always:
        rows.append(MenuRow(FEATURES["forward_always"], preferences.forward_always))
    rows += [MenuRow(FEATURES[name], number or ON) for name, number in features.features_on]
    if features.auto_redial is not None:
        rows.append(MenuRow(FEATURES["auto_redial"], ON))
    return rows or [MenuRow(word("Nothing. Calls ring."))]
