import os
from pathlib import Path

import pytest

from firmware.durable import replace_durably


def test_a_crash_while_writing_leaves_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "file"
    replace_durably(target, b"old")

    def crash(source: Path, destination: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_durably(target, b"new", replace=crash)
    assert target.read_bytes() == b"old"
    replace_durably(target, b"newer", replace=os.replace)
    assert target.read_bytes() == b"newer"
