"""Days and moments as the display says them, in the handset's own time zone."""

import time
from typing import Final

_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - reads best so


def moment_in_words(at_s: float, language: str) -> str:
    """Say when something was; the year is left out, since what has happened is read from its newest end."""
    local = time.localtime(at_s)
    if language == "zh":
        return f"{local.tm_mon}月{local.tm_mday}日 {local.tm_hour:02}:{local.tm_min:02}"
    return f"{local.tm_mday} {_MONTHS[local.tm_mon - 1]} {local.tm_hour:02}:{local.tm_min:02}"


def date_in_words(at_s: float, language: str) -> str:
    """Say on which day something was, without the year as well."""
    local = time.localtime(at_s)
    return f"{local.tm_mon}月{local.tm_mday}日" if language == "zh" else f"{local.tm_mday} {_MONTHS[local.tm_mon - 1]}"


def day_in_words(at_s: float, language: str) -> str:
    """Say on which day something will be."""
    local = time.localtime(at_s)
    if language == "zh":
        return f"{local.tm_year}年{local.tm_mon}月{local.tm_mday}日"
    return f"{local.tm_mday} {_MONTHS[local.tm_mon - 1]} {local.tm_year}"
