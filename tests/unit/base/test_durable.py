import os
from pathlib import Path

import pytest

from firmware.base.durable import replace_durably, shred


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


def test_a_link_in_the_place_of_the_draft_leads_nobody_elsewhere(tmp_path: Path) -> None:
    """Root writes into the handset's folder where somebody types `sudo wecall config forget-operator`."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"kept")
    (tmp_path / ".target.new").symlink_to(precious)
    replace_durably(tmp_path / "target", b"new")
    assert precious.read_bytes() == b"kept"
    assert (tmp_path / "target").read_bytes() == b"new"
    assert not (tmp_path / "target").is_symlink()


def test_a_draft_that_a_crash_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".target.new").write_bytes(b"a longer half of something")
    (tmp_path / ".target.new").chmod(0o644)
    replace_durably(tmp_path / "target", b"new")
    assert (tmp_path / "target").read_bytes() == b"new"
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o600
