"""Both languages say everything, in words that fit the display."""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum

import pytest

from firmware.phone.call import Decision, DisconnectReason, RegistrationFailure, RegistrationState, TransferState
from firmware.phone.events import Problem
from firmware.phone.view import Hint
from firmware.screens.languages import TEXTS, Language
from firmware.screens.lines import COLUMNS, SMALL_COLUMNS, is_latin
from firmware.screens.text import columns, wrap
from provisioning.schema import Device

SENTENCE_ROWS = {
    "hints": 3, "problems": 3, "reasons": 3, "registration_failures": 3, "registrations": 1, "decisions": 2,
    "transfers": 1, "features": 1,
}  # fmt: skip
SMALL_TEXTS = {
    "answer_or_decline", "on_hold_too", "forwarded_by", "retry_in", "message_not_sent",
}  # fmt: skip
FILLED_IN = {"count": 12, "party": "2345", "number": "2345", "s": 12, "loss": 1.5, "jitter": 12.0}


def _tables(language: Language) -> dict[str, Mapping[StrEnum, str]]:
    return {name: getattr(TEXTS[language], name) for name in SENTENCE_ROWS}


def _short_texts(language: Language) -> dict[str, str]:
    texts = TEXTS[language]
    return {
        field.name: getattr(texts, field.name)
        for field in fields(texts)
        if field.name not in SENTENCE_ROWS and field.name != "quality_lines"
    }


def test_every_language_that_can_be_configured_is_spoken() -> None:
    assert set(TEXTS) == set(Language)
    for language in Language:
        Device(id="a", language=language.value)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("table", "enumeration"),
    [
        ("hints", Hint),
        ("problems", Problem),
        ("reasons", DisconnectReason),
        ("registration_failures", RegistrationFailure),
        ("registrations", RegistrationState),
        ("decisions", Decision),
        ("transfers", TransferState),
    ],
)
def test_every_word_has_its_text(language: Language, table: str, enumeration: type[StrEnum]) -> None:
    texts = _tables(language)[table]
    assert set(texts) == set(enumeration)
    assert all(text.strip() for text in texts.values())


@pytest.mark.parametrize("language", Language)
def test_every_sentence_fits_its_page(language: Language) -> None:
    for table, rows in SENTENCE_ROWS.items():
        for word, text in _tables(language)[table].items():
            assert len(wrap(text, COLUMNS)) <= rows, word


@pytest.mark.parametrize("language", Language)
def test_every_short_text_fits_its_line(language: Language) -> None:
    for name, text in _short_texts(language).items():
        rows = 2 if name in {"ask_installer", "no_service", "no_calls_yet", "trying_again_in"} else 1
        width = SMALL_COLUMNS if name in SMALL_TEXTS and is_latin(text) else COLUMNS
        assert text
        assert len(wrap(text.format(**FILLED_IN), width)) <= rows, name


@pytest.mark.parametrize("language", Language)
def test_what_is_said_about_a_call_fits_its_lines(language: Language) -> None:
    texts = TEXTS[language]
    for words in (texts.sound_good, texts.sound_fair, texts.sound_poor):
        for template in texts.quality_lines:
            line = template.format(words=words, mos=4.3, loss=0.4, jitter=8, delay="42", codec="G722", lock="SRTP")
            assert columns(line) <= (SMALL_COLUMNS if is_latin(line) else COLUMNS)


def test_no_chinese_text_was_left_in_english() -> None:
    english, chinese = _short_texts(Language.ENGLISH), _short_texts(Language.CHINESE)
    for table in SENTENCE_ROWS:
        english |= {f"{table}.{word}": text for word, text in _tables(Language.ENGLISH)[table].items()}
        chinese |= {f"{table}.{word}": text for word, text in _tables(Language.CHINESE)[table].items()}
    for name, text in chinese.items():
        assert text != english[name], name
        assert columns(text) > len(text), name


@pytest.mark.parametrize("language", Language)
def test_no_failure_is_a_code_alone(language: Language) -> None:
    for text in [*TEXTS[language].registration_failures.values(), *TEXTS[language].reasons.values()]:
        assert not any(character.isdigit() for character in text)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("hint", [Hint.CALL_ON_HOLD, Hint.REDIALLING, Hint.PRESS_REDIAL_TO_KEEP_TRYING])
def test_what_can_be_done_when_a_call_has_ended_fits_below_why_it_ended_and_with_whom(
    language: Language, hint: Hint
) -> None:
    assert columns(TEXTS[language].hints[hint]) <= COLUMNS


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("hint", [Hint.FEATURE_ON, Hint.FEATURE_OFF, Hint.FEATURE_IMPOSSIBLE])
def test_what_became_of_a_feature_fits_below_its_code_and_its_name(language: Language, hint: Hint) -> None:
    assert columns(TEXTS[language].hints[hint]) <= COLUMNS
