"""Each promise has a wire that can be cut, and a test of the running handset that would miss it."""

import re
from collections import Counter

import pytest

from tests.wires import ROOT, WIRES, Wire

PROMISES = [*(f"W{number}" for number in range(1, 29)), "H10", "H11"]


def test_each_promise_has_a_wire() -> None:
    count = Counter(wire.promise for wire in WIRES)
    assert set(count) == set(PROMISES)


def test_each_wire_has_a_name_of_its_own() -> None:
    assert len({wire.name for wire in WIRES}) == len(WIRES)


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_a_wire_is_where_it_is_said_to_be(wire: Wire) -> None:
    text = (ROOT / wire.file).read_text(encoding="utf-8")
    assert text.count(wire.uncut) == 1, f"{wire.file} has this {text.count(wire.uncut)} times: {wire.uncut!r}"
    assert wire.uncut != wire.cut


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_the_test_that_would_miss_it_exists(wire: Wire) -> None:
    file, _, test = wire.test.partition("::")
    name, _, case = test.partition("[")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE)
    assert all(word in text for word in re.findall(r"[a-z_]{4,}", case.removesuffix("]")))
