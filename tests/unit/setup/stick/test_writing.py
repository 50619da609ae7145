"""What is laid out for a stick, and whether it got there."""

from pathlib import Path

import pytest

from firmware.setup.stick.folder import StickFolder
from firmware.setup.stick.writing import Outgoing


@pytest.fixture
def outgoing(tmp_path: Path) -> Outgoing:
    (tmp_path / "outgoing").mkdir()
    return Outgoing(tmp_path / "outgoing")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def test_what_was_laid_out_is_on_the_stick_and_that_is_known(outgoing: Outgoing, stick: Path) -> None:
    outgoing.lay_out("report.txt", "done")
    outgoing.write_to(StickFolder(stick))
    assert (stick / "report.txt").read_text() == "done"
    assert outgoing.is_written


def test_where_nothing_but_an_order_is_to_be_written_that_much_is_done(outgoing: Outgoing, stick: Path) -> None:
    outgoing.mark_ordered()
    outgoing.write_to(StickFolder(stick))
    assert outgoing.is_written


def test_where_whoever_looked_was_cut_off_nothing_is_said_to_be_written(outgoing: Outgoing, stick: Path) -> None:
    outgoing.write_to(StickFolder(stick))
    assert not outgoing.is_written
