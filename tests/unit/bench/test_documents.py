"""The table of phones, as a run of the benchmark makes it."""

from typing import Any

import click
import pytest

from tests.bench.documents import table, written_into

ROWS: list[dict[str, Any]] = [
    {
        "figure": "mouth to ear, median", "unit": "ms", "ours": 71.63, "peers": {"baresip": 146.2, "linphone": None},
        "ratio_to_best": 0.49, "goal": "≤ 0.5x best", "holds": True,
    },
    {
        "figure": "chirps lost", "unit": "", "ours": 0, "peers": {"baresip": 3}, "ratio_to_best": None, "goal": "",
        "holds": None,
    },
]  # fmt: skip


def test_a_row_has_every_phone_and_whether_the_goal_holds() -> None:
    assert table(ROWS).splitlines()[2:] == [
        "| mouth to ear, median, ms | 72 | 146 | - | 0.49 | ≤ 0.5x best | yes |",
        "| chirps lost | 0 | 3 | - | - |  |  |",
    ]


def test_it_takes_the_place_of_the_one_before() -> None:
    before = "a\n<!-- python -m tests.bench.documents writes this -->\nold\n<!-- until here -->\nb\n"
    assert written_into(before, "new") == before.replace("old", "new")
    with pytest.raises(click.ClickException):
        written_into("a text without a place for it", "new")
