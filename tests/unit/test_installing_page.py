"""docs/installing.md explains whatever the display may say of a bundle."""

from pathlib import Path

import pytest

from firmware.display.translation import Language, translator
from firmware.phone.bundle_reasons import CODES

PAGE = Path(__file__).parents[2] / "docs" / "installing.md"
# They say what was done, and nothing is wrong.
GOOD = {code for code in CODES if code.endswith("_written") and "not" not in code}


def test_what_is_wrong_with_a_bundle_is_explained_where_installers_read(subtests: pytest.Subtests) -> None:
    for code in [code for code in CODES if code not in GOOD]:
        with subtests.test(code=code):
            first_sentence = translator(Language.ENGLISH).say(CODES[code]).partition(".")[0]
            assert first_sentence in PAGE.read_text()
