"""What handsets were set up with before works for good; a file stays here as it was."""

import re
from pathlib import Path

import pytest

from provisioning.parsing import parse_configuration

pytestmark = pytest.mark.feature("old configurations")

FOLDER = Path(__file__).parent / "configurations"
FILES = sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_an_old_example_is_a_configuration_and_so_it_is_with_every_comment_that_holds_a_setting(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert parse_configuration(text).version == 1
    all_on = parse_configuration(re.sub(r"^# (?=\[\[?[a-z_.]+\]|[a-z_]+ = )", "", text, flags=re.MULTILINE))
    assert all_on.sync is not None
    assert [account.identifier for account in all_on.accounts] == ["1001", "office"]
    assert all_on.dialing.hotline is not None
    assert all_on.trust.keys
