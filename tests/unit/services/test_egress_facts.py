from typing import Literal

import pytest

from contract import discovery, messages
from contract.closed import Closed
from contract.messages import CdrMessage, Message
from firmware.services.egress_facts import WORDS, egress_facts, leaving_fields, leaving_models
from tests.unit.phone.menus import said

_FIELDS = [field for model in leaving_models() for field in leaving_fields(model)]


def test_each_field_that_leaves_has_words_of_its_own(subtests: pytest.Subtests) -> None:
    for field in _FIELDS:
        with subtests.test(field=field):
            assert field in WORDS
            assert said(WORDS[field]) in [said(value) for _, value in egress_facts()]


def test_there_are_no_words_for_what_does_not_leave() -> None:
    assert set(WORDS) == set(_FIELDS)


def test_every_closed_message_is_there() -> None:
    # A CdrMessage is nothing but call records; an address names the topic.
    modules = (messages, discovery)
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Message)
    }
    named = {model for model, _ in _FIELDS} | {model.__name__ for model in leaving_models()}
    # Components are nothing but entities, and who says so is always the same.
    assert {kind.__name__ for kind in kinds} - named == {
        "Message", CdrMessage.__name__, "Components", "Origin",
    }  # fmt: skip


def test_a_field_that_is_new_is_shown_by_its_name_until_somebody_words_it() -> None:
    class Tomorrow(Message):
        mood: str

    assert list(leaving_fields(Tomorrow)) == [("Tomorrow", "mood")]
    assert issubclass(Tomorrow, Closed)


def test_what_can_have_one_value_only_tells_nothing_and_is_not_shown() -> None:
    class Constant(Message):
        maker: Literal["WeCall"]
        state: Literal["on", "off"]

    assert list(leaving_fields(Constant)) == [("Constant", "state")]


def test_the_holder_is_told_what_never_leaves() -> None:
    *_, never, calls = [said(value) for _, value in egress_facts()]
    assert "recordings" in never
    assert "operator" in calls
