"""The picture of how a fleet's figures grow, and the words about them, are of the same measurement."""

import json
import re
from pathlib import Path
from typing import Final

from tests.bench.fleet_growth import KEPT, PICTURE, points

_TEXT: Final = (Path(__file__).parents[3] / "docs" / "fleet.md").read_text()


def test_the_picture_has_every_figure_that_is_kept() -> None:
    words = re.findall(r"<text[^>]*>([^<]+)</text>", PICTURE.read_text())
    for title, lines in points(json.loads(KEPT.read_text())):
        assert title in words
        for name, line in lines:
            assert name == "" or name in words
            assert {f"{value:,.0f}" for _, value in line} <= set(words)


def test_the_page_about_fleets_speaks_of_the_same_figures() -> None:
    kept = json.loads(KEPT.read_text())

    def listed(section: str, what: str) -> str:
        *first, last = (f"{row[what]:,.0f}" for row in kept[section])
        return f"{', '.join(first)} and {last}"

    assert f"all back after {listed('fleet', 'back_s')} s" in _TEXT
    assert f"bare clients after {listed('fleet', 'bare_s')} s" in _TEXT
    assert f"est second {listed('fleet', 'peak')};" in _TEXT
    assert f"broker {listed('fleet', 'broker_mb')} MB" in _TEXT
    assert f"median {listed('dashboard', 'median_ms')}, p95 {listed('dashboard', 'p95_ms')} ms" in _TEXT
