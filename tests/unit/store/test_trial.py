"""Whether the firmware that runs may yet be taken back, as root's service for updates says it."""

from pathlib import Path

import pytest

from firmware.store.trial import is_on_trial

pytestmark = pytest.mark.feature("store on trial")


@pytest.mark.parametrize("on_card", [True, False])
@pytest.mark.parametrize("on_trial", [True, False])
def test_root_says_whether_firmware_is_tried(tmp_path: Path, on_trial: bool, on_card: bool) -> None:
    state = tmp_path / "state.json"
    state.write_text(f'{{"how": "card", "version": "0.3.0", "on_trial": {str(on_trial).lower()}, "tries": 1}}')
    assert is_on_trial(state, on_card=on_card) is on_trial


@pytest.mark.parametrize("said", [None, "", "{", "{}", '{"on_trial": "no"}', '{"on_trial": 0}', "[false]"])
def test_where_nothing_readable_is_said_it_may_be_tried_on_a_card_alone(tmp_path: Path, said: str | None) -> None:
    state = tmp_path / "state.json"
    if said is not None:
        state.write_text(said)
    assert is_on_trial(state, on_card=True)
    assert not is_on_trial(state, on_card=False)
