"""Everything that the phone says is said in every language, out of catalogues that are compiled and up to date."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import string
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo

from contract.calls import DisconnectReason
from firmware.base.words import counted, word
from firmware.display import translation
from firmware.display.translation import Language, translator
from firmware.phone import phrases
from firmware.phone.call import Decision, RegistrationFailure, RegistrationState, TransferState
from firmware.phone.news import Problem
from firmware.phone.view import Hint
from provisioning.device import Device
from tools.words.catalogues import extract, message_id, paths, read

CATALOGUES = {Language(path.parents[1].name): read(path) for path in paths()}
UP_TO_DATE = "run make words, then translate what it names"


@pytest.fixture(scope="module")
def messages() -> dict[str, Message]:
    """Every message of the code, which takes a second to read."""
    return messages_of(extract())


def texts(message: Message) -> tuple[str, ...]:
    """Every English message that may be shown: the singular and the plural."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def translations(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def places(text: str) -> set[str]:
    return {place for _, place, _, _ in string.Formatter().parse(text) if place is not None}


def messages_of(catalogue: Catalog) -> dict[str, Message]:
    return {message_id(message.id): message for message in catalogue if message.id}


def test_every_language_that_can_be_configured_is_spoken() -> None:
    assert set(CATALOGUES) | {Language.ENGLISH} == set(Language)
    for language in Language:
        Device(id="a", language=language.value)


def test_the_code_s_messages_are_found(messages: dict[str, Message]) -> None:
    assert {"Incoming call", "{count} missed call", "Busy"} <= messages.keys()
    assert len(messages) > 100


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_message_of_the_code_is_translated(language: Language, messages: dict[str, Message]) -> None:
    translated = messages_of(CATALOGUES[language])
    for english, message in messages.items():
        assert english in translated, UP_TO_DATE
        assert all(translations(translated[english])), f"{english!r} has no translation: {UP_TO_DATE}"
        assert not translated[english].fuzzy, english
        assert texts(translated[english]) == texts(message)


@pytest.mark.parametrize("language", CATALOGUES)
def test_no_catalogue_holds_what_nobody_says_any_more(language: Language, messages: dict[str, Message]) -> None:
    assert messages_of(CATALOGUES[language]).keys() <= messages.keys(), UP_TO_DATE


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_has_the_places_of_its_message(language: Language) -> None:
    for english, message in messages_of(CATALOGUES[language]).items():
        for translated in filter(None, translations(message)):
            assert places(translated) == places(texts(message)[-1]), english


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.parents[1].name)
def test_what_the_phone_reads_is_compiled_from_the_catalogue_as_it_is_now(path: Path) -> None:
    compiled_path = path.with_suffix(".mo")
    assert compiled_path.exists(), f"{compiled_path} is missing: run make words"
    with compiled_path.open("rb") as file:
        compiled = {message_id(message.id): translations(message) for message in read_mo(file) if message.id}
    current = {english: translations(message) for english, message in messages_of(read(path)).items()}
    assert compiled == {english: said for english, said in current.items() if all(said)}, "stale: run make words"


def test_a_word_is_said_in_each_language() -> None:
    assert translator(Language.ENGLISH).say(word("Busy")) == "Busy"
    assert translator(Language.CHINESE).say(word("Busy")) == "对方正忙"


def test_what_is_somebody_s_is_said_as_it_is() -> None:
    assert translator(Language.CHINESE).say("Busy") == "Busy"
    assert translator(Language.CHINESE).say(word("Held: {party}", party="{x} Busy")) == "保持：{x} Busy"


def test_words_within_words_are_translated() -> None:
    held = word("Held: {party}", party=word("Number withheld"))
    assert translator(Language.CHINESE).say(held) == "保持：隐藏号码"
    assert translator(Language.ENGLISH).say(held) == "Held: Number withheld"


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (0, "0 missed calls", "0个未接来电"),
        (1, "1 missed call", "1个未接来电"),
        (2, "2 missed calls", "2个未接来电"),
    ],
)
def test_what_is_counted_is_said_in_the_language_s_own_plural(count: int, english: str, chinese: str) -> None:
    missed = counted("{count} missed call", "{count} missed calls", count)
    assert translator(Language.ENGLISH).say(missed) == english
    assert translator(Language.CHINESE).say(missed) == chinese


def test_a_message_that_no_catalogue_has_is_said_in_english() -> None:
    assert translator(Language.CHINESE).say(word("Never seen")) == "Never seen"


def test_without_its_catalogue_a_language_is_english_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(translation, "CATALOGUES", tmp_path)
    translator.cache_clear()
    try:
        missing = translator(Language.CHINESE)
        assert missing.say(word("Busy")) == "Busy"
        assert "zh" in caplog.text
    finally:
        translator.cache_clear()


@pytest.mark.parametrize(
    ("table", "enumeration"),
    [
        (phrases.HINTS, Hint),
        (phrases.PROBLEMS, Problem),
        (phrases.REASONS, DisconnectReason),
        (phrases.REGISTRATION_FAILURES, RegistrationFailure),
        (phrases.REGISTRATIONS, RegistrationState),
        (phrases.DECISIONS, Decision),
        (phrases.TRANSFERS, TransferState),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_state_and_reason_has_its_words(table: Mapping[Enum, object], enumeration: type[Enum]) -> None:
    assert set(table) == set(enumeration)


def test_no_failure_is_a_code_alone() -> None:
    for words in [*phrases.REGISTRATION_FAILURES.values(), *phrases.REASONS.values()]:
        assert not any(character.isdigit() for character in words.text)
