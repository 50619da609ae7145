"""Checks run side by side, and none hides another."""

import threading
from collections.abc import Iterator

from fleet.check.report import Check, Row, State, run_all
from fleet.errors import FleetError


def test_one_that_hangs_and_one_that_fails_hide_no_other() -> None:
    never, good = threading.Event(), Row("disk", State.GOOD, "It is there.")

    def hang() -> Iterator[Row]:
        never.wait()
        yield good

    def fail() -> Iterator[Row]:
        yield good
        raise FleetError("The file is away.")

    def stumble() -> Iterator[Row]:
        raise KeyError("x")

    checks = [Check("hangs", hang), Check("fails", fail), Check("stumbles", stumble), Check("disk", lambda: [good])]
    rows = run_all(checks, patience_s=0.3)
    assert [(row.what, row.state) for row in rows] == [
        ("hangs", State.BAD), ("fails", State.BAD), ("stumbles", State.BAD), ("disk", State.GOOD),
    ]  # fmt: skip
    assert (rows[0].says, rows[1].says) == ("There was no answer within 0 s.", "The file is away.")
    never.set()


def test_all_of_them_run_at_once() -> None:
    together = threading.Barrier(3)

    def look() -> list[Row]:
        together.wait(30)
        return [Row("one", State.GOOD, "")]

    assert [row.state for row in run_all([Check("one", look)] * 3)] == [State.GOOD] * 3
