import os
from pathlib import Path

import pytest

from firmware.durable import replace_durably, shred


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


def test_of_a_shredded_file_nothing_is_left_where_it_lay(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"secret" * 1000)
    # Another name for the same bytes on the disk.
    (tmp_path / "same").hardlink_to(target)
    shred(target)
    assert not target.exists()
    assert (tmp_path / "same").read_bytes() == bytes(6000)
    shred(target)
