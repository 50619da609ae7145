"""Whether the wall clock can be right at all."""

from pathlib import Path

import pytest

from firmware.base.proven_time import built_at_s
from firmware.services import clock


def test_a_clock_before_the_firmware_was_built_cannot_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "is_synchronised", lambda: False)
    monkeypatch.setattr("time.time", lambda: built_at_s() - 1)
    assert not clock.is_plausible()
    monkeypatch.setattr("time.time", lambda: built_at_s() + 1)
    assert clock.is_plausible()


def test_what_was_built_says_when_and_source_is_as_old_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "built-at"
    written_s = built_at_s(path)
    path.write_text(f"{written_s + 9:.0f}\n")
    assert built_at_s(path) == written_s + 9
    path.write_text("soon\n")
    assert built_at_s(path) == written_s
