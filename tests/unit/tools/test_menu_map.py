import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from firmware.phone import menu
from firmware.phone.menu_stack import Quiet
from tools.menu_map.document import PATH, document
from tools.menu_map.walk import MOST_KEYS, Stop, walk

_BELONG_TO_A_PAGE = {
    "Question",
    "Notice",
    "PinNotice",
    "RequestNotice",
    "PinEntry",
}
"""They ask before something is done, say what became of it, take a new PIN after the old one, or are a later step."""
_LATER_STEPS = {
    "Explanation", "GuardianCheck", "NewPin", "PolicyStep", "ServiceStep", "NumberStep", "CodeEntry", "ActivationEnd",
}  # fmt: skip
"""Pages of the first run, of which the map shows the beginning."""
_BEHIND_THE_PIN = {"CopyingPage", "DataList", "ErasureList", "ResetRequestPage", "RestoringPage", "WordsPage"}
"""The map ends where a PIN is typed."""
_BROUGHT_BY_A_STICK = {"BundlePage"}
"""No key opens it."""
_ASKED_BY_ITSELF = {"CountryPage"}
"""The display asks, where the configuration does not say it; then it is behind the PIN too."""
_WHILE_IT_IS_NEW = {"AnswerPage", "OfferPage"}
"""OK on the idle page leads there."""
_BEHIND_A_QUESTION = {"SelfTest"}
"""Nobody is to find themselves in it."""
_BUILT_ON = {"Card", "LongList", "Options", "Reading", "Sentence", "Unnumbered"}
"""No page by themselves."""


@pytest.fixture(scope="module")
def stops() -> tuple[Stop, ...]:
    return walk()


def _kinds(kind: type[object]) -> Iterator[type[object]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def test_the_map_in_the_documentation_is_that_of_the_menus(stops: tuple[Stop, ...]) -> None:
    assert PATH.read_text(encoding="utf-8") == document(stops), "run make menu"


def test_every_page_is_within_four_keys_of_the_idle_page(stops: tuple[Stop, ...]) -> None:
    far = {stop.title: len(stop.keys) for stop in stops if len(stop.keys) > MOST_KEYS}
    assert far == {}


def test_every_kind_of_page_is_on_the_map(stops: tuple[Stop, ...]) -> None:
    for module in pkgutil.iter_modules(menu.__path__, f"{menu.__name__}."):
        importlib.import_module(module.name)
    kinds = {kind.__name__ for kind in _kinds(Quiet) if kind.__module__.startswith(menu.__name__)}
    by_keys = _BELONG_TO_A_PAGE | _LATER_STEPS | _BEHIND_THE_PIN
    elsewhere = by_keys | _BUILT_ON | _BROUGHT_BY_A_STICK | _ASKED_BY_ITSELF | _WHILE_IT_IS_NEW | _BEHIND_A_QUESTION
    assert kinds - elsewhere <= {stop.kind for stop in stops}


def test_no_two_pages_are_reached_by_the_same_keys(stops: tuple[Stop, ...]) -> None:
    assert len({stop.keys for stop in stops}) == len(stops)
