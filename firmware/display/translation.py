"""Says the phone's words in a language, from gettext's compiled catalogues; `make words` makes these."""

import gettext
import logging
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from firmware.base.words import Text

_log = logging.getLogger(__name__)

DOMAIN: Final = "wecall"
CATALOGUES: Final = Path(__file__).with_name("catalogues")


class Language(StrEnum):
    """The languages that a configuration or the holder may choose."""

    ENGLISH = "en"
    CHINESE = "zh"


class Translator:
    """One language."""

    def __init__(self, language: Language, messages: gettext.NullTranslations) -> None:
        """`messages` are those of the language's catalogue; English, which the code is written in, needs none."""
        self.language = language
        self._messages = messages

    def say(self, text: Text) -> str:
        """Translate a word, with the words in its places; what is somebody's is said as it is."""
        if isinstance(text, str):
            return text
        values = {place: value if isinstance(value, int) else self.say(value) for place, value in text.values}
        count = values.get("count")
        if text.many and isinstance(count, int):
            message = self._messages.ngettext(text.text, text.many, count)
        else:
            message = self._messages.gettext(text.text)
        return message.format_map(values)


@cache
def translator(language: Language) -> Translator:
    """Return the translator into a language; it says the English words where the catalogue is missing."""
    if language is Language.ENGLISH:
        return Translator(language, gettext.NullTranslations())
    try:
        messages: gettext.NullTranslations = gettext.translation(DOMAIN, CATALOGUES, [language.value])
    except OSError:
        _log.warning("The words of the language %s are missing in %s; English is shown.", language.value, CATALOGUES)
        messages = gettext.NullTranslations()
    return Translator(language, messages)
