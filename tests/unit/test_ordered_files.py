"""A stick takes away what the holder ordered just now, and nothing else."""

from pathlib import Path

import pytest

from firmware.errors import StorageError
from firmware.ordered_files import GRACE_S, OrderedFiles

NAME = "wecall-20260102-030405.tar.age"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ordered(tmp_path: Path, clock: Clock) -> OrderedFiles:
    (tmp_path / NAME).write_bytes(b"the holder's")
    (tmp_path / "another").write_bytes(b"not ordered")
    return OrderedFiles(tmp_path, clock)


def test_nothing_leaves_that_nobody_ordered(ordered: OrderedFiles) -> None:
    assert list(ordered.listed()) == []
    with pytest.raises(StorageError, match="was not ordered"):
        ordered.read(NAME, 0, 100)


def test_what_was_ordered_can_be_fetched_in_pieces_to_its_end(ordered: OrderedFiles) -> None:
    ordered.order([NAME])
    assert list(ordered.listed()) == [(NAME, 12)]
    pieces = [ordered.read(NAME, 0, 5), ordered.read(NAME, 5, 5), ordered.read(NAME, 10, 5), ordered.read(NAME, 12, 5)]
    assert pieces == [b"the h", b"older", b"'s", b""]


@pytest.mark.parametrize("name", ["another", "../" + NAME, "/etc/passwd", "."])
def test_an_order_opens_no_other_file(ordered: OrderedFiles, name: str) -> None:
    ordered.order([NAME])
    with pytest.raises(StorageError):
        ordered.read(name, 0, 100)


def test_whoever_comes_with_a_stick_later_gets_nothing(ordered: OrderedFiles, clock: Clock) -> None:
    ordered.order([NAME])
    clock.now_s += GRACE_S + 1
    assert list(ordered.listed()) == []
    with pytest.raises(StorageError, match="too long ago"):
        ordered.read(NAME, 0, 100)


def test_a_slow_stick_gets_all_of_it(ordered: OrderedFiles, clock: Clock) -> None:
    ordered.order([NAME])
    for at in range(12):
        clock.now_s += GRACE_S - 1
        assert ordered.read(NAME, at, 1)


def test_an_order_that_is_too_old_does_not_come_back_with_the_next_one(ordered: OrderedFiles, clock: Clock) -> None:
    ordered.order([NAME])
    clock.now_s += GRACE_S + 1
    ordered.order(["another"])
    assert list(ordered.listed()) == [("another", 11)]


def test_two_orders_shortly_after_one_another_are_both_fetched(ordered: OrderedFiles) -> None:
    ordered.order([NAME])
    ordered.order(["another"])
    assert list(ordered.listed()) == [(NAME, 12), ("another", 11)]


def test_what_is_on_the_stick_is_gone_here_and_only_that(ordered: OrderedFiles, tmp_path: Path) -> None:
    ordered.order([NAME])
    ordered.written([NAME, "another"])
    assert [path.name for path in tmp_path.iterdir()] == ["another"]
    assert list(ordered.listed()) == []


def test_a_link_that_lies_where_the_file_was_is_not_followed(ordered: OrderedFiles, tmp_path: Path) -> None:
    ordered.order([NAME])
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "another")
    with pytest.raises(StorageError):
        ordered.read(NAME, 0, 100)
