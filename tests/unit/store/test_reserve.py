from pathlib import Path

import pytest

from firmware.store.reserve import Reserve

KEPT = 512 * 1024


def test_the_room_is_kept_by_blocks_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "store.db.reserve"
    Reserve(path, KEPT).lay_by()
    assert path.stat().st_blocks * 512 >= KEPT
    assert path.stat().st_mode & 0o777 == 0o600


def test_room_that_was_let_go_is_gone_and_can_be_kept_again(tmp_path: Path) -> None:
    path = tmp_path / "store.db.reserve"
    reserve = Reserve(path, KEPT)
    reserve.lay_by()
    assert reserve.give_up()
    assert not path.exists()
    assert not reserve.give_up()
    reserve.lay_by()
    assert reserve.give_up()


def test_where_nothing_is_to_be_kept_there_is_no_file(tmp_path: Path) -> None:
    Reserve(tmp_path / "store.db.reserve", 0).lay_by()
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_nothing_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def full(_descriptor: int, _offset: int, size: int) -> None:
        sizes.append(size)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    reserve = Reserve(tmp_path / "store.db.reserve", KEPT)
    reserve.lay_by()
    assert sizes == [KEPT, KEPT // 2, KEPT // 4]
    assert not reserve.give_up()
