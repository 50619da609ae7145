"""The store and what is kept in it, where it does not open as it should."""

from pathlib import Path

import pytest

from firmware.phone.events import Problem
from firmware.records import Records
from provisioning.schema import parse_configuration

TEXT = """
version = 1
[device]
id = "handset-7"
fleet = "lab"
[[accounts]]
username = "201"
domain = "sip.example.org"
"""


async def test_a_store_that_holds_what_nobody_thought_of_is_a_fault_and_stops_no_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Problem | None] = []

    async def stumble() -> None:
        raise ValueError("Anna, +861012345678")

    records = Records(
        tmp_path,
        parse_configuration(TEXT),
        lambda: None,
        lambda problem, _sentence: faults.append(problem),
        lambda _state: None,
        on_documents=lambda _documents: None,
    )
    monkeypatch.setattr(records.documents, "take_up", stumble)
    await records.start(lambda: None)
    assert faults == [Problem.STORE_UNREADABLE]
    assert records.fault is not None
    assert "ValueError in stumble" in records.fault
    assert "Anna" not in records.fault
    await records.stop()
